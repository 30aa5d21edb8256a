"""Really Simple Systems keeps the whole contract against a simulated server, and does the right thing when that server
does not."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import (
    AuthError,
    NotInPlan,
    RecordNotFound,
)
from connectors.query import Query, parse
from connectors.reallysimple.schema import OBJECTS
from connectors.types import FieldType
from tests.connectors.contract import ConnectorContract, CountingObserver, read_all
from tests.connectors.reallysimple_account import (
    RULES,
    ReallySimpleSeeder,
    account,
    connected,
    context,
    crm,
    observer,
    sandbox,
    seeder,
)
from tests.connectors.sandbox_client import Account

__all__ = ["account", "context", "crm", "observer", "sandbox", "seeder"]  # fixtures


class TestReallySimple(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def crm(self, account: Account, context: Context) -> Iterator[Connector]:
        crm = connected(account, context, list_names="contacts/source=contactsource")
        yield crm
        crm.close()

    @pytest.fixture
    def observer(self) -> CountingObserver:
        return CountingObserver()

    @pytest.fixture
    def context(self, observer: CountingObserver) -> Context:
        return Context(observer=observer, network=RULES)


# Who we are


def test_the_check_tells_when_the_token_runs_out_and_hides_what_is_not_in_the_plan(
    account: Account, crm: Connector
) -> None:
    account.control("POST", "switches", not_in_plan=["cases", "campaigns"])
    identity = crm.check()
    assert identity.expires_at is not None and identity.expires_at.endswith("Z")
    assert {module.name for module in identity.modules} == set(OBJECTS) - {"cases", "campaigns"}
    assert any("Campaigns" in note and "Cases" in note for note in identity.notes)
    assert any("does not tell the time zone" in note for note in identity.notes) and not identity.time_zone


def test_a_token_that_is_wrong_everywhere_is_a_matter_of_the_token(account: Account, context: Context) -> None:
    with pytest.raises(AuthError, match="Unauthenticated") as caught:
        connected(account, context, access_token="not.the.token").check()
    assert "not.the.token" not in str(caught.value)


def test_a_token_past_its_end_is_said_to_have_run_out(account: Account, context: Context) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1600000000}').decode().rstrip("=")
    with pytest.raises(AuthError, match="ran out on 2020-09-13"):
        connected(account, context, access_token=f"head.{claims}.sign").check()


def test_an_object_outside_the_plan_says_so_when_it_is_used(account: Account, crm: Connector) -> None:
    account.control("POST", "switches", not_in_plan=["cases"])
    with pytest.raises(NotInPlan, match="does not include"):
        crm.read("cases", Query())


# Reading


def test_known_fields_have_the_types_that_make_them_useful(crm: Connector) -> None:
    types = {field.name: field.type for field in crm.describe("contacts").fields}
    wanted = {
        "id": FieldType.ID, "accountid": FieldType.REFERENCE, "ownerid": FieldType.OWNER, "email": FieldType.EMAIL,
        "phone": FieldType.PHONE, "decisionmaker": FieldType.BOOLEAN, "modifieddate": FieldType.DATETIME,
        "source": FieldType.CHOICE, "notes": FieldType.LONGTEXT, "leadscore": FieldType.INTEGER,
    }  # fmt: skip
    assert {name: types[name] for name in wanted} == wanted
    source = crm.describe("contacts").field("source")
    assert source is not None and [choice.value for choice in source.choices] == ["Web", "Referral", "Exhibition"]


def test_an_opportunity_carries_its_lines_with_numbers_as_text(crm: Connector, seeder: ReallySimpleSeeder) -> None:
    id = seeder.mutate("create", "opportunities", name="Deal", accountid=1001)
    seeder.mutate("create", "opportunity_lines", opportunityid=int(id), product="Seat", quantity=30, unitprice=19.5)
    lines = crm.get("opportunities", id).values["lines"]
    assert [(line["product"], line["quantity"], line["unitprice"]) for line in lines] == [("Seat", "30", "19.5")]
    assert any(record.values["lines"] == lines for record in read_all(crm, "opportunities"))


def test_date_times_are_read_and_written_in_the_zone_of_the_connection(
    account: Account, context: Context, seeder: ReallySimpleSeeder
) -> None:
    crm = connected(account, context, time_zone="Europe/London")
    id = seeder.mutate("create", "activities", date="2024-07-01 12:00:00", modifieddate="2024-01-15 12:00:00")
    record = crm.get("activities", id)
    assert (record.values["date"], record.modified) == ("2024-07-01T11:00:00Z", "2024-01-15T12:00:00Z")
    assert crm.update("activities", id, {"date": "2024-07-02T00:30:00Z"}).values["date"] == "2024-07-02T00:30:00Z"
    assert seeder.stored("activities", id)["date"] == "2024-07-02 01:30:00"


def test_a_filter_on_a_date_time_finds_the_hour_in_which_the_clocks_change(
    account: Account, context: Context, seeder: ReallySimpleSeeder
) -> None:
    crm = connected(account, context, time_zone="Europe/London")
    wanted = seeder.mutate("create", "activities", date="2024-10-27 01:30:00")
    schema = crm.describe("activities")
    for text in (
        "date <= 2024-10-27T00:30:00Z and date > 2024-10-26T23:59:59Z",
        "date = 2024-10-27T00:30:00Z",
        "date >= 2024-10-27 and date <= 2024-10-27T01:15:00Z",
    ):
        found = crm.read("activities", Query(parse(text, schema)))
        assert [record.id for record in found.records] == [wanted], text


def test_numbers_and_references_are_filtered_and_counted_by_the_server(
    crm: Connector, observer: CountingObserver
) -> None:
    filter = parse("accountid = 1001 and leadscore >= 10", crm.describe("contacts"))
    told = crm.explain("contacts", Query(filter))
    assert (told.pushed, told.local) == (
        'q={"accountid":1001,"leadscore":{"$gte":10}} order={"id":"asc"}', ""
    )  # fmt: skip
    observer.calls.clear()
    assert crm.count("contacts", Query(filter)) == len(read_all(crm, "contacts", Query(filter)))
    assert len(observer.calls) == 2


def test_a_thousand_ids_are_read_a_hundred_at_a_time(crm: Connector, observer: CountingObserver) -> None:
    ids = [record.id for record in read_all(crm, "contacts")]
    observer.calls.clear()
    found = crm.get_many("contacts", [*ids, "999999", "no id"])
    assert {record.id for record in found} == set(ids)
    assert len(observer.calls) == 1


@pytest.mark.parametrize("id", ["", "0", "-1", "1 or 1", "../accounts", "7.0", "x" * 99])
def test_what_cannot_be_an_id_is_not_sent(crm: Connector, observer: CountingObserver, id: str) -> None:
    crm.describe("contacts")
    observer.calls.clear()
    for deed in (crm.get, crm.delete):
        with pytest.raises(RecordNotFound):
            deed("contacts", id)
    assert not observer.calls
