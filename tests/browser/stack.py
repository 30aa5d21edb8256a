"""The whole portal as it is served: simulated CRMs, gunicorn with DEBUG off and hashed static files, a real qcluster; each a
process of its own, in a folder of its own, on its own SQLite."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = str(ROOT / "manage.py")
PASSWORD = "correct horse battery"


class Stack:
    """A running portal, as a context manager: its `url`, the CRMs' `credentials` by connector; "admin" may log in."""

    def __init__(self, folder: Path, records: int = 60) -> None:
        self.folder, self.records = folder, records
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.credentials: dict[str, dict[str, str]] = {}
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "VAR_DIR": str(folder),
            "ENV_FILE": os.devnull,
            "SECRET_KEY": Fernet.generate_key().decode(),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "CRM_ALLOWED_NETWORKS": "127.0.0.0/8",
            "HTTPS": "off",
            "LOG_LEVEL": "WARNING",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self._running = ExitStack()

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()

    def manage(self, *words: str, expected: int = 0, **environment: str) -> str:
        """Run a command of the portal to its end and return what it printed; its exit code must be the expected one."""
        ended = subprocess.run(
            [sys.executable, MANAGE, *words], env=self.environment | environment, capture_output=True, text=True
        )
        assert ended.returncode == expected, ended.stdout + ended.stderr
        return ended.stdout

    def connection(self, name: str, slug: str, *, writable: bool = True) -> dict[str, Any]:
        """Return an account at a simulated CRM as `import_config` reads it."""
        credentials = self.credentials[slug]
        secrets = {key: credentials[key] for key in ("access_key", "access_token") if key in credentials}
        settings = {key: credentials[key] for key in credentials if key not in secrets}
        return {"name": name, "connector": slug, "writable": writable, "settings": settings, "secrets": secrets}

    def import_config(self, **document: Any) -> None:
        """Set connections and mappings up."""
        file = self.folder / "portal.json"
        file.write_bytes(orjson.dumps(document))
        self.manage("import_config", str(file))

    def csp_reports(self) -> int:
        """Return how many reports of a broken Content-Security-Policy the portal was sent."""
        code = "from portal.ui import csp; print('reports', csp.reports())"
        found = re.search(r"reports (\d+)", self.manage("shell", "-v", "0", "-c", code))
        assert found
        return int(found[1])

    def log(self) -> str:
        """Return what the web server and the background tasks wrote."""
        return "".join(file.read_text() for file in sorted(self.folder.glob("*.log")))

    def _start(self) -> None:
        sandbox = [sys.executable, MANAGE, "sandbox", "--control", "--records", str(self.records)]
        process = self._child("sandbox", sandbox, stdout=subprocess.PIPE)
        self.manage("migrate", "-v", "0")
        self.manage("collectstatic", "--noinput", "-v", "0")
        self.manage("createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.org")
        address = self.url.removeprefix("http://")
        gunicorn = ["gunicorn", "portal.wsgi", "--bind", address, "--threads", "6", "--log-level", "warning"]
        self._child("web", [sys.executable, "-m", *gunicorn, "--chdir", str(ROOT)])
        self._child("worker", [sys.executable, MANAGE, "qcluster"])
        assert process.stdout is not None
        self.credentials = orjson.loads(process.stdout.readline())["credentials"]
        self._wait()

    def _child(self, name: str, command: list[str], stdout: int | None = None) -> subprocess.Popen[bytes]:
        file = self._running.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command, env=self.environment, stdout=stdout or file, stderr=file, start_new_session=True
        )
        self._running.callback(_end, process)
        return process

    def _wait(self) -> None:
        for _ in range(200):
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/login/", timeout=5):
                return
            time.sleep(0.1)
        raise AssertionError(f"The portal does not answer at {self.url}.\n{self.log()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # whoever of its group is still there
    process.wait()
    if process.stdout:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
