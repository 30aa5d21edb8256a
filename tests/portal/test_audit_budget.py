"""A first reading gets on however few calls a minute are allowed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from connectors.errors import BudgetSpent
from connectors.sandbox.server import Sandbox
from portal.connections.access import open_connector
from portal.connections.models import Connection, Spent
from portal.records.models import Copy
from portal.records.pull import mirror_of, pull
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "slug,module,limit", [("vtiger", "Contacts", 30), ("vtiger", "Contacts", 10), ("reallysimple", "contacts", 10)]
)
def test_a_first_reading_gets_on_however_few_calls_a_minute_it_has(
    slug: str, module: str, limit: int, settings: Any
) -> None:
    settings.CRM_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Sandbox((slug,), records=6_000, seed=3) as sandbox:
        account = Account(sandbox, slug)
        names = {"url", "username"}
        connection = Connection.objects.create(
            name="crm",
            connector=slug,
            calls_per_minute=limit,
            max_parallel=4,
            settings={k: v for k, v in account.secrets.items() if k in names},
            secrets={k: v for k, v in account.secrets.items() if k not in names},
        )
        mirror, kept = mirror_of(connection, module), []
        for _minute in range(3):
            Spent.objects.all().delete()  # the next minute
            with open_connector(connection, purpose="sync") as crm, suppress(BudgetSpent):
                pull(mirror, crm)
            kept.append(Copy.objects.count())
        assert all(later > kept[0] > 0 for later in kept[1:]) and kept == sorted(kept)
        account.close()
