"""What a CRM's refusals mean, in the words that a person reads on the screens: one row a meaning, with all that the server may
say for it."""

from __future__ import annotations

from collections.abc import Iterator

from connectors import errors as ours
from connectors.base import Connector
from connectors.errors import OF_EVERY_CRM, ConnectorError, ErrorMeaning
from connectors.types import Operation
from portal.connections.advice import advise
from portal.ops.vendor_docs.markdown import plain, table

WHEN = {
    "": "",
    "reading": " (while reading)",
    "writing": " (while writing)",
    "a record": " (of one record)",
    "logging in": " (while logging in)",
}


def errors(kind: type[Connector]) -> Iterator[str]:
    """Yield the table of meanings, and what the portal does about some answers before a person is told."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in (*kind.errors, *OF_EVERY_CRM):
        told = advise(row.error(""))
        found.setdefault((told.title, told.what_to_do), []).append(said(row))
    heads = ("What it means", "What to do", "What the server said")
    yield from table(heads, ((*meaning, "; ".join(dict.fromkeys(says))) for meaning, says in found.items()))
    first = dict(_first(kind))
    if first:
        yield "On some of them the portal acts before it tells anybody:\n"
        yield from (f"* {says}. {means}." for means, says in first.items())
        yield ""


def said(row: ErrorMeaning) -> str:
    """Return what the server says: its status, unless that pretends that all is well, its code, its message."""
    status = f"HTTP {row.status}" if row.status not in (0, 200) else ""
    words = (status, f"`{row.code}`" if row.code else "", plain(row.message).rstrip("."))
    return " ".join(word for word in words if word) + WHEN[row.when]


def refused(kind: type[Connector], operation: Operation) -> list[str]:
    """Return in words what the document says an operation is refused for, each meaning with the server's codes."""
    found: dict[str, list[str]] = {}
    for code in operation.errors:
        for title in _titles(kind, operation, code):
            found.setdefault(title, []).extend([] if hasattr(ours, code) else [f"`{code.partition(':')[0]}`"])
    return [f"{title} ({', '.join(codes)})" if codes else title for title, codes in found.items()]


def _titles(kind: type[Connector], operation: Operation, code: str) -> list[str]:
    """Return what a declared error means: the name of one of our errors, the server's code, or “code: words”."""
    number, _, words = code.partition(": ")
    if words:
        return [words.capitalize().replace("php", "PHP")]
    counts = {"", "a record", "logging in", "writing" if operation.writes else "reading"}
    rows = [row for row in kind.errors if row.code == number and row.when in counts]
    found: list[ConnectorError] = [getattr(ours, number)("")] if hasattr(ours, number) else [r.error("") for r in rows]
    if not found:
        raise LookupError(f"{kind.slug}: no line in the table of errors for “{code}” of {operation.name}")
    return list(dict.fromkeys(advise(error).title.rstrip(".") for error in found))


def _first(kind: type[Connector]) -> Iterator[tuple[str, str]]:
    """Yield what an error of the connector's own kind means, as its class says, with all that the server says for it."""
    found: dict[str, list[str]] = {}
    for row in kind.errors:
        cls = type(row.error(""))
        if cls.__module__ != ConnectorError.__module__:
            means = (cls.__doc__ or "").partition(". ")[0].rstrip(".")
            found.setdefault(means, []).append(said(row))
    yield from ((means, "; ".join(says)) for means, says in found.items())
