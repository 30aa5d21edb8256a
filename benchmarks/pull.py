"""How fast a module is pulled, beside fetching the same pages with eight threads and storing nothing, in the same run.

`python benchmarks/pull.py` takes some minutes; `--quick` is a short look, `--gate` fails when a goal is missed, `--peer
dlt` runs dlt beside us (installed into an environment of its own). Each measurement is a fresh process; the rounds are
interleaved and only ratios within one round are compared, because a machine has good and bad minutes. PostgreSQL is
measured where one answers (`--postgres URL` of a role that may create databases).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

HERE = Path(__file__).resolve().parent
PAGE = 100
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table: what was measured, and the most it may be."""

    name: str
    value: float
    most: float
    unit: str = "×"

    @property
    def met(self) -> bool:
        return self.value <= self.most

    def __str__(self) -> str:
        mark = "ok" if self.met else "MISSED"
        return f"{self.name:<58} {self.value:>9.2f} {self.unit:<8} ≤ {self.most:<6g} {mark}"


@dataclass
class Bench:
    """One run: where it works, and what every measurement gave under (deed, database, latency)."""

    options: argparse.Namespace
    work: Path
    measured: dict[tuple[str, str, int], list[Result]] = field(default_factory=dict)

    def environment(self, database: str) -> dict[str, str]:
        """Return what a process of the portal needs, and nothing of whoever runs this."""
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        key = base64.urlsafe_b64encode(b"k" * 32).decode()
        return kept | {
            "ENV_FILE": os.devnull, "VAR_DIR": str(self.work), "DATABASE_URL": database, "SECRET_KEY": "s" * 50,
            "CREDENTIAL_KEYS": key, "CRM_ALLOWED_NETWORKS": "127.0.0.0/8", "HTTPS": "off", "LOG_LEVEL": "WARNING",
        }  # fmt: skip

    def measure(self, deed: str, url: str, records: int, database: str = "") -> Result:
        """Run one deed in a process of its own; `wall` is with the interpreter's start."""
        began = time.perf_counter()
        command = [sys.executable, str(HERE / "measure.py"), deed, url, str(records)]
        done = subprocess.run(command, env=self.environment(database), stdout=subprocess.PIPE, text=True, check=True)
        return {**json.loads(done.stdout), "wall": time.perf_counter() - began}

    def note(self, deed: str, database: str, latency: int, result: Result) -> None:
        self.measured.setdefault((deed, database, latency), []).append(result)
        shown = {k: round(v, 2) for k, v in result.items()}
        print(f"  {latency:>3} ms  {database:<9} {deed:<6} {json.dumps(shown)}", file=sys.stderr, flush=True)

    def round(self, url: str, latency: int) -> None:
        """Measure everything once: the bare fetch, then each database new, read again, and asked for news."""
        self.note("bare", "none", latency, self.measure("bare", url, self.options.records))
        for kind in self.options.databases:
            with fresh_database(self, kind) as database:
                for deed in ("first", "again", "news"):
                    before = requests_so_far(url)
                    result = self.measure(deed, url, self.options.records, database)
                    self.note(deed, kind, latency, result | {"requests": requests_so_far(url) - before})
            if self.options.peer:
                self.note("dlt", kind, latency, self.peer(url, kind))

    def peer(self, url: str, kind: str) -> Result:
        """Run dlt on the same pages into a database of its own."""
        python = install_peer(self.work)
        with empty_database(self, kind) as database:
            began = time.perf_counter()
            command = [str(python), str(HERE / "peer_dlt.py"), url, database]
            environment = self.environment(database) | {"DLT_DATA_DIR": tempfile.mkdtemp(dir=self.work)}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - began}

    def growth(self) -> None:
        """Measure memory once more with four times the records."""
        records = 4 * self.options.records
        with server(records, 0) as url:
            for kind in self.options.databases:
                with fresh_database(self, kind) as database:
                    for deed in ("first", "again"):
                        self.note(f"{deed} x4", kind, 0, self.measure(deed, url, records, database))

    def ratio(self, deed: str, kind: str, latency: int, key: str = "seconds") -> float:
        """Return the median of ours / bare, each within one round."""
        pairs = zip(self.measured[deed, kind, latency], self.measured["bare", "none", latency], strict=True)
        return median(ours[key] / bare[key] for ours, bare in pairs)

    def worst(self, deed: str, kind: str, latency: int, key: str) -> float:
        return max(float(result[key]) for result in self.measured[deed, kind, latency])

    def goals(self) -> Iterator[Goal]:
        """Yield what was aimed at (docs/decisions.md), with what was measured."""
        most = {("sqlite", 20): 1.5, ("sqlite", 0): 2.5, ("postgres", 20): 1.9, ("postgres", 0): 3.5}
        for kind in self.options.databases:
            for latency in self.options.latency:
                name = f"{kind}, {latency} ms: first pull / bare fetch"
                yield Goal(name, self.ratio("first", kind, latency), most.get((kind, latency), 99))
            for latency in self.options.latency:
                name = f"{kind}, {latency} ms: full re-read, nothing changed / bare fetch"
                yield Goal(name, self.ratio("again", kind, latency), 1.3 if latency >= 20 else 99)
                yield Goal(
                    f"{kind}, {latency} ms: … rows written", self.worst("again", kind, latency, "written"), 0, "rows"
                )
                yield Goal(f"{kind}, {latency} ms: nothing new", self.worst("news", kind, latency, "seconds"), 1, "s")
                yield Goal(
                    f"{kind}, {latency} ms: … requests", self.worst("news", kind, latency, "requests"), 1, "requests"
                )
            yield from self.memory_goals(kind)

    def memory_goals(self, kind: str) -> Iterator[Goal]:
        for deed in ("first", "again"):
            small = max(self.worst(deed, kind, latency, "megabytes") for latency in self.options.latency)
            yield Goal(f"{kind}: peak memory, {deed}", small, 100, "MB")
            if (f"{deed} x4", kind, 0) in self.measured:
                large = self.worst(f"{deed} x4", kind, 0, "megabytes")
                yield Goal(f"{kind}: … with four times the records", large / small, 1.1)


