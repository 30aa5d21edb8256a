"""What must hold of the simulated OpenCRM whatever is sent: texts arrive whole, conditions agree with a plain look at the rows, and
windows never lose a row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm, emptied

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=255)
WORDS = ("Anna", "ANNA", "Hanna", "ann", "Müller", "a_b", "50%", "علی", "O'Brien", 'say "x"', "a\\b", " end")


@pytest.fixture(scope="module")
def crm() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        emptied(account, "lead")
        for word in WORDS:
            account.make("lead", lastname=word)
        yield account
        account.close()


@settings(max_examples=60)
@given(first=TEXTS, second=TEXTS)
def test_any_text_comes_back_as_it_was_sent(crm: OpenCrm, first: str, second: str) -> None:
    number = crm.make("contact", lastname=first, description=second)
    read = crm.ask("get_contact", crmid=number)
    assert (read["lastname"], read["description"]) == (first, second)


@settings(max_examples=40)
@given(value=TEXTS)
def test_any_text_in_json_comes_back_as_it_was_sent(crm: OpenCrm, value: str) -> None:
    body = {**crm.keys, "crmid": "0", "title": value}
    number = crm.http.post(f"{crm.url}/api/rest/edit_contact", json=body, timeout=10).json()
    assert crm.ask("get_contact", crmid=number)["title"] == value


PLAIN = st.text("anAN bhül O'-۰ی", min_size=1, max_size=3)


def folded(text: str) -> str:
    return text.replace("ü", "u").replace("Ü", "U").upper()


@settings(max_examples=80)
@given(value=PLAIN)
def test_begins_ends_and_contains_agree_with_a_plain_look(crm: OpenCrm, value: str) -> None:
    tests = {"BEGINS": str.startswith, "ENDS": str.endswith, "CONTAINS": str.__contains__}
    for operator, holds in tests.items():
        rows = crm.ask("get_lead_list", query_string=f"lastname|{operator}|{value}")
        assert [r["lastname"] for r in rows] == [w for w in WORDS if holds(folded(w), folded(value))]


@settings(max_examples=40)
@given(size=st.integers(1, 14), count=st.booleans())
def test_windows_one_after_the_other_bring_every_row_once(crm: OpenCrm, size: int, count: bool) -> None:
    crm.switch(limit_end="count" if count else "end")
    seen: list[str] = []
    for start in range(0, len(WORDS), size):
        page = crm.ask("get_lead_list", limit_start=start, limit_end=size if count else start + size)
        seen += [r["lastname"] for r in page]
    assert seen == list(WORDS)


@settings(max_examples=40)
@given(moment=st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 31)))
def test_iso_dates_name_the_moment_that_was_stored(crm: OpenCrm, moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    number = crm.make("activity", date_start=str(moment), due_date=str(moment.date()))
    read = crm.ask("get_activity", crmid=number, dateTimeOverride="c", dateOverride="c")
    assert datetime.fromisoformat(read["date_start"]).replace(tzinfo=None) == moment
    assert datetime.fromisoformat(read["due_date"]).date() == moment.date()
    plain = crm.ask("get_activity", crmid=number)
    assert (plain["date_start"], plain["due_date"]) == (str(moment), moment.strftime("%d-%m-%Y"))
