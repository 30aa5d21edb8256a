"""The demo, as a newcomer starts it: in a process of its own, in an empty folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent.parent


def demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "VAR_DIR": str(folder), "ENV_FILE": os.devnull}
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--records", "40", *arguments]
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as a script starts it with &: deaf to Ctrl-C
    return subprocess.Popen(
        background + command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_once_syncs_everything_and_a_second_time_finds_nothing_to_do(folder: Path) -> None:
    first = demo(folder, "--once")
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    result = orjson.loads(out.splitlines()[-1])
    assert set(result) == {"pulled", "created", "updated", "blocked", "conflict", "failed", "seconds"}
    assert result["created"] > 20 and result["failed"] == 0 and result["pulled"] > 40
    again = demo(folder, "--once")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert orjson.loads(out.splitlines()[-1])["pulled"] < result["pulled"], "only what the CRMs sent this time"
    assert {k: v for k, v in orjson.loads(out.splitlines()[-1]).items() if k in ("created", "updated", "failed")} == {
        "created": 0,
        "updated": 0,
        "failed": 0,
    }
    assert (folder / "demo" / "keys").stat().st_mode & 0o777 == 0o600
    assert "Traceback" not in err


def served(folder: Path) -> tuple[subprocess.Popen[str], str, str]:
    """Start the demo; return its process, its address and what it says of the password."""
    process = demo(folder, "--port", "0")
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    address, password = re.search(r"http://127\.0\.0\.1:\d+/", told), re.search(r"Password +(.+)", told)
    assert address and password, told
    return process, address[0], password[1]


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_serves_with_a_password_until_somebody_has_used_it_and_stops_all_it_started(folder: Path) -> None:
    process, address, password = served(folder)
    assert re.fullmatch(r"\S{12,}", password), "what made the first one only synced and showed none"
    with requests.Session() as browser:
        page = browser.get(f"{address}login/")
        assert page.status_code == 200 and "default-src 'self'" in page.headers["Content-Security-Policy"]
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post(f"{address}login/", form, allow_redirects=False).status_code == 302
    stop(process)
    with pytest.raises(OSError):
        requests.get(f"{address}login/", timeout=2)
    process, _address, password = served(folder)
    assert "before" in password
    stop(process)
