"""The modules of a CRM with the fields that are known of them, and what its types of fields are here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connectors.base import Connector
from connectors.types import FieldSchema, FieldType
from portal.ops.shown import Line
from portal.ops.vendor_docs.markdown import code, plain, table

IN_WORDS = {
    FieldType.BOOLEAN: "yes or no",
    FieldType.CHOICE: "one of a pick list",
    FieldType.DATETIME: "date with time",
    FieldType.DECIMAL: "number",
    FieldType.EMAIL: "e-mail address",
    FieldType.FILE: "file",
    FieldType.ID: "id",
    FieldType.INTEGER: "whole number",
    FieldType.JSON: "anything else",
    FieldType.LINES: "lines",
    FieldType.LONGTEXT: "long text",
    FieldType.MULTICHOICE: "several of a pick list",
    FieldType.OWNER: "user or group",
    FieldType.PERCENT: "per cent",
    FieldType.PHONE: "phone number",
    FieldType.REFERENCE: "another record",
    FieldType.URL: "web address",
}


def modules(kind: type[Connector], named: list[Line]) -> Iterator[str]:
    """Yield the modules: of a server that tells none, with all that is known; else those that its document names."""
    if not kind.catalog:
        yield "The portal asks the server which modules and fields an account has.\n"
        yield f"Its document names {_named(named)}.\n" if named else "Its document names none.\n"
        return
    yield (
        "The server does not tell them; these are known. What else records show is read too, and a person may name more. The name"
        " in brackets is the one to use in commands and calls.\n"
    )
    shared = [f for f in kind.catalog[0].fields if all(f in m.fields for m in kind.catalog)]
    yield "**Every module** has:\n"
    yield from _fields(shared)
    told: set[str] = set()
    for module in kind.catalog:
        own = [f for f in module.fields if f not in shared]
        yield from (f"### {module.module.label} (`{module.module.name}`)\n", *_fields(own))
        helps = {f.name: f.help for f in own if f.help}
        yield from (f"`{name}`: {_with_code(help)}\n" for name, help in helps.items() if help not in told)
        told |= set(helps.values())


def types(kind: type[Connector]) -> Iterator[str]:
    """Yield what the vendor's types of fields are here."""
    names: dict[FieldType, list[str]] = {}
    for name, type in kind.field_types.items():
        names.setdefault(type, []).append(name)
    if all(theirs == [ours.value] for ours, theirs in names.items()):
        yield f"A field that a person names may be: {code(ours.value for ours in names)}.\n"
        return
    rows = ((_in_words(ours).capitalize(), code(theirs)) for ours, theirs in names.items())
    yield from table(("A field holds", "where the CRM calls its type"), sorted(rows))


def _named(found: list[Line]) -> str:
    """Return each module of a document once, those together of which it says the same; the numbers of a sample account stay
    out, since each account has its own."""
    told: dict[str, str] = {}
    for line in found:
        if line.kind != "sample modules":
            told[line.item] = told.get(line.item) or ("" if "sample" in line.told else line.told)
    alike: dict[str, list[str]] = {}
    for name, words in told.items():
        alike.setdefault(words, []).append(name)
    if len(alike) * 2 < len(told):
        return "; ".join(f"{code(names)}{f' ({plain(words)})' if words else ''}" for words, names in alike.items())
    each = (f"`{name}`{f' ({plain(said)})' if said not in ('', name) else ''}" for name, said in told.items())
    return ", ".join(each)


def _fields(fields: Iterable[FieldSchema]) -> Iterator[str]:
    """Yield the fields, those of one type together."""
    alike: dict[FieldType, list[str]] = {}
    for f in fields:
        marks = ", ".join([*["needed"] * f.required, *["read only"] * (not f.editable)])
        alike.setdefault(f.type, []).append(f"`{f.name}` {f.label}{f' ({marks})' if marks else ''}")
    yield from (f"* {_in_words(type)}: {'; '.join(names)}" for type, names in alike.items())
    yield ""


def _in_words(type: FieldType) -> str:
    return IN_WORDS.get(type, type.value)


def _with_code(help: str) -> str:
    return re.sub(r"(\{.*\})", r"`\1`", help)
