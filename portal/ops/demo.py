"""The demo: the whole portal with simulated CRMs, in a folder of its own that touches nothing else.

`prepare` runs under the ordinary settings and says under which the rest must run; everything else is already inside.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import orjson
import yaml
from django.conf import settings
from django.utils.translation import gettext as _

from connectors import connector_class
from connectors.errors import ConnectorError
from connectors.types import JSON
from portal.accounts.models import User
from portal.connections.check import check
from portal.connections.models import Connection
from portal.keys import write_keys
from portal.mappings.models import Mapping
from portal.ui.wording import translated

MANAGE = str(settings.BASE_DIR / "manage.py")


class AlreadyRunning(Exception):
    """Another demo works in the same folder."""


def prepare(folder: Path, *, fresh: bool) -> dict[str, str]:
    """Make the folder and its keys and return the environment in which the demo runs. Raises AlreadyRunning."""
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        if fresh:
            for child in folder.iterdir():
                shutil.rmtree(child) if child.is_dir() else child.unlink()
        write_keys(folder / "keys")
    ours = ("SECRET_KEY", "CREDENTIAL_KEYS", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "CSRF_TRUSTED_ORIGINS")
    return {
        **{name: value for name, value in os.environ.items() if name not in ours},
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(folder),
        "DEBUG": "off",
        "HTTPS": "off",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "CRM_ALLOWED_NETWORKS": "127.0.0.0/8",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; a killed process holds nothing. Raises AlreadyRunning."""
    with (folder.parent / f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            text = _("Another demo is running in %(folder)s. Stop it first (Ctrl-C).")
            raise AlreadyRunning(text % {"folder": folder}) from e
        yield


def make_admin(*, new_password: bool) -> str | None:
    """Make the user “admin” and return the password; None when somebody has logged in with the one there is, which
    then stays. A password nobody has used yet may never have been seen: the start that made it may have failed."""
    user = User.objects.filter(username="admin").first()
    if user is not None and user.last_login is not None and not new_password:
        return None
    password = secrets.token_urlsafe(12)
    user = user or User(username="admin", is_staff=True, is_superuser=True)
    user.set_password(password)
    user.save()
    return password


@contextmanager
def sandboxes(records: int) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the credentials of the simulated CRMs, by connector, while they run."""
    state = settings.VAR_DIR / "sandbox"
    state.mkdir(exist_ok=True)
    command = [sys.executable, MANAGE, "sandbox", "--records", str(records), "--state", str(state)]
    with child(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(_("The simulated CRMs did not start; their message stands above."))
        yield orjson.loads(line)["credentials"]


def document(credentials: dict[str, dict[str, str]]) -> tuple[JSON, dict[str, str]]:
    """Return the demo's import document, filled in, and the environment its secrets are read from. A mapping that is
    there already stays as the person left it."""
    found = yaml.safe_load((Path(__file__).parent / "demo.yaml").read_text())
    there = set(Mapping.objects.values_list("name", flat=True))
    found["mappings"] = [mapping for mapping in found["mappings"] if mapping["name"] not in there]
    environment: dict[str, str] = {}
    for connection in found["connections"]:
        slug = connection["connector"]
        connection["settings"], connection["secrets"] = {}, {}
        connection["same_data"] = True  # the simulated CRMs keep their records, but not their ports
        left_out = connection.pop("without", [])
        for setting in connector_class(slug).settings:
            value = None if setting.name in left_out else credentials[slug].get(setting.name)
            if value is not None and setting.secret:
                name = f"{connection['name']}_{setting.name}".upper().replace("-", "_")
                environment[name] = value
                connection["secrets"][setting.name] = f"env:{name}"
            elif value is not None:
                connection["settings"][setting.name] = value
    return found, environment


def check_all(say: Any) -> None:
    """Test every connection, so that the dashboard has something to say of each."""
    for connection in Connection.objects.all():
        try:
            check(connection)
        except ConnectorError as e:
            say(f"{connection}: {translated(e)}")


@contextmanager
def child(command: list[str], *, stdout: Any = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own; at the end ask it to stop, and after ten seconds stop the whole group."""
    process = subprocess.Popen(command, stdout=stdout, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whoever of its group is still there
        process.wait()


def serve(port: int, out: TextIO, password: str | None) -> None:
    """Serve the portal and its background tasks until Ctrl-C or SIGTERM, or until one of them ends."""
    address = f"127.0.0.1:{port}"
    web = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", address, "--workers", "1", "--threads", "6"]
    web += ["--graceful-timeout", "5"]  # on Ctrl-C nobody waits for a browser that keeps its connection
    with ExitStack() as stack:
        server = stack.enter_context(child([*web, "--log-level", "warning", "--chdir", str(settings.BASE_DIR)]))
        cluster = stack.enter_context(child([sys.executable, MANAGE, "qcluster"]))
        _wait_until_it_answers(f"http://{address}/login/", server)
        out.write("\n  " + _("The portal is at   %(address)s") % {"address": f"http://{address}/"} + "\n")
        words = password or _("the one you logged in with before (--new-password makes another)")
        out.write("  " + _("User name          admin") + "\n")
        out.write("  " + _("Password           %(password)s") % {"password": words} + "\n\n")
        out.write("  " + _("Ctrl-C stops it.") + "\n")
        out.flush()
        while server.poll() is None and cluster.poll() is None:
            time.sleep(0.5)
    raise RuntimeError(_("The web server or the background tasks ended; their message stands above."))


def free_port(wanted: int | None) -> int:
    """Return the port a person asked for, else 8000 when nobody has it, else any that is free."""
    for port in (wanted, 8000, 0):  # 0 asks for any
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                if port == wanted:
                    raise
                continue
            return int(probe.getsockname()[1])
    raise OSError(_("There is no free port."))


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    for _attempt in range(300):
        if server.poll() is not None:
            raise RuntimeError(_("The web server did not start; its message stands above."))
        try:
            urllib.request.urlopen(url, timeout=5).close()  # our own server on this machine
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(_("The web server does not answer at %(url)s.") % {"url": url})
