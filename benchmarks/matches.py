"""How long a match review of two mirrors takes and how much memory.

`python benchmarks/matches.py` fills two mirrors with 20,000 people each, through the portal's own store and no CRM. A fifth is
found by the match key; two fifths are the same people written otherwise, with another address; the rest are strangers with
names that many have. Memory is compared with a fourth of the records. `--gate` fails when a goal is missed.
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
from preview import fill_mirror
from pull import Bench, Goal, fresh_database, postgres_answers

HERE = Path(__file__).resolve().parent
MODULE = "Contacts"
MOST_SECONDS = 60
FIRST = [
    "Ada",
    "Bob",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gina",
    "Hugo",
    "Ines",
    "Jan",
    "Kim",
    "Lea",
    "Max",
    "Nora",
    "Olaf",
    "Pia",
    "Quin",
    "Rosa",
    "Sam",
    "Tina",
    "Ugo",
    "Vera",
    "Will",
    "Xenia",
]
LAST = [
    "Adler",
    "Baker",
    "Carter",
    "Dietz",
    "Evans",
    "Fisher",
    "Gruber",
    "Hughes",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lopez",
    "Moss",
    "Novak",
    "Olsen",
    "Patel",
]


def person(number: int, email: str) -> dict[str, Any]:
    """Return somebody; family names recur some dozens of times, as they do."""
    last = f"{LAST[number % 16]}{chr(97 + number // 16 % 26)}{chr(97 + number // 416 % 26)}"
    return {
        "lastname": last, "firstname": FIRST[number % 23], "email": email, "phone": f"+44 20 {7_000_0000 + number}",
        "website": f"https://www.firm{number % 5_000}.example", "notes": "word " * 30, "address/city": f"City {number % 313}",
        "modified": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def left(number: int) -> dict[str, Any]:
    return person(number, f"p{number}@mail{number % 5_000}.example")


def right(number: int) -> dict[str, Any]:
    """Of five, one has the same key, two are the same person with another address, two are strangers."""
    if number % 5 == 0:
        return left(number)
    if number % 5 < 3:
        return person(number, f"private{number}@gmail.com") | {"phone": f"020 {7_000_0000 + number}", "notes": "other"}
    return person(number + 7_777, f"s{number}@else{number % 3_000}.example") | {"phone": f"+44 161 {400_0000 + number}"}


def fill(records: int) -> dict[str, Any]:
    """Make the mapping and both mirrors."""
    from portal.connections.models import Connection
    from portal.mappings.definition import Definition, Rule, Side
    from portal.mappings.save import save_mapping

    sides = {name: Connection.objects.create(name=name, connector="memory") for name in ("north", "south")}
    rules = tuple(Rule(name, name) for name in ("lastname", "firstname", "email", "phone"))
    ends = Side("north", MODULE), Side("south", MODULE)
    save_mapping(Definition("bench", *ends, "both", (("email", "email"),), rules, {}), user=None, actor="bench")
    for connection, make in zip(sides.values(), (left, right), strict=True):
        fill_mirror(connection, make, records)
    return {"records": records}


def ours(records: int) -> dict[str, Any]:
    """Review all."""
    from portal.mappings.models import Mapping
    from portal.sync.matching.review import review
    from portal.sync.models import Preview
    from portal.sync.previews.ready import planning_of

    mapping = Mapping.objects.get()
    row = Preview.objects.create(mapping=mapping, kind=Preview.Kind.MATCHES, version=1)
    found = review(planning_of(mapping), row, None, lambda done, total, findings: None)
    assert sum(found.counts["left"].values()) == records
    return {"counts": found.counts}


DEEDS: dict[str, Callable[[int], dict[str, Any]]] = {"fill": fill, "review": ours}


def carry_out(deed: str, records: int) -> None:
    """Do it in this process and print what it took."""
    prepare()
    began, cpu = time.perf_counter(), time.process_time()
    result = DEEDS[deed](records)
    spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(result | spent | {"megabytes": peak_megabytes()}))


def measure(bench: Bench, deed: str, records: int, database: str) -> dict[str, Any]:
    """Run one deed in a process of its own."""
    command = [sys.executable, str(HERE / "matches.py"), "--deed", deed, "--records", str(records)]
    done = subprocess.run(command, env=bench.environment(database), stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {database.partition(':')[0]:<9} {records:>7} {deed:<6} {json.dumps(result)}", file=sys.stderr, flush=True)
    return result


def goals(bench: Bench, kind: str, records: int) -> Iterator[Goal]:
    """Yield what was aimed at, with what was measured."""
    found = {}
    for number in (records // 4, records):
        with fresh_database(bench, kind) as database:
            measure(bench, "fill", number, database)
            found[number] = measure(bench, "review", number, database)
    yield Goal(f"{kind}: match review of {records:,} records a side", found[records]["seconds"], MOST_SECONDS, "s")
    yield Goal(f"{kind}: peak memory", found[records]["megabytes"], 150, "MB")
    ratio = found[records]["megabytes"] / found[records // 4]["megabytes"]
    yield Goal(f"{kind}: … with four times the records", ratio, 1.15)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
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
    with tempfile.TemporaryDirectory(prefix="bench-matches-") as work:
        bench = Bench(options, Path(work))
        for kind in options.databases:
            reached += goals(bench, kind, options.records)
    print(*reached, sep="\n")
    return int(options.gate and not all(goal.met for goal in reached))


if __name__ == "__main__":
    sys.exit(main())
