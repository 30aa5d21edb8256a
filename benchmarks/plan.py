"""How long planning takes beside the number of records and of changes: it must grow with changes alone.

`python benchmarks/plan.py` fills two mirrors with 100,000 linked pairs, through the portal's own store and no CRM, and measures
in fresh processes what a slice does between pulling and sending: with nothing new, with 1,000 changed records, and with 250.
Everything once more with a fourth of the pairs; of several rounds the fastest counts, since others can only make them slower.
`--quick` is a short look; `--gate` fails when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from apply import at_work, carry_out_up_to_now, link_all
from measure import peak_megabytes, prepare
from preview import MODULE, NAMES, fill_mirror, person
from pull import Bench, Goal, fresh_database, postgres_answers

HERE = Path(__file__).resolve().parent
MOST_SECONDS = 0.5
Result = dict[str, Any]


def fill(records: int, changes: int) -> Result:
    """Make the mapping and two mirrors whose records are all linked and agree."""
    from portal.connections.models import Connection
    from portal.ledger.models import Entry
    from portal.mappings.definition import Definition, Rule, Side
    from portal.mappings.save import save_mapping
    from portal.records.models import Mirror
    from portal.records.store import refresh_statistics
    from portal.sync.models import Base, Link, MatchKey

    for name in ("north", "south"):
        connection = Connection.objects.create(name=name, connector="memory", settings={"store": name}, writable=True)
        fill_mirror(connection, person, records)
    ends = Side("north", MODULE), Side("south", MODULE)
    rules = tuple(Rule(name, name) for name in NAMES)
    definition = Definition("bench", *ends, "left-to-right", (("email", "email"),), rules, {})
    mapping = save_mapping(definition, user=None, actor="bench")
    mirrors = list(Mirror.objects.order_by("pk"))
    link_all(mapping, *mirrors)
    carry_out_up_to_now(mapping, mirrors)
    refresh_statistics(records, Link, Base, MatchKey, Entry)  # as a run of that size does at its end
    return {"records": records}


def plan(records: int, changes: int) -> Result:
    """Change so many records, as a pull does, and measure what a slice does until it could send."""
    from connectors.types import Change, Record
    from portal.ledger.models import Entry
    from portal.mappings.models import Mapping
    from portal.records.models import Mirror
    from portal.records.store import store_changes
    from portal.sync.cases import SIDES
    from portal.sync.guards import look
    from portal.sync.keys import index_keys
    from portal.sync.propose import propose, wake

    mirror, before = Mirror.objects.order_by("pk").first(), Entry.objects.count()
    news = {"notes": f"news {time.time()}"}
    ids = [f"r{number:07}" for number in range(before, before + changes)]  # of each planned so far there is an entry
    store_changes(mirror, [Change(id, Record(MODULE, id, news)) for id in ids])
    began, cpu = time.perf_counter(), time.process_time()
    with at_work(Mapping.objects.get()) as job:
        wake(job)
        assert all(index_keys(job, side) for side in SIDES) and propose(job)
        look(job)
    took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    return took | {"entries": Entry.objects.count() - before}


DEEDS: dict[str, Callable[[int, int], Result]] = {"fill": fill, "plan": plan}


def carry_out(deed: str, records: int, changes: int) -> None:
    """Do it in this process and print what it took."""
    prepare()
    print(json.dumps(DEEDS[deed](records, changes) | {"megabytes": peak_megabytes()}))


def measure(bench: Bench, deed: str, records: int, changes: int, database: str) -> Result:
    """Run one deed in a process of its own."""
    command = [sys.executable, str(HERE / "plan.py"), "--deed", deed, str(changes), "--records", str(records)]
    done = subprocess.run(command, env=bench.environment(database), stdout=subprocess.PIPE, text=True, check=True)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    print(f"  {database.partition(':')[0]:<9} {records:>7} {deed} {changes:>5} {json.dumps(result)}", file=sys.stderr)
    return result


def goals(bench: Bench, kind: str) -> Iterator[Goal]:
    """Yield what was aimed at, with what was measured."""
    records, some = bench.options.records, bench.options.changes
    found: dict[tuple[int, int], Result] = {}
    for number in (records // 4, records):
        with fresh_database(bench, kind) as database:
            measure(bench, "fill", number, 0, database)
            for changes in (0, some, some // 4) * bench.options.rounds:
                result = measure(bench, "plan", number, changes, database)
                assert result["entries"] == changes
                found[number, changes] = min(result, found.get((number, changes), result), key=itemgetter("seconds"))
    large, small = found[records, some], found[records // 4, some]
    yield Goal(f"{kind}: planning {records:,} pairs, nothing new", found[records, 0]["seconds"], MOST_SECONDS, "s")
    yield Goal(f"{kind}: … {some:,} changed / of a fourth of the pairs", large["seconds"] / small["seconds"], 1.3)
    yield Goal(f"{kind}: … / a fourth of the changes", large["seconds"] / found[records, some // 4]["seconds"], 4.5)
    yield Goal(f"{kind}: … a changed record", 1_000 * large["seconds"] / some, 2, "ms")
    yield Goal(f"{kind}: peak memory / of a fourth of the pairs", large["megabytes"] / small["megabytes"], 1.1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--postgres", default="postgres://root@127.0.0.1:5432/postgres", metavar="URL")
    parser.add_argument("--quick", action="store_true", help="8,000 pairs, 400 changes, one round.")
    parser.add_argument("--gate", action="store_true", help="End with 1 when a goal is missed.")
    parser.add_argument("--deed", nargs=2, metavar=("DEED", "CHANGES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.records, options.changes, options.rounds = 8_000, 400, 1
    return options


def main() -> int:
    options = read_options()
    if options.deed:
        carry_out(options.deed[0], options.records, int(options.deed[1]))
        return 0
    if "postgres" in options.databases and not postgres_answers(options.postgres):
        options.databases.remove("postgres")
    reached: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="bench-plan-") as work:
        bench = Bench(options, Path(work))
        for kind in options.databases:
            reached += goals(bench, kind)
    print(*reached, sep="\n")
    return int(options.gate and not all(goal.met for goal in reached))


if __name__ == "__main__":
    sys.exit(main())
