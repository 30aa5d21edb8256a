"""How fast planned updates are carried out, beside eight bare threads that send the very same requests, in the same run.

`python benchmarks/apply.py` links two connections to a simulated CRM with all its records, changes 2,000 of them, plans, and
measures in fresh processes: `bare`, eight threads with `requests` and orjson that read the answers and keep nothing, and
`apply`, which carries the plan out with eight senders: intents, requests, answers, mirror, bases, links and ledger. Rounds are
interleaved and only ratios within one round are compared. Memory is compared with four times the records. `--quick` is a
short look; `--gate` fails when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from measure import PLACES, THREADS, peak_megabytes, prepare, token
from pull import Bench, Goal, fresh_database, postgres_answers, server

HERE = Path(__file__).resolve().parent
MODULE, LATENCY = "contacts", 20
FIRST_ID = 1_000_000
NAMES = ("first", "last", "email", "phone", "jobtitle", "notes")
Result = dict[str, Any]


def news(number: int) -> dict[str, str]:
    """Return what is changed about one record."""
    return {"jobtitle": f"Head of department {number}", "notes": f"Met again, asked for offer {number}."}


def fill(url: str, updates: int) -> Result:
    """Pull both sides, link all records, change some of them at one side, and plan."""
    from connectors.types import Change, Record
    from portal.connections.access import open_connector
    from portal.connections.models import Connection
    from portal.mappings.definition import Definition, Rule, Side
    from portal.mappings.save import save_mapping
    from portal.records.pull import mirror_of, pull
    from portal.records.store import store_changes

    mirrors = []
    for name in ("north", "south"):
        about = {"connector": "reallysimple", "max_parallel": PLACES, "settings": {"url": url}, "writable": True}
        connection = Connection(name=name, **about)
        connection.secrets = {"access_token": token()}
        connection.save()
        with open_connector(connection, purpose="sync") as crm:
            mirrors.append(mirror_of(connection, MODULE))
            assert pull(mirrors[-1], crm).complete
    rules = tuple(Rule(name, name) for name in NAMES)
    ends = Side("north", MODULE), Side("south", MODULE)
    definition = Definition("bench", *ends, "left-to-right", (("email", "email"),), rules, {})
    mapping = save_mapping(definition, user=None, actor="bench")
    link_all(mapping, *mirrors)
    carry_out_up_to_now(mapping, mirrors)
    store_changes(mirrors[0], [Change(id, Record(MODULE, id, news(int(id)))) for id in changed_ids(updates)])
    plan(mapping)
    return {"records": mirrors[0].records}


def link_all(mapping: Any, left: Any, right: Any) -> None:
    """Link each record with its twin and say that both sides agree."""
    from portal.mappings.stored import definition_of
    from portal.sync.models import Base, Link

    rules = definition_of(mapping).rules
    rows = left.copies.order_by("record_id").values_list("record_id", "values").iterator(2_000)
    while batch := [row for _, row in zip(range(2_000), rows, strict=False)]:
        links = Link.objects.bulk_create(
            Link(left_mirror=left, right_mirror=right, left_id=id, right_id=id) for id, _ in batch
        )
        agreed = ({rule.uuid: [v.get(rule.left), v.get(rule.right)] for rule in rules} for _, v in batch)
        Base.objects.bulk_create(
            Base(link=link, mapping=mapping, values=v) for link, v in zip(links, agreed, strict=True)
        )


def carry_out_up_to_now(mapping: Any, mirrors: list[Any]) -> None:
    """Say that all there is was carried out, and index who holds which key."""
    from portal.sync.cases import SIDES
    from portal.sync.keys import index_keys
    from portal.sync.models import Checkpoint

    with at_work(mapping) as job:
        assert all(index_keys(job, side) for side in SIDES)
    for mirror in mirrors:
        Checkpoint.objects.filter(mapping=mapping, mirror=mirror).update(version=mirror.version)


def changed_ids(updates: int) -> list[str]:
    return [str(FIRST_ID + number) for number in range(updates)]


def plan(mapping: Any) -> None:
    from portal.sync.cases import SIDES
    from portal.sync.keys import index_keys
    from portal.sync.propose import propose

    with at_work(mapping) as job:
        assert all(index_keys(job, side) for side in SIDES) and propose(job)


def at_work(mapping: Any) -> Any:
    """Return the job of the mapping's run, as a slice without end has it."""
    from contextlib import contextmanager

    from portal.ledger import lease
    from portal.sync.job import open_job
    from portal.sync.run import lease_name, request_sync

    @contextmanager
    def opened() -> Iterator[Any]:
        run = request_sync(mapping, actor="bench", enqueue=False)
        held = lease.take(lease_name(run))
        assert held is not None
        try:
            with open_job(run, held, time.monotonic() + 3600, lambda *said: None) as job:
                yield job
        finally:
            held.release()

    return opened()


