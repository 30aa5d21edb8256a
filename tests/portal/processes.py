"""Starts the portal's real processes for a test: simulated CRMs, clusters, commands; on a database and a queue of their own.
The rule: only what was started here is ever sent a signal."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import requests

from portal.keys import new_credential_key

ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
KEYS = {"SECRET_KEY": "a key of real processes, " * 3, "CREDENTIAL_KEYS": new_credential_key()}
JSON = Any


def wait_until(holds: Callable[[], Any], what: str, seconds: float = 60, log: Callable[[], str] = str) -> Any:
    """Return what `holds` returns as soon as that is true. Fails after `seconds`, saying `what` was waited for, and the log."""
    give_up = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < give_up, f"Not within {seconds} s: {what}.\n{log()}"
        time.sleep(0.05)
    return found


@contextmanager
def started(
    *words: str, environment: dict[str, str], log: Path, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the portal in a process group of its own, its words appended to a file; kill the group at the end."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*MANAGE, *words], env=environment, stdout=stdout or file, stderr=file, start_new_session=True
        )
    try:
        yield process
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started here, and whoever of its group still lives."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    if process.stdout:
        process.stdout.close()


def living(group: int) -> set[int]:
    """Return the processes of a group that live; a zombie does not."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.add(int(stat.parent.name))
    return found


