"""The SQL of our own: what `store` says to SQLite and PostgreSQL, the same in meaning on both.

Measured (docs/decisions.md): the ORM's upsert costs four to seven times as much. Every value is a parameter; only names
of our own tables are written into the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.records.models import Copy, CopyChange, Mirror

COPY, CHANGE, MIRROR = (m._meta.db_table for m in (Copy, CopyChange, Mirror))
COPY_COLUMNS = (
    "mirror_id", "record_id", "values", "digest", "modified", "version", "codec", "first_seen", "last_seen", "deleted",
)  # fmt: skip
CHANGE_COLUMNS = ("mirror_id", "record_id", "version", "at", "changes", "deleted", "run_id")
Row = tuple[Any, ...]


class State(NamedTuple):
    """A mirror's row as it is now."""

    version: int
    cursor: str
    reading: dict[str, Any]


class Fingerprint(NamedTuple):
    """What is enough to see that nothing changed."""

    pk: int
    digest: bytes
    codec: int
    deleted: str


class Content(NamedTuple):
    """The rest, read where something did change. `stored_since`: at or after the answers at hand were asked for."""

    values: dict[str, Any]
    modified: str
    stored_since: bool


def state(mirror: int, *, lock: bool = False) -> State:
    """Return the mirror's row; with `lock` nobody else stores into it until the transaction ends. Raises DoesNotExist."""
    for_update = " FOR UPDATE" if lock and _postgres() else ""  # SQLite: the whole database is ours, BEGIN IMMEDIATE
    rows = _all(f"SELECT version, cursor, reading FROM {MIRROR} WHERE id = %s{for_update}", [mirror])  # noqa: S608
    if not rows:
        raise Mirror.DoesNotExist(_("Mirror %(number)d was removed.") % {"number": mirror})
    version, cursor, reading = rows[0]
    return State(version, cursor, orjson.loads(reading))


def advance(mirror: int, versions: int, present: int, cursor: str, reading: dict[str, Any]) -> int:
    """Count versions and present records on, keep the place, and return the new version."""
    sql = f"""UPDATE {MIRROR} SET version = version + %s, records = records + %s, cursor = %s, reading = %s
        WHERE id = %s RETURNING version"""  # noqa: S608
    return int(_all(sql, [versions, present, cursor, orjson.dumps(reading).decode(), mirror])[0][0])


def fingerprints(mirror: int, ids: Sequence[str]) -> dict[str, Fingerprint]:
    """Return id -> fingerprint of the copies there are, deleted ones too."""
    # LATERAL with LIMIT 1 leaves PostgreSQL one plan, the unique index; `= ANY` and a plain join read the whole mirror
    # for every batch (20 and 51 ms instead of 3 at 100,000 records) as long as a first load has no statistics.
    among = (
        f"""unnest(%s::text[]) AS wanted(value) CROSS JOIN LATERAL
            (SELECT * FROM {COPY} WHERE mirror_id = %s AND record_id = wanted.value LIMIT 1) AS copy"""  # noqa: S608
        if _postgres()
        else f"json_each(%s) AS wanted CROSS JOIN {COPY} AS copy ON copy.mirror_id = %s AND copy.record_id = wanted.value"
    )
    sql = f"SELECT copy.record_id, copy.id, copy.digest, copy.codec, copy.deleted FROM {among}"  # noqa: S608
    rows = _all(sql, [_list(ids), mirror])
    return {id: Fingerprint(*rest) for id, *rest in rows}


def contents(keys: Sequence[int], asked_at: datetime | None) -> dict[int, Content]:
    """Return primary key -> content of these copies."""
    sql = f'SELECT id, "values", modified, last_seen >= %s FROM {COPY} WHERE id {_among()}'  # noqa: S608
    rows = _all(sql, [connection.ops.adapt_datetimefield_value(asked_at), _list(keys)])
    return {key: Content(orjson.loads(values), modified, bool(since)) for key, values, modified, since in rows}


def insert_copies(rows: list[Row]) -> None:
    """Add copies, one tuple of COPY_COLUMNS each."""
    _insert(COPY, COPY_COLUMNS, rows)


def insert_changes(rows: list[Row]) -> None:
    """Add to the history, one tuple of CHANGE_COLUMNS each."""
    _insert(CHANGE, CHANGE_COLUMNS, rows)


def update_copies(rows: list[Row]) -> None:
    """Write (values, digest, codec, modified, version, last_seen or None to keep it, deleted, deleted_at, id) each."""
    with connection.cursor() as cursor:
        if not _postgres():
            sql = f"""UPDATE {COPY} SET "values" = %s, digest = %s, codec = %s, modified = %s, version = %s,
                last_seen = COALESCE(%s, last_seen), deleted = %s, deleted_at = %s WHERE id = %s"""  # noqa: S608
            cursor.executemany(sql, rows)
            return
        cursor.execute(
            """CREATE TEMPORARY TABLE IF NOT EXISTS records_work (document jsonb, digest bytea, codec smallint,
            modified text, version bigint, seen timestamptz, deleted text, deleted_at timestamptz, id bigint PRIMARY KEY)
            ON COMMIT DELETE ROWS"""
        )
        cursor.execute("DELETE FROM records_work")  # of an earlier batch of the same transaction
        _copy(cursor, "records_work", rows)
        cursor.execute(
            f"""UPDATE {COPY} AS copy SET "values" = work.document, digest = work.digest, codec = work.codec,
            modified = work.modified, version = work.version, last_seen = COALESCE(work.seen, copy.last_seen),
            deleted = work.deleted, deleted_at = work.deleted_at FROM records_work AS work WHERE copy.id = work.id"""  # noqa: S608
        )


def respell_copies(rows: list[Row]) -> None:
    """Write (digest, codec, id) each, where the spelling of values is newer but the values are the same."""
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {COPY} SET digest = %s, codec = %s WHERE id = %s", rows)  # noqa: S608


def now() -> Any:
    """Return the time now as the database takes it as a parameter: text, since COPY would spell a datetime for each row."""
    moment = timezone.now()
    return moment.isoformat() if _postgres() else connection.ops.adapt_datetimefield_value(moment)


def analyze(*tables: str) -> bool:
    """Refresh the statistics of these tables, else of those a load fills; say whether this database has any to refresh."""
    if _postgres():
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables or (COPY, CHANGE))}")
    return _postgres()


def _insert(table: str, columns: Sequence[str], rows: list[Row]) -> None:
    names = ", ".join(f'"{c}"' for c in columns)
    with connection.cursor() as cursor:
        if _postgres():
            _copy(cursor, f"{table} ({names})", rows)
            return
        # Many rows a statement: cheaper, and Python's lock is free meanwhile, not given up and asked for row by row.
        # Not by Django's cursor, which turns every %s of these long statements into a ? each time.
        most = (connection.features.max_query_params or 999) // len(columns)
        row = f"({', '.join('?' * len(columns))})"
        with connection.wrap_database_errors:
            for start in range(0, len(rows), most):
                part = rows[start : start + most]
                sql = f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * len(part))}"  # noqa: S608
                connection.connection.execute(sql, [*chain.from_iterable(part)])


def _copy(cursor: Any, target: str, rows: list[Row]) -> None:
    with cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _all(sql: str, params: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _postgres() -> bool:
    return connection.vendor == "postgresql"


def _among() -> str:
    return "= ANY(%s)" if _postgres() else "IN (SELECT value FROM json_each(%s))"


def _list(items: Sequence[Any]) -> Any:
    return list(items) if _postgres() else orjson.dumps(items).decode()
