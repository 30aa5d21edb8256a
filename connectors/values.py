"""From a vendor's spelling of a value to ours and back. The rule: one spelling each (`FieldType`), and nothing is sent
that the server would quietly change.

Reading never loses what came: a value that is not of its field's type is kept as text, so that a person sees it; filters
count it as empty in a field of numbers or of yes and no. Writing refuses such a value and says which field, why, and of what shape it was, never the value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import orjson

from connectors import lines, spelling
from connectors.errors import RecordInvalid
from connectors.spelling import (
    UNSTORABLE,
    as_text,
    canonical_boolean,
    canonical_date,
    canonical_number,
    canonical_time,
    from_utc,
    to_utc,
)
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType, ModuleSchema, Values
from connectors.wording import joined, said
from connectors.wording import text as _

__all__ = [
    "CODEC_VERSION",
    "Codec",
    "canonical_boolean",
    "canonical_date",
    "canonical_json",
    "canonical_number",
    "canonical_time",
    "complete",
    "digest",
    "from_utc",
    "is_secret_field",
    "line",
    "plain",
    "redact",
    "shape",
    "storable",
    "strip_secrets",
    "to_utc",
]

CODEC_VERSION = 2  # raise it when a decoded value changes its spelling: mirrors are then read again in full

_SECRET = re.compile(
    r"accesskey|passkey|apikey|crypttype|passw(or)?d|passphrase|user_?hash|portal.*hash|secret$|(access|refresh)token$"
)
_OWN_HOOKS = (
    FieldType.BOOLEAN,
    FieldType.DATE,
    FieldType.TIME,
    FieldType.DATETIME,
    FieldType.MULTICHOICE,
    FieldType.REFERENCE,
    FieldType.JSON,
)
Hook = Callable[[FieldSchema, JSON], JSON]


class Codec:
    """One vendor's spelling. A vendor overrides the hooks in which it differs; `decode`/`encode` keep the rules.

    A hook gets a value that is not empty and raises ValueError ("is not a date …") for one it cannot read. `encode_*`
    hooks get canonical values. `zone` is the IANA name in which the server writes date-times that name no offset.
    """

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        numbers = dict.fromkeys(NUMBER_TYPES, "number")
        kinds = dict.fromkeys(FieldType, "text") | numbers | {t: t.value for t in _OWN_HOOKS}
        kinds |= {FieldType.LINES: "json", FieldType.OWNER: "reference", FieldType.ID: "reference"}
        self._decoders: dict[FieldType, Hook] = {t: getattr(self, f"decode_{kind}") for t, kind in kinds.items()}
        self._encoders: dict[FieldType, Hook] = {t: getattr(self, f"encode_{kind}") for t, kind in kinds.items()}

    # One value

    def decode(self, field: FieldSchema, wire: JSON) -> JSON:
        """Return the canonical value of what the server sent. Never raises for a value; see the module's rule."""
        if self.is_empty(field, wire):
            return None
        clean = storable(wire)
        try:
            return self._decoders[field.type](field, clean)
        except ValueError:
            return clean if isinstance(clean, list | dict) else as_text(clean)

    def encode(self, field: FieldSchema, value: JSON) -> JSON:
        """Return what to send for a value, canonical or as a person writes it ("yes", "۱۲٫۵", a choice's label).

        Raises RecordInvalid naming the field when the server could not hold it.
        """
        try:
            canonical = self.canonical(field, value)
            if canonical is None and field.required:
                raise ValueError(_("is required and cannot be emptied"))
            return self.encode_empty(field) if canonical is None else self._encoders[field.type](field, canonical)
        except ValueError as e:
            problem = _("%(why)s; given was %(shape)s", why=said(e), shape=shape(value))
            sentence = _("“%(field)s” %(problem)s.", field=field.label or field.name, problem=problem)
            raise RecordInvalid(sentence, fields={field.name: problem}) from e

    def canonical(self, field: FieldSchema, value: JSON) -> JSON:
        """Return the one spelling of a value a person or a mapping gave; None for nothing. Raises ValueError."""
        if storable(value) != value:
            raise ValueError(_("holds a character that cannot be stored (NUL or half of a pair)"))
        canonical = spelling.canonical(field, value, self.zone)
        if field.max_length is not None and isinstance(canonical, str) and len(canonical) > field.max_length:
            raise ValueError(_("may have at most %(length)s characters", length=field.max_length))
        return canonical

    # Whole records

    def decode_values(self, schema: ModuleSchema, wire: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the canonical values of the schema's fields that the answer carried, without password-like ones."""
        return {
            f.name: self.decode(f, wire[f.name])
            for f in schema.fields
            if f.name in wire and not is_secret_field(f.name)
        }

    def encode_values(self, schema: ModuleSchema, values: Values) -> dict[str, JSON]:
        """Return what to send for these fields. Raises RecordInvalid with every field that is wrong, and why."""
        wire: dict[str, JSON] = {}
        wrong: dict[str, str] = {}
        for name, value in values.items():
            field = schema.field(name)
            if field is None or not field.editable:
                wrong[name] = _("does not exist") if field is None else _("cannot be changed")
                continue
            try:
                wire[name] = self.encode(field, value)
            except RecordInvalid as e:
                wrong |= e.fields
        if wrong:
            told = joined(
                _("; "), (_("“%(field)s” %(problem)s", field=name, problem=why) for name, why in wrong.items())
            )
            sentence = _("Nothing was sent to %(module)s: %(problems)s.", module=schema.module.label, problems=told)
            raise RecordInvalid(sentence, fields=wrong)
        return wire

    # Hooks: reading

    def is_empty(self, field: FieldSchema, wire: JSON) -> bool:
        """Say whether the server means "nothing" by this."""
        return wire is None or wire == "" or wire == [] or wire == {}

    def decode_text(self, field: FieldSchema, wire: JSON) -> JSON:
        return as_text(wire)

    def decode_number(self, field: FieldSchema, wire: JSON) -> JSON:
        return canonical_number(as_text(wire))

    def decode_boolean(self, field: FieldSchema, wire: JSON) -> JSON:
        return canonical_boolean(wire)

    def decode_date(self, field: FieldSchema, wire: JSON) -> JSON:
        return canonical_date(str(wire))

    def decode_time(self, field: FieldSchema, wire: JSON) -> JSON:
        return canonical_time(str(wire))

    def decode_datetime(self, field: FieldSchema, wire: JSON) -> JSON:
        return to_utc(str(wire), self.zone)

    def decode_multichoice(self, field: FieldSchema, wire: JSON) -> JSON:
        return [as_text(part) for part in wire] if isinstance(wire, list) else [as_text(wire)]

    def decode_reference(self, field: FieldSchema, wire: JSON) -> JSON:
        return as_text(wire).strip() or None

    def decode_json(self, field: FieldSchema, wire: JSON) -> JSON:
        if field.type is not FieldType.LINES or not isinstance(wire, list):
            return wire
        return [lines.decoded(field, line(i), self.decode) if isinstance(i, dict) else i for i in wire]

    # Hooks: writing. By default a canonical value is sent as it is, a date-time as local time of the server.

    def encode_empty(self, field: FieldSchema) -> JSON:
        return None

    def encode_text(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_number(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_boolean(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_date(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_time(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_datetime(self, field: FieldSchema, value: JSON) -> JSON:
        return from_utc(value, self.zone)

    def encode_multichoice(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_reference(self, field: FieldSchema, value: JSON) -> JSON:
        return value

    def encode_json(self, field: FieldSchema, value: JSON) -> JSON:
        return lines.encoded(field, value, self.encode) if field.lines else value


def complete(schema: ModuleSchema, values: Values) -> None:
    """Raise RecordInvalid when a new record would lack a field that it must have and that has no preset."""
    needed = (f for f in schema.fields if f.required and f.editable and f.default is None)
    missing = [f.name for f in needed if values.get(f.name) in (None, "", [])]
    if missing:
        fields, names = dict.fromkeys(missing, _("is required")), ", ".join(missing)
        label = schema.module.label
        sentence = _("Nothing was sent to %(module)s: needed are %(names)s.", module=label, names=names)
        raise RecordInvalid(sentence, fields=fields)


def line(item: JSON) -> JSON:
    """Return one line of a sales document, its values as everywhere (`plain`), without password-like ones."""
    return {n: plain(v) for n, v in item.items() if not is_secret_field(str(n))} if isinstance(item, dict) else item


def plain(value: JSON) -> JSON:
    """Return a value whose type nothing tells: a number as canonical text, None for "", anything else as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return canonical_number(str(value))
    return None if value == "" else value


@lru_cache(maxsize=4096)
def is_secret_field(name: str) -> bool:
    """Say whether a field of that name holds a password, a key or a hash of one (vendors' facts: Vtiger's Users,
    OpenCRM's contacts, SarvCRM's portal users). Such values are kept nowhere."""
    return bool(_SECRET.search(re.sub(r"[^a-z0-9]", "", name.lower())))


@lru_cache(maxsize=1024)
def _secret_fields(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if is_secret_field(name))


def strip_secrets(values: Values) -> Values:
    """Return the values without the password-like ones; the same object where there are none."""
    secret = _secret_fields(tuple(values))  # a module's records carry the same names a hundred thousand times
    return {name: value for name, value in values.items() if name not in secret} if secret else values


def redact(values: Values) -> dict[str, JSON]:
    """Return the values with "•" for the password-like ones: it can be seen that there was one."""
    return {name: "•" if is_secret_field(name) else value for name, value in values.items()}


def canonical_json(values: Values) -> bytes:
    """Return the values as JSON that is the same whatever the order of keys. Raises TypeError for what is not JSON."""
    return orjson.dumps(values if isinstance(values, dict) else dict(values), option=orjson.OPT_SORT_KEYS)


def digest(values: Values | bytes) -> bytes:
    """Return 16 bytes that are equal exactly when the canonical values, or their `canonical_json`, are."""
    document = values if isinstance(values, bytes) else canonical_json(values)
    return hashlib.blake2b(document, digest_size=16).digest()


def shape(value: JSON) -> str:
    """Describe a value without telling it: "a text of 12 characters"."""
    if isinstance(value, str):
        return _("a text of %(count)s characters", count=len(value))
    if isinstance(value, list | tuple):
        return _("a list of %(count)s", count=len(value))
    named = {"NoneType": _("nothing"), "bool": _("true or false"), "dict": _("an object")}
    return named.get(type(value).__name__) or _("a number")


def storable(value: JSON) -> JSON:
    """Return the value with characters no database can hold (NUL, lone surrogates) replaced by U+FFFD."""
    if isinstance(value, str):
        clean = value.isascii() and "\x00" not in value  # quick, and true of most
        return value if clean else UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    if isinstance(value, Mapping):
        return {str(storable(str(key))): storable(part) for key, part in value.items()}
    return value
