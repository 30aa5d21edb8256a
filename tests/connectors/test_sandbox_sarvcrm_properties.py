"""What the simulated SarvCRM keeps comes back as it was meant, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server

QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.fixture(scope="module")
def crm() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=0) as sandbox:
        server = Server(sandbox)
        server.sign_in()
        yield server
        server.close()


def kept(crm: Server, module: str, **values: Any) -> dict[str, Any]:
    return crm.one(module, crm.made(module, name="x", **values))


@QUICK
@given(text=TEXTS)
def test_any_text_is_kept_as_it_is(crm: Server, text: str) -> None:
    assert kept(crm, "Branches", description=text)["description"] == text


@QUICK
@given(text=TEXTS)
def test_a_form_and_multipart_bring_the_same_text(crm: Server, text: str) -> None:
    head = {"Authorization": f"Bearer {crm.session}"}
    for files in (None, {"filename": ("a.txt", b"a")}):
        answer = crm.http.post(
            crm.address,
            params={"method": "Save", "module": "Notes"},
            data={"name": "x", "description": text},
            files=files,
            headers=head,
            timeout=10,
        )
        assert crm.one("Notes", answer.json()["data"]["id"])["description"] == text


@QUICK
@given(moment=MOMENTS, offset=OFFSETS)
def test_any_moment_with_an_offset_stays_the_same_moment(crm: Server, moment: datetime, offset: timezone) -> None:
    wanted = moment.replace(microsecond=0, tzinfo=offset)
    record = kept(crm, "Calls", date_start=wanted.isoformat())
    assert datetime.fromisoformat(record["date_start"]) == wanted
    stamp = wanted.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    found = crm.found("Calls", f"calls.id = '{record['id']}' AND calls.date_start = '{stamp}'")
    assert len(found) == 1


@QUICK
@given(number=st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=6))
def test_any_amount_of_six_places_stays_the_same_amount(crm: Server, number: Decimal) -> None:
    record = kept(crm, "Deposits", amount=str(number))
    assert Decimal(record["amount"]) == number
    assert "E" not in record["amount"]


@QUICK
@given(digits=st.from_regex(r"0[1-9][0-9]{9}", fullmatch=True), data=st.data())
def test_a_number_is_found_by_any_spelling_of_it(crm: Server, digits: str, data: st.DataObject) -> None:
    spellings = (digits, f"+98{digits[1:]}", f"0098 {digits[1:]}", f"({digits[:4]}) {digits[4:]}", digits[1:])
    record = kept(crm, "Service_Centers", numbers=[data.draw(st.sampled_from(spellings))])
    assert record["primary_number_raw"] == f"+98{digits[1:]}"
    found = crm.data("GET", "SearchByNumber", "Service_Centers", number=data.draw(st.sampled_from(spellings)))
    assert record["id"] in [hit["id"] for hit in found]


def test_a_quote_carries_its_lines_as_they_were_sent(crm: Server) -> None:
    lines = [{"product_id": "x", "qty": 3, "price": "1.50"}, {"product_id": "y", "نام": "ی"}]
    quote = kept(crm, "AOS_Quotes", line_items=lines)
    assert quote["line_items"] == lines
    crm.call("PUT", "Save", "AOS_Quotes", {"stage": "Closed"}, id=quote["id"])
    assert crm.one("AOS_Quotes", quote["id"])["line_items"] == lines
    assert crm.call("PUT", "Save", "AOS_Quotes", {"line_items": ["x"]}, id=quote["id"]).status_code == 400
    assert "MySQL Error 1054" in crm.call("POST", "Retrieve", "AOS_Quotes", {"query": "aos_quotes.line_items = 1"}).text
