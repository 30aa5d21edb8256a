"""What OpenCRM is asked for a filter: one condition, in the vendor's words, never less than the filter finds, and only by a name
that was seen to work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.answer import Listing
from connectors.context import Context
from connectors.lessons import Lessons
from connectors.opencrm.client import Question
from connectors.opencrm.codec import OpenCrmCodec
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.pushdown import Trial, push, trial
from connectors.opencrm.reading import Reader
from connectors.opencrm.schema import schema
from connectors.query import Condition, Op, Query, match_record, parse
from connectors.sandbox.server import Sandbox
from connectors.sandbox.wire import collate, weights
from connectors.types import FieldSchema, FieldType, Record
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.later import LaterClock
from tests.connectors.opencrm_account import RULES, OpenCrmSeeder, account, connected, observer, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "seeder"]  # fixtures

SCHEMA = schema("contact", (), {})

ASKED = [
    ("lastname = Smart", "lastname|=|Smart", False),
    ("lastname in (Smart)", "lastname|=|Smart", False),
    ("lastname starts with Sma", "lastname|BEGINS|Sma", False),
    ("lastname ends with art", "lastname|ENDS|art", False),
    ("lastname contains mar", "lastname|CONTAINS|mar", False),
    (
        "lastname contains 'Müller'",
        "lastname|CONTAINS|ller",
        False,
    ),  # of ü, i, k and digits is not known what they equal
    ("lastname = 'Jones|=|;Jo'", "lastname|CONTAINS|jones", False),  # what parts conditions is never in one
    ("email = 'ada@example.org'", "email|=|ada@example.org", False),
    ("leadsource = Web", "leadsource|=|Web", False),
    ("accountid = 1001", "accountid|=|1001", True),
    ("assigned_user_id = 5", "smownerid|=|5", True),
    ("modified > 2024-02-29T10:00:00Z", "crmentity.modifiedtime|>|2024-02-28 08:00:00", False),  # in any zone
    ("modified between 2024-02-29 and 2024-03-01", "crmentity.modifiedtime|>|2024-02-27 22:00:00", False),
    ("modified > 2024-02-29 and lastname = Smart", "lastname|=|Smart", False),
    ("id = 5", "crmentity.crmid|=|5", True),
    ("accountid = 1001 and lastname = Smart", "accountid|=|1001", False),
    ("lastname contains mar and firstname = Ada", "firstname|=|Ada", False),
    ("lastname != Smart and firstname starts with Ad", "firstname|BEGINS|Ad", False),
    ("not (lastname != Smart or accountid != 2)", "accountid|=|2", False),
]


@pytest.mark.parametrize(("text", "query_string", "exact"), ASKED)
def test_one_condition_is_asked_in_the_vendors_words(text: str, query_string: str, exact: bool) -> None:
    pushed = push(parse(text, SCHEMA), SCHEMA, lambda field: True)
    assert (pushed.query, pushed.exact) == (query_string, exact)


@pytest.mark.parametrize(
    "text",
    [
        "lastname != Smart",  # operators that negate are taken as “=” there
        "lastname not in (Smart)",
        "lastname is empty",
        "lastname is not empty",
        "not lastname contains mar",
        "lastname < M",
        "lastname in (Smart, West)",
        "lastname = Smart or firstname = Ada",
        "lastname contains '۱۲'",
        "lastname contains '_%'",
        "lastname = '|;|'",
        "birthday = 2024-02-29",
        "modified < 2024-02-29T10:00:00Z",
        "modified > 0001-01-01T10:00:00Z",
        "created > 2024-02-29T10:00:00Z",
        "tps = true",
        "accountid = abc",
        "accountid > 5",
    ],
)
def test_what_the_server_may_understand_otherwise_is_not_asked(text: str) -> None:
    pushed = push(parse(text, SCHEMA), SCHEMA, lambda field: True)
    assert (pushed.query, pushed.exact) == ("", False)


def test_no_filter_is_exactly_everything() -> None:
    pushed = push(None, SCHEMA, lambda field: False)
    assert (pushed.query, pushed.exact) == ("", True)


def test_a_field_whose_name_does_not_work_gives_way_to_the_next_best() -> None:
    filter = parse("accountid = 1001 and lastname = Smart", SCHEMA)
    assert push(filter, SCHEMA, lambda field: field == "lastname").query == "lastname|=|Smart"
    assert push(filter, SCHEMA, lambda field: False).query == ""


def answers(query_string: str, held: str) -> bool:
    """Say whether a server that compares as MySQL does finds a value by a condition."""
    _name, operator, value = query_string.split("|")
    if operator == "=":
        return collate(held) == collate(value)
    ask = {"BEGINS": str.startswith, "ENDS": str.endswith, "CONTAINS": str.__contains__}[operator]
    return ask(weights(held), weights(value))


WORDS = st.text(st.sampled_from("abIiKkéüß 0۱يی'|;%_\\Z"), min_size=1, max_size=6)


@given(
    WORDS, st.sampled_from([Op.EQ, Op.CONTAINS, Op.STARTS, Op.ENDS]), st.text(st.sampled_from("aAéE ybZ"), max_size=3)
)
def test_whatever_is_found_here_is_found_there(text: str, op: Op, around: str) -> None:
    condition = Condition("lastname", op, (text,))
    pushed = push(condition, SCHEMA, lambda field: True)
    assert pushed.query.count("|") in (0, 2) and ";" not in pushed.query
    if not pushed.query:
        return
    holds = match_record(condition, SCHEMA)
    for held in (text, text.swapcase(), around + text, text + around, around + text + around, around):
        if holds(Record("contact", "1", {"lastname": held})):
            assert answers(pushed.query, held), held


def test_a_name_is_tried_with_letters_in_the_other_case() -> None:
    field = FieldSchema("city", "City", FieldType.TEXT)
    assert trial(field, {"7": None, "8": "Köln", "9": "12", "10": "a|b", "11": "Rome 1"}) == Trial(
        "city|CONTAINS|ROME", "11", "rome"
    )
    assert trial(field, {"7": None, "8": "Köln"}) is None
    assert trial(SCHEMA.fields[0], {"7": None}) == Trial("crmentity.crmid|=|7", "7", "7")


# At a server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("opencrm",), records=150, seed=3) as running:
        yield running


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[OpenCrmConnector]:
    crm = connected(account, Context(observer=observer, network=RULES))
    yield crm
    crm.close()


def test_a_filter_costs_a_page_and_the_proof_that_nothing_follows_once_its_name_is_known(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    change = {"action": "create", "module": "contact", "values": {"lastname": "Sparrow"}}
    account.control("POST", "mutate", changes=[change] * 500)
    rare = OpenCrmSeeder(account).put("Quetzal")
    filter = parse("lastname starts with Quetzal", crm.describe("contact"))
    assert [r.id for r in crm.read("contact", Query(filter)).records] == [rare]
    observer.calls.clear()
    assert [r.id for r in read_all(crm, "contact", Query(filter))] == [rare]
    assert len(observer.calls) == 2
    assert crm.explain("contact", Query(filter)).pushed == "query_string=lastname|BEGINS|Quetzal"


@pytest.mark.parametrize(
    ("greater", "pushed"), [("works", "query_string=crmentity"), ("ignored", "get_contact"), ("refused", "get_contact")]
)
def test_the_newest_records_are_asked_for_where_the_server_can_be(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, greater: str, pushed: str
) -> None:
    account.control("POST", "switches", greater=greater)
    account.control("POST", "clock", shift_seconds=90 * 86_400)
    id = seeder.put("Newest")
    newest = crm.get("contact", id).modified
    filter = parse(f"modified >= {newest}", crm.describe("contact"))
    assert [record.id for record in read_all(crm, "contact", Query(filter))] == [id]
    assert crm.explain("contact", Query(filter)).pushed.startswith(pushed)


@pytest.mark.parametrize("unknown", ["nothing", "everything"])
def test_a_field_the_server_cannot_be_asked_for_is_evaluated_here(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder, unknown: str
) -> None:
    account.control("POST", "switches", unknown_field=unknown)
    Lessons(crm.context.learned, crm.context.clock).note("no query names of contact", "lastname")
    wanted = seeder.put("Quetzal")
    filter = parse("lastname = Quetzal", crm.describe("contact"))
    assert [record.id for record in read_all(crm, "contact", Query(filter))] == [wanted]
    assert crm.explain("contact", Query(filter)).pushed == "get_contact_list_full"


def test_a_name_that_works_is_found_out_once(crm: OpenCrmConnector, observer: CountingObserver) -> None:
    filter = parse("lastname = Nobody and assigned_user_id = 999999 and id = 999999", crm.describe("contact"))
    for _ in range(3):
        observer.calls.clear()
        assert not crm.read("contact", Query(filter)).records
    assert len(observer.calls) == 1
    assert set(crm.context.learned.get("query names of contact").values()) == {True}


def test_a_name_that_did_not_work_is_tried_again_after_a_day(account: Account, observer: CountingObserver) -> None:
    clock = LaterClock()
    crm = connected(account, Context(observer=observer, network=RULES, clock=clock))
    query = Query(parse("lastname starts with Sma", crm.describe("contact")))
    Lessons(crm.context.learned, clock).note("no query names of contact", "lastname")
    assert crm.explain("contact", query).pushed == "get_contact_list_full"
    clock.days = 1.1
    wanted = OpenCrmSeeder(account).put("Smart")
    assert [record.id for record in read_all(crm, "contact", query)] == [wanted]
    assert crm.explain("contact", query).pushed == "query_string=lastname|BEGINS|Sma"
    assert crm.context.learned.get("query names of contact") == {"lastname": True}
    crm.close()


class Deaf:
    """A server that finds nothing, or everything, by a name it does not know."""

    def __init__(self, everything: bool) -> None:
        self.everything, self.context = everything, Context()

    def listing(self, module: str, asked: Question) -> Listing:
        rows = [{"id": str(n), "lastname": f"{('Smart', 'West')[n % 2 == 0]}{n}"} for n in range(1, 9)]
        found = rows if self.everything or not asked.query else []
        return Listing(found[asked.start : asked.end], None)


@pytest.mark.parametrize("everything", [True, False])
def test_a_name_that_does_not_work_is_found_out(everything: bool) -> None:
    server: Any = Deaf(everything)
    reader = Reader(server, OpenCrmCodec(), SCHEMA, {"id", "lastname"}, lambda seen: SCHEMA)
    assert not reader.trusts("lastname")
    assert reader.lessons.recent("no query names of contact") == ("lastname",)
    found = reader.page(Query(parse("lastname = Smart7", SCHEMA)))
    assert [record.id for record in found.records] == ["7"]


def test_a_count_is_asked_only_where_the_server_counts_as_we_do(
    crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    described = crm.describe("contact")
    owner = next(r.values["assigned_user_id"] for r in crm.read("contact", Query()).records)
    filter = parse(f"assigned_user_id = {owner}", described)
    assert crm.count("contact", Query(filter)) == len(read_all(crm, "contact", Query(filter)))
    assert crm.count("contact", Query(parse("lastname = Smart", described))) is None
