"""A setting that cannot be right is said before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as portal_settings

from portal import checks


def test_the_settings_as_they_are_shipped_are_right() -> None:
    found = [*checks.check_times(), *checks.check_networks(), *checks.check_credential_keys(), *checks.check_hosts()]
    assert found == [] and checks.missing_keys() == ""


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SLICE_SECONDS", 40, "less than Q_TIMEOUT"),
        ("SLICE_SECONDS", 0, "at least 1"),
        ("Q_TIMEOUT", 90, "less than Q_RETRY"),
        ("LEASE_SECONDS", 49, "exceed LEASE_SECONDS"),
        ("CALL_DEADLINE_SECONDS", 0, "at least 1"),
        ("UNKNOWN_GRACE_SECONDS", -1, "negative"),
    ],
)
def test_times_that_do_not_fit_together_are_refused(settings: Any, name: str, value: int, told: str) -> None:
    setattr(settings, name, value)
    found = checks.check_times()
    assert any(told in str(message.msg) for message in found) and f"{name}={value}" in str(found[0].hint)


def test_a_key_that_is_none_is_refused_by_its_number_and_not_shown(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = [*settings.CREDENTIAL_KEYS, "marker-not-a-key"]
    (found,) = checks.check_credential_keys()
    assert found.id == "portal.E002" and "number 2" in str(found.msg) and "marker" not in f"{found}"


def test_networks_that_are_none_are_named(settings: Any) -> None:
    settings.CRM_ALLOWED_NETWORKS = ["10.0.0.0/8", "192.168.1.20", "10.0.0.0/33", "crm.local"]
    assert [str(m.msg).split("“")[1].split("”")[0] for m in checks.check_networks()] == ["10.0.0.0/33", "crm.local"]


def test_hosts_are_bare_names(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["portal.example.org", "https://portal.example.org", "*"]
    assert [message.id for message in checks.check_hosts()] == ["portal.E005", "portal.W006"]


def without_keys(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("SECRET_KEY", "CREDENTIAL_KEYS")}
    environment |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "VAR_DIR": f"{portal_settings.VAR_DIR}/no-keys"}
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=portal_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["runserver", "runserver --noreload", "qcluster"])
def test_serving_and_background_work_refuse_without_keys_in_one_line(command: str) -> None:
    ended = without_keys("manage.py", *command.split())
    assert ended.returncode == 1 and len(ended.stderr.splitlines()) == 1
    assert "Fernet.generate_key" in ended.stderr and "SECRET_KEY" in ended.stderr


def test_the_wsgi_server_stops_instead_of_trying_for_ever_and_says_it_in_one_line() -> None:
    ended = without_keys("-W", "ignore", "-m", "gunicorn", "portal.wsgi", "--bind", "127.0.0.1:0")
    lines = [
        line for line in ended.stderr.splitlines() if not line.startswith("[20")
    ]  # gunicorn's own begin with a date
    assert ended.returncode == 3 and len(lines) == 1
    assert "Fernet.generate_key" in lines[0] and "SECRET_KEY" in lines[0]


def test_check_deploy_tells_it_beforehand_and_commands_that_seal_nothing_work() -> None:
    assert "portal.E001" in without_keys("manage.py", "check", "--deploy").stderr
    assert without_keys("manage.py", "check").returncode == 0
