"""A stamp in the future carries no cursor away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.context import Context
from connectors.sandbox.server import Sandbox
from tests.connectors.reallysimple_account import RULES, ReallySimpleSeeder, connected
from tests.connectors.sandbox_client import Account


@pytest.fixture
def account() -> Iterator[Account]:
    with Sandbox(("reallysimple",), records=20, seed=5) as running:
        fresh = Account(running, "reallysimple")
        yield fresh
        fresh.close()


@pytest.mark.parametrize("before", [True, False], ids=["before the first reading", "after it"])
def test_a_record_stamped_in_the_future_hides_no_later_change(account: Account, before: bool) -> None:
    seeder, crm = ReallySimpleSeeder(account), connected(account, Context(network=RULES))

    def stamp() -> None:
        odd = seeder.put("Odd")
        account.control(
            "POST",
            "mutate",
            action="update",
            module="contacts",
            id=odd,
            touch=False,
            values={"modifieddate": "2099-01-01 00:00:00"},
        )

    def cursor(since: str | None) -> str:
        return list(crm.changes("contacts", since))[-1].cursor

    if before:
        stamp()
    place = cursor(None)
    if not before:
        stamp()
    place = cursor(cursor(place))
    changed = seeder.put("Later")
    found = {change.id for page in crm.changes("contacts", place) for change in page.changes}
    crm.close()
    assert changed in found
