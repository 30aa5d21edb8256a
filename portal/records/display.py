"""How a value is shown to a person. The rule: what a CRM sent is never markup, a script or a link to one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from urllib.parse import quote, urlsplit

import orjson
from django.contrib.admin.utils import quote as quote_id
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.query import comparable, fold
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType

NOTHING = SafeString('<span class="nothing">–</span>')
BLOCKS = frozenset({FieldType.LONGTEXT, FieldType.LINES, FieldType.JSON})  # take the whole width of a page
BRIEF = 160  # characters of a text in a list
_COMPACT = {FieldType.DATE: "Y-m-d", FieldType.DATETIME: "Y-m-d H:i"}  # in lists: short, and the same in every country
_EMAIL = re.compile(r"[^\s@<>,;:\"?&]+@[^\s@<>,;:\"?&]+")


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called: (module, id) -> label, and owner id -> name. `connection` is whose records they are."""

    connection: str
    records: Mapping[tuple[str, str], str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


def show(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    """Return a value as HTML, by its field's type; one that is not of that type as the text it is."""
    if value is None or value == "" or value == []:
        return NOTHING
    fits = comparable(schema, value) is not None
    return _SHOWN.get(schema.type, _text)(schema, value, names) if fits else _text(schema, value, names)


def brief(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    """Return a value for a cell of a list: one line, never a table."""
    if schema.type is FieldType.LINES and isinstance(value, list) and value:
        text = ngettext("%(n)d line", "%(n)d lines", len(value)) % {"n": len(value)}
        return format_html("<details><summary>{}</summary>{}</details>", text, show(schema, value, names))
    if schema.type is FieldType.JSON and isinstance(value, list | dict) and value:
        text = ngettext("%(n)d entry", "%(n)d entries", len(value)) % {"n": len(value)}
        return format_html('<span class="quiet">{}</span>', text)
    if schema.type in _COMPACT and comparable(schema, value) is not None:
        return format_html(
            '<span dir="ltr">{}</span>', _moment(value, lambda: date_format(_local(value), _COMPACT[schema.type]))
        )
    if isinstance(value, str) and schema.type is not FieldType.URL:
        value = " ".join(value[:BRIEF].split())
    return show(schema, value, names)


def words(schema: FieldSchema, value: JSON, names: Names) -> str:
    """Return a value as plain text: for titles, and for the cell that is itself a link."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, list):
        return ", ".join(_choice_label(schema, str(v)) for v in value)
    if schema.type is FieldType.CHOICE:
        return _choice_label(schema, str(value))
    if schema.type is FieldType.REFERENCE:
        return next((names.records[m, value] for m in schema.refers_to if (m, value) in names.records), str(value))
    return names.owners.get(value, value) if schema.type is FieldType.OWNER else " ".join(str(value).split())


def _text(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    """`bdi`: a value's own direction, and any override character in it, ends with it."""
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return format_html("<bdi>{}</bdi>", text)


def _longtext(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return format_html('<div class="longtext" dir="auto">{}</div>', value)


def _email(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    if not _EMAIL.fullmatch(value):
        return _text(schema, value, names)
    return format_html('<a href="mailto:{}"><bdi>{}</bdi></a>', quote(value, safe="@+"), value)


def _phone(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    digits = re.sub(r"[^0-9+]", "", fold(value))
    if len(digits) < 3:
        return _text(schema, value, names)
    return format_html('<a href="tel:{}"><bdi dir="ltr">{}</bdi></a>', digits, value)


def _url(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    """Only http and https become links; `javascript:` and the like stay text."""
    target = f"https://{value}" if re.match(r"(?i)www\.[\w-]+\.", value) else value
    try:
        parts = urlsplit(target)
    except ValueError:
        return _text(schema, value, names)
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc or re.search(r"\s", target):
        return _text(schema, value, names)
    return format_html(
        '<a href="{}" target="_blank" rel="noopener noreferrer"><bdi dir="ltr">{}</bdi></a>', target, value
    )


def _number(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    text = number_format(Decimal(value), force_grouping=schema.type is FieldType.MONEY)
    return format_html('<bdi dir="ltr">{}{}</bdi>', text, "\u202f%" if schema.type is FieldType.PERCENT else "")


def _boolean(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    shown = ("yes", "check", _("Yes")) if value else ("no", "cross", _("No"))
    svg = '<span class="{}"><svg class="icon" aria-hidden="true"><use href="#icon-{}"></use></svg><span class="visually-hidden">{}</span></span>'
    return format_html(svg, *shown)


def _date(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return _moment(value, lambda: date_format(date.fromisoformat(value), "DATE_FORMAT"))


def _time(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return _moment(value, lambda: time_format(time.fromisoformat(value)))


def _datetime(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return _moment(value, lambda: date_format(_local(value), "DATETIME_FORMAT"))


def _local(value: str) -> datetime:
    """Return a date, or a date-time in the person's zone."""
    found = datetime.fromisoformat(value)
    return timezone.localtime(found) if timezone.is_aware(found) else found


def _moment(value: str, spell: Callable[[], str]) -> SafeString:
    try:
        return format_html('<time datetime="{}">{}</time>', value, spell())
    except (ValueError, OverflowError):
        return format_html("<bdi>{}</bdi>", value)


def _choice(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return format_html("<bdi>{}</bdi>", _choice_label(schema, value))


def _choices(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    parts = value if isinstance(value, list) else [value]
    return format_html_join(
        " ", '<span class="badge"><bdi>{}</bdi></span>', ((_choice_label(schema, str(v)),) for v in parts)
    )


def _choice_label(schema: FieldSchema, value: str) -> str:
    return next((c.label for c in schema.choices if c.value == value and c.label), value)


def _reference(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    known = next((m for m in schema.refers_to if (m, value) in names.records), None)
    module = known or (schema.refers_to[0] if len(schema.refers_to) == 1 else None)
    if module is None:
        return _text(schema, value, names)
    url = reverse("records:record", args=[names.connection, quote_id(module), quote_id(value)])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, names.records.get((module, value)) or value)


def _owner(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    return format_html("<bdi>{}</bdi>", names.owners.get(value, value))


def _lines(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        return _json(schema, value, names)
    fields = _columns(schema, value)
    rows = (((show(f, line.get(f.name), names),) for f in fields) for line in value)
    return format_html(
        '<div class="scroll"><table class="lines"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        format_html_join("", '<th scope="col">{}</th>', ((f.label or f.name,) for f in fields)),
        format_html_join("", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", row),) for row in rows)),
    )


def _columns(schema: FieldSchema, lines: list[dict[str, JSON]]) -> list[FieldSchema]:
    """Return the fields of the lines that hold something, those that are described first, without ids of the lines."""
    held = dict.fromkeys(name for line in lines for name, value in line.items() if value not in (None, "", "0", []))
    told = {inner.name: inner for inner in schema.lines}
    first = [
        inner for inner in schema.lines if inner.name in held and (inner.editable or inner.type is not FieldType.ID)
    ]
    more = (name for name in held if name not in told and not name.startswith("="))  # which a rule makes of a line
    return [*first, *(FieldSchema(name, name) for name in more)]


def _json(schema: FieldSchema, value: JSON, names: Names) -> SafeString:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return format_html('<pre class="raw">{}</pre>', text)


_SHOWN: dict[FieldType, Callable[[FieldSchema, JSON, Names], SafeString]] = {
    FieldType.LONGTEXT: _longtext,
    FieldType.EMAIL: _email,
    FieldType.PHONE: _phone,
    FieldType.URL: _url,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.TIME: _time,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.MULTICHOICE: _choices,
    FieldType.REFERENCE: _reference,
    FieldType.OWNER: _owner,
    FieldType.LINES: _lines,
    FieldType.JSON: _json,
    **dict.fromkeys(NUMBER_TYPES, _number),
}
