"""The modules of one server as it describes them. The rule: a description is asked once per connector, and what a delta needs
of it is remembered beyond that, so that a delta over nothing new is one call.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from difflib import get_close_matches

from connectors.context import Learned
from connectors.errors import AccessDenied, ConfigError, QueryError
from connectors.types import JSON, FieldSchema, FieldType, Module
from connectors.vtiger import inventory
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.codec import VtigerCodec
from connectors.vtiger.reading import Reader
from connectors.vtiger.schema import Described, assembled, described, listed
from connectors.wording import text as _


class Modules:
    """What there is, and readers of it."""

    def __init__(self, client: VtigerClient, codec: VtigerCodec, learned: Learned, extra: Sequence[str] = ()) -> None:
        """`extra` are names of modules that are offered though the server does not list them."""
        self._client = client
        self._extra = extra
        self._codec = codec
        self._learned = learned
        self._described: dict[str, Described] = {}
        self._of_a_line: tuple[dict[str, JSON], ...] = ()

    def offered(self) -> tuple[list[Module], list[str]]:
        """Return the modules this user may see, in the server's order, then those a person named besides; and the names of
        those that are not there."""
        found, refused = self.listed(), list[str]()
        known = {module.name for module in found}
        for name in self._extra:
            try:
                module = Module(name, name) if name in known else self.described(name).schema.module
            except (QueryError, AccessDenied):
                refused.append(name)
                continue
            found += [module] if module.name not in known else []
            known.add(module.name)
        return found, refused

    def listed(self) -> list[Module]:
        """Return the modules that the server lists for this user."""
        told = self._client.listtypes()
        known = told.get("information") or {}
        return [listed(str(name), known.get(name) or {}) for name in told.get("types") or []]

    def described(self, name: str) -> Described:
        """Return what the server says of a module. Raises QueryError, naming similar ones, when it is not there."""
        if name not in self._described:
            told, lines = self._asked(name), self._line_fields() if name in inventory.MODULES else ()
            self._described[name] = described(told, self._codec, self._client.user_id(), lines)
            self._remember(name, frozenset())
        return self._described[name]

    def _line_fields(self) -> Sequence[dict[str, JSON]]:
        """Return the fields of a line as the server describes them; those every one has where it does not."""
        if not self._of_a_line:
            try:
                self._of_a_line = tuple(self._client.describe(inventory.LINE).get("fields") or ())
            except (QueryError, AccessDenied):
                self._of_a_line = inventory.USUAL
        return self._of_a_line

    def reader(self, name: str) -> Reader:
        """Return a reader that knows the module as it is described now."""
        return Reader(self._client, self._codec, self.described(name))

    def remembering_reader(self, name: str) -> Reader:
        """Return a reader by what is remembered of the module; a field new to it is looked up when a row shows one.

        For what names no fields to the server: of an unknown one it says "no rows" (C5).
        """
        told = self._learned.get(about(name))
        if name in self._described or not isinstance(told, dict):
            return self.reader(name)
        known: dict[str, str] = told["types"]
        of_a_line = tuple(remembered(told.get("lines") or {}))
        fields = [replace(f, lines=of_a_line) if f.type is FieldType.LINES else f for f in remembered(known)]
        found = Described(assembled(Module(name, name), fields), told["prefix"])
        return Reader(self._client, self._codec, found, known.keys(), lambda unknown: self._renewed(name, unknown))

    def _renewed(self, name: str, unknown: Set[str]) -> Described:
        """Describe a module anew because its rows show unknown fields; those nobody describes are ignored from now on."""
        found = self.described(name)
        self._remember(name, unknown - set(found.schema.names))
        return found

    def _remember(self, name: str, ignored: Set[str]) -> None:
        found = self._described[name]
        types = {field.name: field.type.value for field in found.schema.fields} | dict.fromkeys(sorted(ignored), "")
        lines = {inner.name: inner.type.value for field in found.schema.fields for inner in field.lines}
        self._learned.set(about(name), {"prefix": found.prefix, "types": types, **({"lines": lines} if lines else {})})

    def _asked(self, name: str) -> dict[str, JSON]:
        try:
            return self._client.describe(name)
        except QueryError as e:
            names = [module.name for module in self.listed()]
            if name in names:
                raise
            raise QueryError(unknown_module(name, names), code=e.code, vendor_message=e.vendor_message) from e


def remembered(types: dict[str, str]) -> list[FieldSchema]:
    """Return the fields of which no more is remembered than the type; those nobody describes are left out."""
    return [FieldSchema(field, field, FieldType(kind)) for field, kind in types.items() if kind]


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of modules a person wrote with commas or on lines. Raises ConfigError for what cannot be one."""
    names = [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]
    for name in names:
        if not (name.isascii() and name.isidentifier()):
            raise ConfigError(_("“%(name)s” cannot be the name of a module. Write names such as: Assets.", name=name))
    return tuple(dict.fromkeys(names))


def about(name: str) -> str:
    """Return the name under which is learned what a delta needs of a module."""
    return f"description of {name}"


def unknown_module(name: str, names: list[str]) -> str:
    """Return the sentence for a module that is not there, with the names most like it, all when none is."""
    lower = {known.lower(): known for known in names}
    near = [lower[found] for found in get_close_matches(name.lower(), lower, 3)]
    missing = _("There is no module “%(name)s” here, or this user may not see it.", name=name)
    if near:
        return _("%(missing)s Do you mean one of: %(names)s?", missing=missing, names=", ".join(near))
    return _("%(missing)s There are: %(names)s.", missing=missing, names=", ".join(names))