@contextmanager
def server(records: int, latency: int) -> Iterator[str]:
    """Run the static CRM in a process of its own and yield its address."""
    command = [sys.executable, str(HERE / "static_crm.py"), "--records", str(records), "--latency-ms", str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def requests_so_far(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_requests") as answer:
        return int(answer.read())


def pages_per_second(url: str, records: int) -> float:
    """Return how fast one keep-alive connection gets pages when nobody looks into them: the server's own speed."""
    pages = -(-records // PAGE)
    host, port = url.removeprefix("http://").split(":")
    buffer = bytearray(1 << 20)
    with socket.create_connection((host, int(port))) as client:
        began = time.perf_counter()
        for page in range(1, pages + 1):
            client.sendall(b"GET /contacts?limit=100&page=%d HTTP/1.1\r\nHost: bench\r\n\r\n" % page)
            got = client.recv_into(buffer)
            head, _, _ = bytes(buffer[:200]).partition(b"\r\n\r\n")
            missing = len(head) + 4 + int(head.rpartition(b"Content-Length: ")[2]) - got
            while missing > 0:
                missing -= client.recv_into(buffer)
        return pages / (time.perf_counter() - began)


@contextmanager
def empty_database(bench: Bench, kind: str) -> Iterator[str]:
    """Yield the URL of a database nobody else uses; it is removed afterwards."""
    name = f"bench_{os.getpid()}_{time.monotonic_ns()}"
    if kind == "sqlite":
        yield f"sqlite:///{bench.work / name}.sqlite3"
        for file in bench.work.glob(f"{name}.sqlite3*"):
            file.unlink()
        return
    postgres(bench, f"CREATE DATABASE {name}")
    try:
        yield f"{bench.options.postgres.rpartition('/')[0]}/{name}"
    finally:
        postgres(bench, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def fresh_database(bench: Bench, kind: str) -> Iterator[str]:
    """Yield the URL of an empty database with the portal's tables."""
    with empty_database(bench, kind) as database:
        command = [sys.executable, str(HERE.parent / "manage.py"), "migrate", "--skip-checks", "-v0"]
        subprocess.run(command, env=bench.environment(database), check=True)
        yield database


def postgres(bench: Bench, statement: str) -> None:
    with psycopg.connect(bench.options.postgres, autocommit=True) as connection:
        connection.execute(statement)


def postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error as e:
        print(f"PostgreSQL is left out: {e}", file=sys.stderr)
        return False
    return True


def install_peer(work: Path) -> Path:
    """Return the Python of an environment with dlt in it."""
    place = work / "dlt"
    if not place.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        wanted = ["dlt[sqlalchemy,postgres]", "requests", "orjson"]
        subprocess.run([str(place / "bin/pip"), "install", "-q", *wanted], check=True, stdout=sys.stderr)
    return place / "bin/python"


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 20], metavar="MS")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--postgres", default="postgres://root@127.0.0.1:5432/postgres", metavar="URL")
    parser.add_argument("--peer", choices=["dlt"], help="Run this program beside us.")
    parser.add_argument("--quick", action="store_true", help="10,000 records, one round.")
    parser.add_argument("--gate", action="store_true", help="End with 1 when a goal is missed.")
    options = parser.parse_args()
    if options.quick:
        options.records, options.rounds = 10_000, 1
    if "postgres" in options.databases and not postgres_answers(options.postgres):
        options.databases.remove("postgres")
    return options


def main() -> int:
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="bench-pull-") as work:
        bench = Bench(options, Path(work))
        for latency in options.latency:
            with server(options.records, latency) as url:
                if latency == 0:
                    print(f"The server gives {pages_per_second(url, options.records):,.0f} pages/s.", file=sys.stderr)
                for _ in range(options.rounds):
                    bench.round(url, latency)
        bench.growth()
    goals = list(bench.goals())
    print(*goals, sep="\n")
    results = {f"{deed}, {kind}, {latency} ms": found for (deed, kind, latency), found in bench.measured.items()}
    print(
        json.dumps(
            {"goals": {g.name: round(g.value, 3) for g in goals}, "met": all(g.met for g in goals), "results": results}
        )
    )
    return int(options.gate and not all(g.met for g in goals))


if __name__ == "__main__":
    sys.exit(main())
