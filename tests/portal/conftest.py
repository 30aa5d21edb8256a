"""What the portal's tests share: connections, people, another process on the same database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection as database
from django.test import Client

from connectors.memory import forget
from connectors.sandbox.server import Sandbox
from portal.accounts.models import User
from portal.connections.models import Connection
from tests.connectors.sandbox_client import Account
from tests.portal.task_queue import forget_all


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the portal's database: only that says anything on another database."""
    for item in items:
        asked = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
        if asked or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.database)


@pytest.fixture(autouse=True)
def empty_memory() -> Iterator[None]:
    """Begin every test with CRMs in memory that hold nothing."""
    yield
    for name in ("memory", "other"):
        forget(name)


@pytest.fixture(autouse=True)
def empty_queue() -> Iterator[None]:
    """Leave nothing of a test in Redis."""
    yield
    forget_all()


@pytest.fixture
def make_connection(db: None) -> Callable[..., Connection]:
    """Return a function that stores a connection to the CRM in memory; keyword arguments are its columns."""

    def make(name: str = "north", **columns: Any) -> Connection:
        return Connection.objects.create(name=name, **{"connector": "memory", "writable": True, **columns})

    return make


@pytest.fixture
def north(make_connection: Callable[..., Connection]) -> Connection:
    """A connection that may be written to."""
    return make_connection("north")


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """The simulated vendors, started once."""
    with Sandbox(records=20) as sandbox:
        yield sandbox


@pytest.fixture
def vtiger(running_sandbox: Sandbox) -> Iterator[Account]:
    """A simulated Vtiger: its `url`, its `secrets` (settings and secrets by name) and its control side."""
    account = Account(running_sandbox, "vtiger")
    account.control("POST", "reset")
    yield account
    account.close()


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    """A browser in which a superuser is logged in."""
    client.force_login(User.objects.create_superuser("admin", "admin@example.org", "a long password"))
    return client


@pytest.fixture
def other_process(transactional_db: None) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return a function that runs Python text in another process of the portal, on this test's database."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_URL": database_url()}
        code = f"import django; django.setup()\n{text}"
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def database_url() -> str:
    """Return the address of the database this test runs on."""
    settings = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user, password, host = (quote(settings[key] or "", safe="") for key in ("USER", "PASSWORD", "HOST"))
    return f"postgres://{user}:{password}@{host}:{settings['PORT'] or ''}/{settings['NAME']}"
