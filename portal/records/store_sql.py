"""The SQL of our own: what `store` and `sweep` say to SQLite and PostgreSQL, the same in meaning on both.

Measured (docs/decisions.md): the ORM's upsert costs four to seven times as much. Every value is a parameter; only names
of our own tables are written into the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.utils import timezone

from portal.records.models import Copy, CopyChange, Mirror

COPY, CHANGE, MIRROR = (m._meta.db_table for m in (Copy, CopyChange, Mirror))
COPY_COLUMNS = (
    "mirror_id", "record_id", "values", "digest", "codec", "modified", "version", "first_seen", "last_seen", "deleted",
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


def state(mirror: int, *, lock: bool = False) -> State:
    """Return the mirror's row; with `lock` nobody else stores into it until the transaction ends. Raises DoesNotExist."""
    for_update = " FOR UPDATE" if lock and _postgres() else ""  # SQLite: the whole database is ours, BEGIN IMMEDIATE
    rows = _all(f"SELECT version, cursor, reading FROM {MIRROR} WHERE id = %s{for_update}", [mirror])  # noqa: S608
    if not rows:
        raise Mirror.DoesNotExist(f"Mirror {mirror} was removed.")
    version, cursor, reading = rows[0]
    return State(version, cursor, orjson.loads(reading))


def advance(mirror: int, versions: int, present: int, cursor: str, reading: dict[str, Any]) -> int:
    """Count versions and present records on, keep the place, and return the new version."""
    sql = f"""UPDATE {MIRROR} SET version = version + %s, records = records + %s, cursor = %s, reading = %s
        WHERE id = %s RETURNING version"""  # noqa: S608
    return int(_all(sql, [versions, present, cursor, orjson.dumps(reading).decode(), mirror])[0][0])


def fingerprints(mirror: int, ids: Sequence[str]) -> dict[str, Fingerprint]:
    """Return id -> fingerprint of the copies there are, deleted ones too."""
    sql = f"SELECT record_id, id, digest, codec, deleted FROM {COPY} WHERE mirror_id = %s AND record_id {_among()}"  # noqa: S608
    return {r[0]: Fingerprint(r[1], bytes(r[2]), r[3], r[4]) for r in _all(sql, [mirror, _list(ids)])}


def contents(keys: Sequence[int]) -> dict[int, tuple[dict[str, Any], str]]:
    """Return primary key -> (values, modified) of these copies."""
    rows = _all(f'SELECT id, "values", modified FROM {COPY} WHERE id {_among()}', [_list(keys)])  # noqa: S608
    return {key: (orjson.loads(values), modified) for key, values, modified in rows}


def insert_copies(rows: Iterable[Row]) -> None:
    """Add copies, one tuple of COPY_COLUMNS each."""
    _insert(COPY, COPY_COLUMNS, rows)


def insert_changes(rows: Iterable[Row]) -> None:
    """Add to the history, one tuple of CHANGE_COLUMNS each."""
    _insert(CHANGE, CHANGE_COLUMNS, rows)


def update_copies(rows: list[Row]) -> None:
    """Write (values, digest, codec, modified, version, last_seen or None to keep it, deleted, deleted_at, id) each."""
    sql = f"""UPDATE {COPY} SET "values" = %s, digest = %s, codec = %s, modified = %s, version = %s,
        last_seen = COALESCE(%s, last_seen), deleted = %s, deleted_at = %s WHERE id = %s"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def respell_copies(rows: list[Row]) -> None:
    """Write (digest, codec, id) each, where the spelling of values is newer but the values are the same."""
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {COPY} SET digest = %s, codec = %s WHERE id = %s", rows)  # noqa: S608


def now() -> Any:
    """Return the time now as the database takes it as a parameter."""
    return connection.ops.adapt_datetimefield_value(timezone.now())


def analyze() -> bool:
    """Refresh the statistics of the tables a load fills; say whether this database has any to refresh."""
    if _postgres():
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {COPY}, {CHANGE}")
    return _postgres()


def _insert(table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = ", ".join(f'"{c}"' for c in columns)
    with connection.cursor() as cursor:
        if not _postgres():
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
            return
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _all(sql: str, params: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _postgres() -> bool:
    return connection.vendor == "postgresql"


def _among() -> str:
    return "= ANY(%s)" if _postgres() else "IN (SELECT value FROM json_each(%s))"


def _list(items: Sequence[Any]) -> Any:
    return list(items) if _postgres() else orjson.dumps(items).decode()