def parent_of(pid: int) -> int:
    """Return the process that started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Crms:
    """The simulated vendors in a process of their own, and their control side."""

    def __init__(self, told: dict[str, JSON]) -> None:
        self.credentials: dict[str, dict[str, str]] = told["credentials"]
        self.urls: dict[str, str] = told["urls"]
        self.http = requests.Session()
        self.http.trust_env = False

    def control(self, slug: str, method: str, deed: str, **said: JSON) -> JSON:
        """Return the control side's answer; it must be 200."""
        sent: dict[str, JSON] = {"params": said} if method == "GET" else {"json": said}
        answer = self.http.request(method, f"{self.urls[slug]}/_control/{deed}", timeout=30, **sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def add(self, *names: str) -> None:
        """Put people into Vtiger behind its API's back: ada has ada@example.org."""
        people = [{"lastname": name, "firstname": "Real", "email": f"{name}@example.org"} for name in names]
        changes = [{"action": "create", "module": "Contacts", "values": person} for person in people]
        self.control("vtiger", "POST", "mutate", changes=changes)

    def arrived(self) -> list[str]:
        """Return the names of those people that Really Simple Systems holds, each as often as it does."""
        found = self.control("reallysimple", "GET", "records", module="contacts")
        return sorted(row["last"] for row in (r.get("values", r) for r in found) if row["first"] == "Real")

    def writes(self) -> list[JSON]:
        """Return every request that writes which Really Simple Systems was sent."""
        return [r for r in self.control("reallysimple", "GET", "log", vendor="reallysimple") if r["method"] != "GET"]


@contextmanager
def crms(folder: Path, latency_ms: int) -> Iterator[Crms]:
    """Run the simulated vendors, nearly empty."""
    environment = {**_bare(folder), **KEYS}
    words = ("sandbox", "--control", "--records", "3", "--latency-ms", str(latency_ms))
    with started(*words, environment=environment, log=folder / "sandbox.log", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        found = Crms(orjson.loads(process.stdout.readline()))
        with closing(found.http):
            yield found


class Portal:
    """A portal with a folder, a database and a queue of its own, whose processes get this environment."""

    def __init__(self, folder: Path, database_url: str, **environment: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.environment = {**_bare(folder), **KEYS, "DATABASE_URL": database_url, **environment}

    def manage(self, *words: str) -> str:
        """Run a command to its end and return what it printed; it must succeed."""
        ended = subprocess.run([*MANAGE, *words], env=self.environment, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def cluster(self) -> Any:
        """Return a context manager that runs a qcluster and yields its master process."""
        return started("qcluster", environment=self.environment, log=self.folder / "cluster.log")

    def log(self) -> str:
        """Return what the clusters wrote."""
        file = self.folder / "cluster.log"
        return file.read_text() if file.exists() else ""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, which is committed; seen from outside, as the processes' work is on disk."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=20)) as found, found:
                return found.execute(sql).fetchall()
        import psycopg  # only there with the extra

        with psycopg.connect(self.database_url, autocommit=True) as session:
            cursor = session.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def make_due(self, name: str) -> None:
        """Have the schedule of that name (or beginning) fall due a moment ago, instead of waiting for a minute to pass."""
        at = f"{datetime.now(UTC) - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"
        self.ask(f"UPDATE django_q_schedule SET next_run = '{at}' WHERE name LIKE '{name}%'")

    def unschedule(self, name: str) -> None:
        """Forget the schedule of that name (or beginning)."""
        self.ask(f"DELETE FROM django_q_schedule WHERE name LIKE '{name}%'")

    def is_writable(self) -> bool:
        """Say whether no process is in the middle of a transaction that would make others wait."""
        if not self.database_url.startswith("sqlite"):
            return not self.ask(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            )
        with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=0.3)) as found:
            try:
                found.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True

    def workers(self) -> list[int]:
        """Return the workers that clusters have started so far."""
        return [int(pid) for pid in re.findall(r"ready for work at (\d+)", self.log())]

    def task_of(self, pid: int) -> str:
        """Return the name of the task that a worker of a cluster is at, from the cluster's log."""
        (worker,) = re.findall(rf"(\S+) ready for work at {pid}\b", self.log())
        return str(re.findall(rf"{worker} processing (\S+) ", self.log())[-1])

    def wait_until(self, holds: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Wait, and fail with what the clusters wrote."""
        return wait_until(holds, what, seconds, self.log)


def set_up(portal: Portal, at: Crms) -> None:
    """Make the tables, both connections and the mapping "contacts", whose schedule is every minute."""
    portal.manage("migrate", "-v", "0")
    sides = {"north": "vtiger", "south": "reallysimple"}
    document = {
        "connections": [_connection(name, slug, at.credentials[slug]) for name, slug in sides.items()],
        "mappings": [
            {
                "name": "contacts",
                "left": {"connection": "north", "module": "Contacts", "filter": "firstname = Real"},
                "right": {"connection": "south", "module": "contacts"},
                "direction": "left-to-right",
                "match": [{"left": "email", "right": "email"}],
                "fields": [
                    {"left": "lastname", "right": "last"},
                    {"left": "firstname", "right": "first"},
                    {"left": "email", "right": "email"},
                    {"value": "1001", "right": "accountid"},
                ],
                "guards": "off",
                "schedule": {"minutes": 1},
            }
        ],
    }
    file = portal.folder / "portal.json"
    file.write_bytes(orjson.dumps(document))
    portal.manage("import_config", str(file))


def copy_of(file: Path, folder: Path) -> str:
    """Return the address of a copy of an SQLite database."""
    shutil.copy(file, folder / "portal.sqlite3")
    return f"sqlite:///{folder / 'portal.sqlite3'}"


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """Make a database on a PostgreSQL server, yield its address and drop it."""
    import psycopg

    name = f"processes_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{server}/{name}"
        finally:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _connection(name: str, slug: str, credentials: dict[str, str]) -> dict[str, JSON]:
    secrets = {key: value for key, value in credentials.items() if key in ("access_key", "access_token")}
    settings = {key: value for key, value in credentials.items() if key not in secrets}
    return {"name": name, "connector": slug, "writable": True, "settings": settings, "secrets": secrets}


def _bare(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "VAR_DIR": str(folder),
        "ENV_FILE": os.devnull,
        "CRM_ALLOWED_NETWORKS": "127.0.0.0/8",
        "HTTPS": "off",
        "LOG_LEVEL": "INFO",
    }
