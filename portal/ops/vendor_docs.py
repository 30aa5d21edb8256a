"""One page a CRM, made from what its connector declares, from what shows each line of the vendor's document, and from the
facts that were found beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields

from django.conf import settings

from connectors.base import Connector
from connectors.context import NetworkRules
from connectors.errors import OF_EVERY_CRM, ConnectorError, ErrorMeaning
from connectors.types import Capabilities, Operation
from portal.connections.advice import advise
from portal.ops.shown import NOT, Line, lines

MADE = "<!-- Made from the code by `manage.py write_docs`; do not edit by hand. -->\n"
CAPABILITIES_SOURCE = settings.BASE_DIR / "connectors" / "types.py"
DOCUMENTS = settings.BASE_DIR / "tests" / "connectors" / "documents"
FACTS = settings.BASE_DIR / "docs" / "facts"
MB = 2**20
SHOWN = (
    "Beside each line of the vendor's document stands what shows it: a test (of `tests/connectors`, where nothing else is"
    " said), a place in the source, or why it cannot be shown."
)

# Which lines of the document stand under which heading, by their kind; what is in none stands under the last.
MODULES = frozenset({"module", "object", "entity", "sample modules"})
TYPES = frozenset({"field type", "data type", "value type", "type", "types seen"})
FIELDS = frozenset({"field", "read-only field", "sample field"})
CALLS = frozenset({"op", "endpoint", "verb", "op case", "example"})
PARAMETERS = frozenset(
    {"param", "op param", "get param", "post param", "header", "operator", "clause", "grammar", "filter", "action"}
)
ERRORS = frozenset({"error", "error body", "status"})
LIMITS = frozenset({"limit"})
BEYOND = frozenset({"beyond"})
NAMED = MODULES | TYPES | FIELDS | CALLS | PARAMETERS | ERRORS | LIMITS | BEYOND


def vendor(kind: type[Connector]) -> str:
    """Return the page of one CRM."""
    document = lines(DOCUMENTS, kind.slug)
    others = {line.kind for line in document} - NAMED
    text = [f"# {kind.label}\n", MADE, f"Connector `{kind.slug}`.\n", f"{SHOWN}\n"]
    text += ["## How to get credentials\n", f"{kind.credentials_help}\n", *_settings(kind)]
    text += ["## When a test fails\n", *(f"* {cause}" for cause in kind.likely_causes), ""]
    text += ["## What it can and cannot do\n", *_abilities(kind)]
    text += ["## Modules\n", *_modules(kind), *_table(document, MODULES)]
    text += ["## Fields and their types\n", *_types(kind), *_table(document, TYPES | FIELDS)]
    text += ["## Calls and parameters\n", *_table(document, CALLS | PARAMETERS)]
    text += ["## Operations by name\n", *(line for o in kind.operations for line in _operation(o))]
    text += ["## Errors\n", *_errors(kind), *_table(document, ERRORS)]
    text += ["## Limits\n", *_limits(kind), *_table(document, LIMITS)]
    text += ["## What else its document says\n", *(_table(document, others) if others else ["Nothing.\n"])]
    beyond = [*document, *lines(DOCUMENTS, "all")]
    text += ["## Oddities, with evidence\n", *_table(beyond, BEYOND), *_facts(kind.slug)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(text)).rstrip() + "\n"


def questions() -> dict[str, str]:
    """Return capability -> its question, as it stands beside the flag."""
    found = re.findall(r"^    (\w+): (?:bool|int) = \w+  # (.+)$", CAPABILITIES_SOURCE.read_text(), re.MULTILINE)
    return dict(found)


def cell(value: bool | int) -> str:
    """Return a capability as it stands in a table."""
    if isinstance(value, bool):
        return "yes" if value else "–"
    return str(value) if value else "–"


def _settings(kind: type[Connector]) -> Iterator[str]:
    yield "## Settings\n"
    yield from ("| Setting | Kind | Default | Where to find it |", "|---|---|---|---|")
    for s in kind.settings:
        needed = "needed" if s.required and not s.default else "optional"
        kept = f"secret, {needed}" if s.secret else needed
        yield _row(f"`{s.name}` {s.label}", kept, s.default and f"`{s.default}`", s.help)
    yield ""


def _abilities(kind: type[Connector]) -> Iterator[str]:
    asked = questions()
    yield from ("| | |", "|---|---|")
    for field in fields(Capabilities):
        yield _row(asked.get(field.name, field.name), cell(getattr(kind.capabilities, field.name)))
    yield _row("May a person authorise it at the CRM's own pages?", cell(kind.oauth is not None)) + "\n"


def _modules(kind: type[Connector]) -> Iterator[str]:
    if kind.capabilities.describes_itself:
        yield "What an account has is asked of the server; these are the modules its document names.\n"
    else:
        yield "The server does not tell its modules and fields; these are known. Records show more, and a person may name them.\n"
    for module in kind.catalog:
        yield f"### {module.module.label} (`{module.module.name}`)\n"
        yield from ("| Field | Type | | |", "|---|---|---|---|")
        for f in module.fields:
            marks = [*["needed"] * f.required, *["read only"] * (not f.editable)]
            yield _row(f"`{f.name}` {f.label}", f.type.value, ", ".join(marks), f.help)
        yield ""


def _types(kind: type[Connector]) -> Iterator[str]:
    if not kind.field_types:
        return
    names: dict[str, list[str]] = {}
    for name, type in kind.field_types.items():
        names.setdefault(type.value, []).append(name)
    yield from ("| Here a field is | where the vendor, or a person, calls it |", "|---|---|")
    yield from (_row(ours, ", ".join(f"`{name}`" for name in theirs)) for ours, theirs in sorted(names.items()))
    yield ""


def _operation(operation: Operation) -> Iterator[str]:
    marks = [*["**Writes.**"] * operation.writes, *["**Administrators only.**"] * operation.admin_only]
    where = f" In the vendor's document: {operation.section}." if operation.section else ""
    codes = f" Errors it documents: {', '.join(operation.errors)}." if operation.errors else ""
    yield f"### {operation.name}\n"
    yield f"{' '.join([f'{operation.summary}.', *marks])}{where}{codes}\n"
    if operation.parameters:
        yield from ("| Parameter | Type | | What it holds |", "|---|---|---|---|")
    for p in operation.parameters:
        choices = f"One of: {', '.join(choice.value for choice in p.choices)}." if p.choices else ""
        held = " ".join(part for part in (p.help, choices) if part)
        yield _row(f"`{p.name}` {p.label}".rstrip(), p.type, "needed" if p.required else "optional", held)
    yield ""


def _errors(kind: type[Connector]) -> Iterator[str]:
    yield (
        "`test_error_tables.py` gives each line to the client as an answer; the lines of every CRM are shown by `test_http.py`"
        " and `test_guard.py`.\n"
    )
    yield from ("| The server says | when | To us it is | A person is told |", "|---|---|---|---|")
    for meaning in kind.errors:
        yield _meaning(meaning)
    for meaning in OF_EVERY_CRM:
        yield _meaning(meaning, "every CRM")
    yield ""


def _meaning(row: ErrorMeaning, when: str = "") -> str:
    words = (f"HTTP {row.status}" if row.status else "", f"`{row.code}`" if row.code else "", row.message)
    says = " ".join(word for word in words if word)
    error = row.error("")
    name = next(cls for cls in type(error).__mro__ if cls.__module__ == ConnectorError.__module__).__name__
    means = f"`{name}`: {(type(error).__doc__ or '').partition('. ')[0].rstrip('.')}."
    told = advise(error)
    return _row(says, when or row.when, means, f"{told.title} {told.what_to_do}")


def _limits(kind: type[Connector]) -> Iterator[str]:
    able, rules = kind.capabilities, NetworkRules()
    yield f"* The largest page holds {able.page_size} records."
    yield f"* A file holds at most {able.max_upload // MB} MB." if able.max_upload else "* Files cannot be sent."
    yield f"* One call may take {rules.deadline:.0f} s with its repetitions, and an answer hold {rules.max_response // MB} MB."
    yield "* Calls in a minute, in a day and at the same time: as the connection says.\n"


def _table(document: Iterable[Line], kinds: Iterable[str]) -> Iterator[str]:
    """Yield the lines of these kinds; nothing where there are none."""
    found = [line for line in document if line.kind in kinds]
    if found:
        yield from ("| | In the document | What it says | Shown by |", "|---|---|---|---|")
    above: tuple[str, ...] = ()
    for line in found:
        shown = "as the line above" if line.shown == above else "<br>".join(map(_place, line.shown))
        yield _row(line.kind.replace("beyond", "fact"), line.item, line.told, shown)
        above = line.shown
    yield ""


def _place(shown: str) -> str:
    if shown.startswith(NOT):
        return f"Cannot be shown: {shown.removeprefix(NOT)}"
    file, _, text = shown.partition("::")
    return f"`{file}`: {text}" if text.startswith("test_") else f"`{file}`: “{text}”"


def _facts(slug: str) -> Iterator[str]:
    """Yield the page of facts, its headings one step lower."""
    for line in (FACTS / f"{slug}.md").read_text().splitlines():
        if not line.startswith("# "):
            yield f"#{line}" if line.startswith("#") else line


def _row(*cells: str) -> str:
    return f"| {' | '.join(str(text).replace('|', chr(92) + '|') for text in cells)} |"
