"""The demo, as a newcomer starts it: in a process of its own, in an empty folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "VAR_DIR": str(folder), "ENV_FILE": os.devnull}
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--records", "40", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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


def test_it_serves_with_a_password_and_stops_all_it_started(folder: Path) -> None:
    process = demo(folder, "--port", "0", "--new-password")
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    found = re.search(r"http://127\.0\.0\.1:\d+/", told)
    assert found and re.search(r"Password +\S{12,}", told), told
    with urllib.request.urlopen(f"{found[0]}login/") as page:
        assert page.status == 200 and "default-src 'self'" in page.headers["Content-Security-Policy"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{found[0]}login/", timeout=2)