def ours(url: str, updates: int) -> Result:
    """Carry the plan out, and count the SQL statements of all threads."""
    from django.db import connection
    from django.db.backends.signals import connection_created

    from portal.ledger.models import Entry
    from portal.mappings.models import Mapping
    from portal.sync.apply import apply

    statements = [0]

    def count(execute: Callable[..., Any], *said: Any) -> Any:
        statements[0] += 1
        return execute(*said)

    def watch(connection: Any, **said: Any) -> None:
        if count not in connection.execute_wrappers:
            connection.execute_wrappers.append(count)

    with at_work(Mapping.objects.get()) as job:
        watch(connection)
        connection_created.connect(watch)
        began, cpu = time.perf_counter(), time.process_time()
        assert apply(job)
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    assert Entry.objects.filter(state=Entry.State.DONE).count() == updates
    return took | {"statements": round(statements[0] / updates, 2)}


def bare(url: str, updates: int) -> Result:
    """Send the same requests and read the answers, eight at a time."""
    import orjson
    import requests

    local = threading.local()
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}

    def send(number: int) -> int:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        target, body = f"{url}/{MODULE}/{FIRST_ID + number}", orjson.dumps(news(FIRST_ID + number))
        return len(orjson.loads(local.session.patch(target, data=body, headers=headers).content))

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(send, range(updates)))
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


DEEDS: dict[str, Callable[[str, int], Result]] = {"fill": fill, "apply": ours, "bare": bare}


def carry_out(deed: str, url: str, updates: int) -> None:
    """Do it in this process and print what it took."""
    if deed != "bare":
        prepare()
    print(json.dumps(DEEDS[deed](url, updates) | {"megabytes": peak_megabytes()}))


def measure(bench: Bench, deed: str, url: str, database: str = "") -> Result:
    """Run one deed in a process of its own."""
    command = [sys.executable, str(HERE / "apply.py"), "--deed", deed, url, "--updates", str(bench.options.updates)]
    done = subprocess.run(command, env=bench.environment(database), stdout=subprocess.PIPE, text=True, check=True)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    print(f"  {database.partition(':')[0]:<9} {deed:<6} {json.dumps(result)}", file=sys.stderr, flush=True)
    return result


def rounds(bench: Bench, records: int, number: int) -> Iterator[tuple[str, Result, Result]]:
    """Yield (database, bare, ours) of each round."""
    with server(records, LATENCY) as url:
        for _ in range(number):
            for kind in bench.options.databases:
                with fresh_database(bench, kind) as database:
                    measure(bench, "fill", url, database)
                    yield kind, measure(bench, "bare", url), measure(bench, "apply", url, database)


def goals(bench: Bench) -> Iterator[Goal]:
    """Yield what was aimed at, with what was measured."""
    options = bench.options
    found = list(rounds(bench, options.records, options.rounds))
    large = list(rounds(bench, 4 * options.records, 1))
    for kind in options.databases:
        pairs = [(bare, ours) for at, bare, ours in found if at == kind]
        ratio = median(ours["seconds"] / bare["seconds"] for bare, ours in pairs)
        yield Goal(f"{kind}: {options.updates:,} updates / bare threads", ratio, 1.3)
        yield Goal(f"{kind}: SQL statements an entry", max(ours["statements"] for _, ours in pairs), 8, "")
        peak = max(ours["megabytes"] for _, ours in pairs)
        yield Goal(f"{kind}: peak memory", peak, 120, "MB")
        most = max(ours["megabytes"] for at, _, ours in large if at == kind)
        yield Goal(f"{kind}: … with four times the records", most / peak, 1.1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--postgres", default="postgres://root@127.0.0.1:5432/postgres", metavar="URL")
    parser.add_argument("--quick", action="store_true", help="2,500 records, 500 updates, one round.")
    parser.add_argument("--gate", action="store_true", help="End with 1 when a goal is missed.")
    parser.add_argument("--deed", nargs=2, metavar=("DEED", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.records, options.updates, options.rounds = 2_500, 500, 1
    return options


def main() -> int:
    options = read_options()
    if options.deed:
        carry_out(*options.deed, options.updates)
        return 0
    if "postgres" in options.databases and not postgres_answers(options.postgres):
        options.databases.remove("postgres")
    with tempfile.TemporaryDirectory(prefix="bench-apply-") as work:
        reached = list(goals(Bench(options, Path(work))))
    print(*reached, sep="\n")
    return int(options.gate and not all(goal.met for goal in reached))


if __name__ == "__main__":
    sys.exit(main())
