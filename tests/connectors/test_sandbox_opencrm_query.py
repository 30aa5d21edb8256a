"""Finding records in the simulated OpenCRM: query_string, keywords, and the window of limit_start and limit_end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm, emptied


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


ROWS = (
    {
        "firstname": "Anna",
        "lastname": "O'Brien",
        "phone": "+44 20 1",
        "accountid": "7",
        "birthday": "1990-04-08",
        "cf_903": "5",
    },
    {
        "firstname": "Zoë",
        "lastname": "müller",
        "phone": "020-1",
        "accountid": "70",
        "birthday": "2001-01-01",
        "cf_903": "40",
    },
    {"firstname": "علی", "lastname": "100%", "phone": "", "accountid": None, "birthday": None, "cf_903": None},
    {"firstname": "", "lastname": "Müller-Lüd", "phone": "020-12", "accountid": "7", "birthday": None, "cf_903": ""},
)


def filled(crm: OpenCrm) -> None:
    emptied(crm, "contact")
    for n, row in enumerate(ROWS):
        times = {"modifiedtime": f"2024-03-0{n + 1} 08:00:00", "smownerid": "15"[n % 2]}
        crm.change("create", "contact", values={**row, **times}, touch=False)


def found(crm: OpenCrm, **params: object) -> list[str]:
    return [row["lastname"] for row in crm.ask("get_contact_list", **params)]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("lastname|=|O'BRIEN", "O'Brien"),
        ("lastname|=|muller", "müller"),
        ("lastname|LIKE|m_ller", "müller"),
        ("lastname|LIKE|müller%", "müller Müller-Lüd"),
        ("lastname|like|müller%", "müller Müller-Lüd"),
        ("lastname|BEGINS|müller-", "Müller-Lüd"),
        ("lastname|ENDS|ller", "müller"),
        ("lastname|CONTAINS|ller", "müller Müller-Lüd"),
        ("lastname|CONTAINS|%", "O'Brien müller 100% Müller-Lüd"),
        (r"lastname|CONTAINS|\%", "100%"),
        ("firstname|=|علی", "100%"),
        ("firstname|=|علي", ""),
        ("phone|=|", "100%"),
        ("contactdetails.phone|=|020-1", "müller"),
        ("accountid|=|7", "O'Brien Müller-Lüd"),
        ("cf_903|>|5", "müller"),
        ("birthday|=|1990-04-08", "O'Brien"),
        ("birthday|>|1990-04-08", "müller"),
        ("crmentity.modifiedtime|>|2024-03-02 08:00:00", "100% Müller-Lüd"),
        ("crmentity.modifiedtime|=|2024-03-02 08:00:00", "müller"),
        ("smownerid|=|5", "müller Müller-Lüd"),
        ("crmentity.smownerid|=|5", "müller Müller-Lüd"),
        ("assigned_user_id|=|1", "O'Brien 100%"),
        ("modifiedtime|>|2024-03-02 08:00:00", ""),
        ("nosuch|=|1", ""),
        ("lastname|=|müller|AND|phone|=|nothing", "müller"),
    ],
)
def test_one_condition_keeps_what_sql_would_keep(crm: OpenCrm, condition: str, wanted: str) -> None:
    filled(crm)
    assert found(crm, query_string=condition) == wanted.split()
    assert crm.ask("get_contact_list_count", query_string=condition) == len(wanted.split())
    assert [r["lastname"] for r in crm.ask("get_contact_list_full", query_string=condition)] == wanted.split()


@pytest.mark.parametrize("operator", ["!=", "<>", "NOT LIKE", "<", ">=", "", "CONTAINS>"])
def test_an_operator_that_is_not_there_is_an_error(crm: OpenCrm, operator: str) -> None:
    answer = crm.send("get_contact_list", {"query_string": f"lastname|{operator}|x"})
    assert (answer.status_code, answer.json()) == (200, {"error": "Invalid query_string operator"})


def test_the_undocumented_operator_may_be_ignored_or_refused(crm: OpenCrm) -> None:
    filled(crm)
    later = "crmentity.modifiedtime|>|2024-03-02 08:00:00"
    assert len(found(crm, query_string=later)) == 2
    crm.switch(greater="ignored")
    assert len(found(crm, query_string=later)) == 4
    crm.switch(greater="refused")
    assert "error" in crm.ask("get_contact_list", query_string=later)


def test_a_name_unknown_to_queries_may_find_everything(crm: OpenCrm) -> None:
    filled(crm)
    assert found(crm, query_string="modifiedtime|=|x") == []
    crm.switch(unknown_field="everything")
    assert len(found(crm, query_string="modifiedtime|=|x")) == 4


@pytest.mark.parametrize(
    ("keywords", "wanted"),
    [
        ("anna", "O'Brien"),
        ("muller 020", "müller Müller-Lüd"),
        ("020-12", "Müller-Lüd"),
        ("anna 020", ""),
        ("0201", ""),
        ("bob one two", ""),
        (" ", "O'Brien müller 100% Müller-Lüd"),
    ],
)
def test_keywords_must_all_be_found_as_they_are_spelled(crm: OpenCrm, keywords: str, wanted: str) -> None:
    filled(crm)
    assert found(crm, keywords=keywords) == wanted.split()
    assert crm.ask("get_contact_list_count", keywords=keywords) == len(wanted.split())


@pytest.mark.parametrize(
    ("mode", "start", "end", "wanted"),
    [
        ("end", None, None, [0, 1, 2, 3]),
        ("end", 1, 3, [1, 2]),
        ("end", 3, 9, [3]),
        ("end", 4, 8, []),
        ("end", 3, 2, []),
        ("end", 2, None, [2, 3]),
        ("count", 0, 2, [0, 1]),
        ("count", 1, 3, [1, 2, 3]),
        ("count", 2, 1, [2]),
    ],
)
def test_limit_end_is_a_position_or_with_the_switch_a_number_of_rows(
    crm: OpenCrm, mode: str, start: int | None, end: int | None, wanted: list[int]
) -> None:
    filled(crm)
    crm.switch(limit_end=mode)
    limits = {k: v for k, v in (("limit_start", start), ("limit_end", end)) if v is not None}
    for name in ("get_contact_list", "get_contact_list_full"):
        assert [r["lastname"] for r in crm.ask(name, **limits)] == [ROWS[n]["lastname"] for n in wanted]
    assert crm.ask("get_contact_list_count", **limits) == 4


def test_a_list_without_limits_ends_after_fifty_thousand_rows() -> None:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        emptied(account, "asset")
        changes = [{"action": "create", "module": "asset"}] * 25_001
        for _ in range(2):
            account.http.post(f"{account.url}/_control/mutate", json={"changes": changes}, timeout=60)
        assert account.ask("get_asset_list_count") == 50_002
        assert len(account.ask("get_asset_list")) == 50_000
        assert len(account.ask("get_asset_list", limit_start=0, limit_end=60_000)) == 50_002
        account.close()
