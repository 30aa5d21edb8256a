"""How long a preview of a mapping on all records takes and how much memory, beside reading and parsing the same copies.

`python benchmarks/preview.py` fills two mirrors with 100,000 records each, through the portal's own store and no CRM, and
measures in fresh processes: `first`, which has to read who holds which match key, `again`, which finds that kept, `compared`, which
compares both sides field by field, and `bare`, which only reads every copy that `first` reads and parses it. Half of the records are linked, a tenth of those changed; a
quarter is found by its match key, a fifth is to be created, the rest has no key or a value that cannot be made. Memory is
compared with a fourth of the records. `--gate` fails when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure import peak_megabytes, prepare
from pull import Bench, Goal, fresh_database, postgres_answers

HERE = Path(__file__).resolve().parent
MODULE = "Contacts"
MOST_SECONDS = 60
NAMES = (
    "lastname", "firstname", "email", "phone", "notes", "address/city", "children", "revenue", "birthday", "status",
)  # fmt: skip


def person(number: int, **other: Any) -> dict[str, Any]:
    """Return somebody with some fifteen fields, as a CRM holds them."""
    kept = {
        "lastname": f"Lastname {number}", "firstname": f"First {number % 977}", "email": f"p{number}@example.org",
        "phone": f"+44 20 7946 {number % 10_000:04}", "website": f"https://example.org/{number}", "notes": "word " * 30,
        "address/city": f"City {number % 313}", "children": str(number % 5), "revenue": f"{number % 9_999}.5",
        "optout": number % 2 == 0, "birthday": "1980-02-29", "status": "New", "tags": ["A"], "owner": "1",
        "modified": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return kept | other


def left(number: int) -> dict[str, Any]:
    """Return the record of the source: of twenty, one has no key, one no name, and one was changed since it was linked."""
    kind = number % 20
    if kind == 19:
        return person(number, email=None)
    return (
        person(number, firstname="Changed")
        if kind == 0
        else person(number, lastname=None if kind == 18 else f"L {number}")
    )


def right(number: int) -> dict[str, Any]:
    """Return the record of the target: of twenty, ten are linked, five are found by their key, five are strangers'."""
    return (
        left(number)
        if 0 < number % 20 < 15
        else person(number if number % 20 == 0 else number + 10_000_000, lastname=f"L {number}")
    )


def fill(records: int) -> dict[str, Any]:
    """Make the mapping and both mirrors, with links and what was agreed on."""
    from portal.connections.models import Connection
    from portal.mappings.definition import Definition, Rule, Side
    from portal.mappings.save import save_mapping

    sides = {name: Connection.objects.create(name=name, connector="memory") for name in ("north", "south")}
    rules = tuple(Rule(name, name) for name in NAMES)
    ends = Side("north", MODULE), Side("south", MODULE)
    definition = Definition("bench", *ends, "left-to-right", (("email", "email"),), rules, {})
    mapping = save_mapping(definition, user=None, actor="bench")
    for connection, make in zip(sides.values(), (left, right), strict=True):
        fill_mirror(connection, make, records)
    link(mapping, records)
    return {"records": records}


def fill_mirror(connection: Any, make: Callable[[int], dict[str, Any]], records: int) -> None:
    """Store the records as a complete reading of a CRM would."""
    from django.utils import timezone

    from connectors.memory_store import SCHEMAS
    from connectors.types import Change, Record
    from portal.connections.schema import keep
    from portal.records.pull import mirror_of
    from portal.records.store import analyze, note, store_changes

    keep(connection, MODULE, SCHEMAS[0])
    mirror = mirror_of(connection, MODULE)
    for numbers in batched_numbers(records):
        store_changes(mirror, [Change(f"r{n:07}", Record(MODULE, f"r{n:07}", make(n))) for n in numbers])
    note(mirror, completed_at=timezone.now(), pulled_at=timezone.now())
    analyze(mirror, records)


def batched_numbers(records: int) -> Iterator[range]:
    for start in range(0, records, 1_000):
        yield range(start, min(start + 1_000, records))


def link(mapping: Any, records: int) -> None:
    """Link ten of twenty and say what was agreed on: the target's values."""
    from portal.mappings.stored import definition_of
    from portal.records.models import Mirror
    from portal.sync.models import Base, Link

    mirrors = list(Mirror.objects.order_by("pk"))
    rules = definition_of(mapping).rules
    for numbers in batched_numbers(records):
        linked = [n for n in numbers if n % 20 < 10]
        ids = [(f"r{n:07}", right(n)) for n in linked]
        links = Link.objects.bulk_create(
            Link(left_mirror=mirrors[0], right_mirror=mirrors[1], left_id=id, right_id=id) for id, _ in ids
        )
        agreed = ({rule.uuid: [values[rule.left], values[rule.left]] for rule in rules} for _, values in ids)
        Base.objects.bulk_create(
            Base(link=row, mapping=mapping, values=v) for row, v in zip(links, agreed, strict=True)
        )


