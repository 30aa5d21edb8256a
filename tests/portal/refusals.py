"""How a test looks at what was refused: what a command or a page says, what is stored, what a CRM was asked to write."""

from __future__ import annotations

import io
import json
import re
from html import unescape

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.records.models import Copy, Mirror
from tests.connectors.sandbox_client import Account

KEPT = (Connection, Mapping, Mirror, Copy, Run, Entry)


def refused(code: int, *words: str) -> str:
    """Return what a command says that fails with this code: the same with --json and without, and nothing is
    stored."""
    before = kept()
    told = [failure(code, *words), failure(code, *words, "--json")]
    assert told[0] == told[1] and "Traceback" not in told[0] and kept() == before
    return told[0]


def failure(code: int, *words: str) -> str:
    """Return what a command says that fails with this code and prints nothing; with --json, the same once more."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command(*words, stdout=out, stderr=err)
    told = str(failed.value)
    assert failed.value.returncode == code and err.getvalue() == ""
    if "--json" in words:
        assert json.loads(out.getvalue())["error"]["message"] == told
    else:
        assert out.getvalue() == ""
    return told


def kept() -> dict[str, int]:
    """Return how many rows there are of what a person would miss, or find too many of."""
    return {model.__name__: model._default_manager.count() for model in KEPT}


def page(client: Client, url: str, status: int) -> str:
    """Return the words of a page."""
    answer = client.get(url)
    assert answer.status_code == status
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def writes(account: Account) -> list[str]:
    """Return which writing operations the sandbox was asked for, of both vendors."""
    log = account.control("GET", "log")
    deeds = {"create", "update", "revise", "delete"}  # Vtiger's; Really Simple's name an object after it
    return [r["operation"] for r in log if r["operation"].split()[0] in deeds]
