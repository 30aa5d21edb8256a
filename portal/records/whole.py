"""Fields that no list of records carries, such as lines of sales documents at some CRMs. The rule: what the apps above need is read
record by record, only then; a record that lacks it in the answer keeps what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from connectors.base import Connector
from connectors.errors import RecordNotFound
from connectors.types import Change, ChangePage
from portal.records.models import Copy, Mirror

# Tell which fields of a mirror somebody needs; asked when something of it has come.
needed: list[Callable[[Mirror], frozenset[str]]] = []


def made_whole(pages: Iterator[ChangePage], crm: Connector, mirror: Mirror) -> Iterator[ChangePage]:
    """Yield the pages, their records with every field that is needed, read one by one where the page does not carry it."""
    fields: frozenset[str] | None = None
    for page in pages:
        if fields is None and page.changes:
            fields = frozenset().union(*(tell(mirror) for tell in needed))
        yield replace(page, changes=_whole(page.changes, crm, mirror.module, fields)) if fields else page


def lacks(mirror: Mirror, field: str) -> bool:
    """Say whether there is a copy that does not carry the field."""
    copies = Copy.objects.filter(mirror=mirror, deleted=Copy.Deleted.NO)
    return copies.exclude(values__has_key=field).exists()


def _whole(changes: tuple[Change, ...], crm: Connector, module: str, fields: frozenset[str]) -> tuple[Change, ...]:
    read, width = partial(_read, crm, module, fields), crm.context.max_parallel
    if width <= 1 or not any(_is_lacking(fields, change) for change in changes):
        return tuple(map(read, changes))
    with ThreadPoolExecutor(width, "read-whole") as pool:
        return tuple(pool.map(read, changes))


def _read(crm: Connector, module: str, fields: frozenset[str], change: Change) -> Change:
    if not _is_lacking(fields, change):
        return change
    try:
        return Change(change.id, crm.get(module, change.id))
    except RecordNotFound:  # deleted meanwhile: the next reading tells
        return change


def _is_lacking(fields: frozenset[str], change: Change) -> bool:
    return change.record is not None and not fields <= change.record.values.keys()
