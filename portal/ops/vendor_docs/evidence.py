"""The end of a CRM's page: every line of the vendor's document, in words, with the tests that show it. The tests are numbered
and named once, so that a line stays short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from portal.ops.shown import NOT, Line
from portal.ops.vendor_docs.markdown import plain

# Which lines of a document stand under which heading, by their kind; what is in none stands under the last.
MODULES = frozenset({"module", "object", "entity", "sample modules"})
FIELDS = frozenset(
    {"field type", "data type", "value type", "type", "types seen", "field", "read-only field", "sample field"}
)
CALLS = frozenset({"op", "endpoint", "verb", "op case", "example"})
PARAMETERS = frozenset(
    {"param", "op param", "get param", "post param", "header", "operator", "clause", "grammar", "filter", "action"}
)
ERRORS = frozenset({"error", "error body", "status"})
LIMITS = frozenset({"limit"})
BEYOND = frozenset({"beyond"})
HEADINGS = {
    "Modules": MODULES,
    "Fields and their types": FIELDS,
    "Calls": CALLS,
    "Parameters": PARAMETERS,
    "Errors": ERRORS,
    "Limits": LIMITS,
}
ALL = "all of its tests"
IN_WORDS = {
    "op": "call",
    "op case": "use of a call",
    "op param": "parameter",
    "param": "parameter",
    "get param": "parameter of the address",
    "post param": "parameter of the body",
    "doc ref": "reference",
    "ref": "reference",
    "doc gap": "gap",
    "doc claim": "claim",
    "beyond": "fact",
}
# Kinds that the heading says already.
UNSAID = frozenset({"module", "object", "entity", "field", "op", "param", "op param", "error", "limit", "beyond"})
INTRODUCTION = (
    "For those who maintain this: the numbers are those of the tests [below](#the-tests), in `tests/connectors` unless the name of"
    " the file says more. What `test_error_tables.py` goes over is the table of [errors](#errors), row by row; what every CRM has"
    " in common there is shown by `test_http.py` and `test_guard.py`."
)


def evidence(document: list[Line]) -> Iterator[str]:
    """Yield all lines of a vendor's document and of what is known of all CRMs, then the tests by number."""
    numbers = {place: number for number, place in enumerate(_places(document), 1)}
    named = frozenset().union(*HEADINGS.values())
    others = {line.kind for line in document} - named - BEYOND
    headings = HEADINGS | {"What else it says": frozenset(others), "Found beyond the document": BEYOND}
    yield f"{INTRODUCTION}\n"
    for heading, kinds in headings.items():
        found = [line for line in document if line.kind in kinds]
        if found:
            yield from (f"### Shown: {heading[0].lower()}{heading[1:]}\n", *_lines(found, numbers), "")
    yield from ("### The tests\n", *_tests(numbers))


def _places(document: Iterable[Line]) -> list[str]:
    """Return each test or place in the source once, file by file."""
    found = {place for line in document for place in line.shown if not place.startswith(NOT)}
    return sorted(found, key=lambda place: place.partition("::")[::2])


def _lines(found: list[Line], numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield a bullet for all lines that are shown by the same."""
    alike: dict[tuple[str, ...], list[Line]] = {}
    for line in found:
        alike.setdefault(line.shown, []).append(line)
    for shown, lines in alike.items():
        tests = ", ".join(map(str, sorted(numbers[place] for place in shown if place in numbers)))
        reasons = [f"cannot be shown: {place.removeprefix(NOT)}" for place in shown if place.startswith(NOT)]
        yield f"* {'; '.join(_told(lines))} → {'; '.join([*[tests] * bool(tests), *reasons])}"


def _told(lines: list[Line]) -> Iterator[str]:
    """Yield the lines in words, those of which the document says the same together; their kind where it changes."""
    alike: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        alike.setdefault((line.kind, line.told if line.told != line.item else ""), []).append(plain(line.item))
    above = ""
    for (kind, told), items in alike.items():
        word = IN_WORDS.get(kind, kind)
        begin = f"*{word}* " if word != above and (above or kind not in UNSAID) else ""
        yield f"{begin}{', '.join(items)}{f' ({plain(told)})' if told else ''}"
        above = word if begin else above


def _tests(numbers: Mapping[str, int]) -> Iterator[str]:
    files: dict[str, list[str]] = {}
    for place, number in numbers.items():
        file, _, text = place.partition("::")
        shown = text if text.startswith("test_") else ALL if text == "def test_" else f"“{plain(text)}”"
        files.setdefault(file, []).append(f"{number} {shown}")
    yield from (f"* `{file}`: {', '.join(texts)}" for file, texts in files.items())
