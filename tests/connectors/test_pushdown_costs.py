"""A plain filter is carried out by the vendor's server: it costs the calls its hits need, not a reading of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

import pytest

from connectors import connect
from connectors.base import Connector
from connectors.context import Context, NetworkRules
from connectors.query import Query, parse
from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)
CROWD = 350  # records beside the one to be found: four pages of the vendor's


@dataclass(frozen=True)
class Vendor:
    """A module, how it calls what is asked for, and the operation by which it is read."""

    module: str
    last: str
    status: str
    choice: str
    modified: str
    operation: str
    needed: tuple[tuple[str, object], ...] = ()


VENDORS = {
    "vtiger": Vendor("Contacts", "lastname", "leadsource", "Trade Show", "modifiedtime", "query"),
    "reallysimple": Vendor(
        "contacts", "last", "source", "Exhibition", "modifieddate", "list contacts", (("accountid", 1001),)
    ),
}
PLAIN = [
    '{status} = "{choice}"',
    'email = "rare.bird@example.org"',
    'email in ("rare.bird@example.org", "nobody@example.org")',
    "{last} starts with Quetzal",
    "{last} contains uetza",
    "modified >= 2031-01-01",
    "modified between 2031-01-01 and 2031-12-31",
    '{status} = "{choice}" and {last} starts with Quetzal',
    '{status} = "{choice}" and modified >= 2031-01-01',
    'email = "rare.bird@example.org" or {last} starts with Quetzal',
    '({last} = Quetzal or email = "rare.bird@example.org") and (modified >= 2031-01-01 or {status} = "{choice}")',
    'not ({last} != Quetzal) and not ({status} not in ("{choice}"))',
    "{last} starts with Quetzal and email is not empty and not {status} is empty",
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Both vendors, each with a crowd in which one record differs."""
    with Sandbox(records=5) as running:
        for slug, v in VENDORS.items():
            account = Account(running, slug)
            crowd = [{v.last: f"Sparrow {n}", "email": f"s{n}@example.org", v.modified: "2024-05-01 10:00:00"} for n in range(CROWD)]  # fmt: skip
            bird = {v.last: "Quetzal", "email": "rare.bird@example.org", v.modified: "2031-02-03 04:05:06"}
            made = [*crowd, bird | {v.status: v.choice}]
            changes = [{"action": "create", "module": v.module, "values": {**m, **dict(v.needed)}, "touch": False} for m in made]  # fmt: skip
            account.control("POST", "mutate", changes=changes)
            account.close()
        yield running


@pytest.fixture(params=VENDORS)
def slug(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def crm(slug: str, sandbox: Sandbox) -> Iterator[Connector]:
    given = sandbox.credentials[slug]
    connector = connect(slug, given, given, Context(network=RULES))
    connector.describe(VENDORS[slug].module)
    yield connector
    connector.close()


def reading(crm: Connector, sandbox: Sandbox, text: str) -> tuple[list[str], int]:
    """Return what was found, and how many requests that took."""
    vendor, account, found, cursor = VENDORS[crm.slug], Account(sandbox, crm.slug), list[str](), None
    filter = parse(text, crm.describe(vendor.module))
    before = account.control("GET", "counters")[crm.slug].get(vendor.operation, 0)
    while True:
        page = crm.read(vendor.module, Query(filter, limit=50, cursor=cursor))
        found += [str(record.values[vendor.last]) for record in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
    after = account.control("GET", "counters")[crm.slug][vendor.operation]
    account.close()
    return found, after - before


@pytest.mark.parametrize("pattern", PLAIN)
def test_a_plain_filter_is_carried_out_by_the_server(crm: Connector, sandbox: Sandbox, pattern: str) -> None:
    vendor = VENDORS[crm.slug]
    text = pattern.format(last=vendor.last, status=vendor.status, choice=vendor.choice)
    schema = crm.describe(vendor.module)
    everything = crm.explain(vendor.module, Query()).pushed
    assert crm.explain(vendor.module, Query(parse(text, schema))).pushed not in ("", everything)
    found, calls = reading(crm, sandbox, text)
    assert found == ["Quetzal"]
    assert calls <= 2, "one for the hit, one to see that there is no more"


def test_what_no_server_can_be_asked_is_read_whole_and_only_once(crm: Connector, sandbox: Sandbox) -> None:
    vendor = VENDORS[crm.slug]
    found, calls = reading(crm, sandbox, f"{vendor.last} < Sparrow and not {vendor.last} contains ow")
    assert "Quetzal" in found
    assert 4 <= calls <= 6