def ours(records: int) -> dict[str, Any]:
    """Preview all."""
    from portal.mappings.models import Mapping
    from portal.sync.previews.ready import planning_of
    from portal.sync.previews.tally import preview

    tally = preview(planning_of(Mapping.objects.get()))
    assert sum(tally.counts.values()) == records
    return {"counts": {kind: n for kind, n in tally.counts.items() if n}}


def compared(records: int) -> dict[str, Any]:
    """Compare both sides, slice after slice, once their copies are read."""
    from django.utils import timezone

    from portal.mappings.models import Mapping
    from portal.sync.models import Reconciliation
    from portal.sync.reconciling import job as reconcile_job
    from portal.sync.reconciling.compare import sums

    mapping = Mapping.objects.get()
    row = Reconciliation.objects.create(
        mapping=mapping, version=mapping.version, started_at=timezone.now(), place={"side": "left", "after": ""}
    )
    while row.goes_on:
        row = reconcile_job.work(row.pk) or row
    counts = sums(row.counts)
    assert counts["equal"] + counts["differ"] + counts["left_only"] == records
    return {"counts": counts}


def bare(records: int) -> dict[str, Any]:
    """Read all copies of both mirrors, and those of the source and their partners once more, and parse them."""
    import orjson
    from django.db import connection

    def read(after: str, mirror: int) -> list[Any]:
        with connection.cursor() as run:
            sql = (
                'SELECT record_id, "values" FROM records_copy WHERE mirror_id = %s AND record_id > %s'
                " ORDER BY record_id LIMIT 500"
            )
            run.execute(sql, [mirror, after])
            return [(id, orjson.loads(text)) for id, text in run.fetchall()]

    from portal.records.models import Mirror

    first, second = Mirror.objects.order_by("pk").values_list("pk", flat=True)
    parsed = 0
    for mirror in (first, second, first, second):
        after = ""
        while rows := read(after, mirror):
            parsed, after = parsed + len(rows), rows[-1][0]
    return {"parsed": parsed}


DEEDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "fill": fill,
    "first": ours,
    "again": ours,
    "compared": compared,
    "bare": bare,
}


def carry_out(deed: str, records: int) -> None:
    """Do it in this process and print what it took."""
    prepare()
    began, cpu = time.perf_counter(), time.process_time()
    result = DEEDS[deed](records)
    spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(result | spent | {"megabytes": peak_megabytes()}))


def measure(bench: Bench, deed: str, records: int, database: str) -> dict[str, Any]:
    """Run one deed in a process of its own."""
    command = [sys.executable, str(HERE / "preview.py"), "--deed", deed, "--records", str(records)]
    done = subprocess.run(command, env=bench.environment(database), stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {database.partition(':')[0]:<9} {records:>7} {deed:<6} {json.dumps(result)}", file=sys.stderr, flush=True)
    return result


def goals(bench: Bench, kind: str, records: int) -> Iterator[Goal]:
    """Yield what was aimed at, with what was measured."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for number in (records // 4, records):
        with fresh_database(bench, kind) as database:
            for deed in ("fill", "first", "again", "compared", "bare"):
                found[deed, number] = measure(bench, deed, number, database)
    first, again, lower = (found[deed, records] for deed in ("first", "again", "bare"))
    yield Goal(f"{kind}: preview of {records:,} records", first["seconds"], MOST_SECONDS, "s")
    yield Goal(f"{kind}: … with the keys kept", again["seconds"], MOST_SECONDS, "s")
    yield Goal(f"{kind}: … / reading and parsing the same copies", first["seconds"] / lower["seconds"], 99)
    yield Goal(f"{kind}: peak memory", first["megabytes"], 150, "MB")
    whole = found["compared", records]
    yield Goal(f"{kind}: comparing both sides, their copies read", whole["seconds"], 2 * MOST_SECONDS, "s")
    yield Goal(f"{kind}: … peak memory", whole["megabytes"], 150, "MB")
    yield Goal(
        f"{kind}: … with four times the records", whole["megabytes"] / found["compared", records // 4]["megabytes"], 1.1
    )
    small = found["first", records // 4]["megabytes"]
    yield Goal(f"{kind}: … with four times the records", first["megabytes"] / small, 1.1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--postgres", default="postgres://root@127.0.0.1:5432/postgres", metavar="URL")
    parser.add_argument("--gate", action="store_true", help="End with 1 when a goal is missed.")
    parser.add_argument("--deed", choices=[*DEEDS], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = read_options()
    if options.deed:
        carry_out(options.deed, options.records)
        return 0
    if "postgres" in options.databases and not postgres_answers(options.postgres):
        options.databases.remove("postgres")
    reached: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="bench-preview-") as work:
        bench = Bench(options, Path(work))
        for kind in options.databases:
            reached += goals(bench, kind, options.records)
    print(*reached, sep="\n")
    return int(options.gate and not all(goal.met for goal in reached))


if __name__ == "__main__":
    sys.exit(main())
