"""The SQL the simulated SarvCRM takes: evaluated as MySQL would, and anything wrong told as a MySQL error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server

ROWS: tuple[dict[str, Any], ...] = (
    {
        "name": "Alpha",
        "rating": "Design",
        "employees": "1",
        "credit_limit": "9.5",
        "date_modified": "2026-03-01 10:00:00",
    },
    {"name": "beta", "employees": "20", "credit_limit": "10", "birth_date": "2026-03-02", "email_opt_out": "1"},
    {"name": "Gämma", "rating": "Finance", "employees": "300", "date_modified": "2026-03-03 00:00:00"},
    {"name": "علی", "rating": "", "website": "50%_off"},
    {"name": "O'Brien \\ Co", "rating": "design", "credit_limit": "100", "website": "50 off"},
)


@pytest.fixture(scope="module")
def crm() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=0) as sandbox:
        server = Server(sandbox)
        server.sign_in()
        server.put_behind("Accounts", *ROWS)
        yield server
        server.close()


def names(crm: Server, query: str, order: str = "accounts.employees, accounts.name") -> list[str]:
    return [record["name"] for record in crm.found("Accounts", query, order_by=order)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "O'Brien \\ Co|علی|Alpha|beta|Gämma"),
        ("TRUE", "O'Brien \\ Co|علی|Alpha|beta|Gämma"),
        ("FALSE", ""),
        ("accounts.name = 'ALPHA'", "Alpha"),
        ('`accounts`.`name` = "alpha"', "Alpha"),
        ("BINARY accounts.name = 'ALPHA'", ""),
        ("accounts.name = 'gamma'", "Gämma"),
        ("accounts.name = 'علي'", ""),
        ("accounts.name = 'O''Brien \\\\ Co'", "O'Brien \\ Co"),
        ("accounts.name = 'O\\'Brien \\\\ Co'", "O'Brien \\ Co"),
        ("accounts.rating = 'design'", "O'Brien \\ Co|Alpha"),
        ("accounts.rating <> 'design'", "علی|Gämma"),
        ("NOT accounts.rating = 'design'", "علی|Gämma"),
        ("NOT (accounts.rating <=> 'design')", "علی|beta|Gämma"),
        ("accounts.rating IS NULL", "beta"),
        ("accounts.rating IS NOT NULL AND accounts.rating != ''", "O'Brien \\ Co|Alpha|Gämma"),
        ("COALESCE(accounts.rating, '') = ''", "علی|beta"),
        ("accounts.employees > 20", "Gämma"),
        ("accounts.employees >= '20'", "beta|Gämma"),
        ("accounts.employees < 20", "Alpha"),
        ("accounts.credit_limit <= 10", "Alpha|beta"),
        ("accounts.credit_limit > -1 AND accounts.credit_limit < 10", "Alpha"),
        ("accounts.employees BETWEEN 1 AND 20", "Alpha|beta"),
        ("accounts.employees NOT BETWEEN 1 AND 20", "Gämma"),
        ("accounts.name IN ('beta', 'alpha')", "Alpha|beta"),
        ("accounts.rating NOT IN ('Finance')", "O'Brien \\ Co|علی|Alpha"),
        ("accounts.rating NOT IN ('Finance', NULL)", ""),
        ("accounts.name LIKE 'al%'", "Alpha"),
        ("accounts.name LIKE '%MA'", "Gämma"),
        ("accounts.name LIKE '_eta'", "beta"),
        ("accounts.name NOT LIKE '%a%'", "O'Brien \\ Co|علی"),
        ("accounts.website LIKE '50\\%\\_%'", "علی"),
        ("accounts.website LIKE '50\\\\%\\\\_%'", "علی"),
        ("accounts.website LIKE '50%'", "O'Brien \\ Co|علی"),
        ("accounts.name LIKE '%\\\\\\\\%'", "O'Brien \\ Co"),
        ("accounts.date_modified = '2026-03-03'", "Gämma"),
        ("accounts.date_modified <= '2026-03-01T10:00:00+03:30'", "Alpha"),
        ("accounts.date_modified > '2026-03-01 10:00:00' AND accounts.date_modified < '2026-04-01'", "Gämma"),
        ("DATE(accounts.date_modified) = '2026-03-01'", "Alpha"),
        ("accounts.birth_date = '2026-03-02'", "beta"),
        ("accounts.email_opt_out = 1", "beta"),
        ("accounts.name = 'beta' OR accounts.name = 'Alpha' AND accounts.employees = 300", "beta"),
        ("(accounts.name = 'beta' OR accounts.name = 'Alpha') AND accounts.employees = 1", "Alpha"),
        ("NOT (accounts.name = 'beta' OR accounts.rating = 'design')", "علی|Gämma"),
        ("LOWER(accounts.name) = 'alpha' AND CHAR_LENGTH(accounts.name) = 5", "Alpha"),
        ("CAST(accounts.name AS BINARY) = 'Alpha' OR CAST(accounts.employees AS DECIMAL(10,2)) = 20.0", "Alpha|beta"),
    ],
)
def test_a_query_finds_what_mysql_would_find(crm: Server, query: str, found: str) -> None:
    assert "|".join(names(crm, query)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("accounts.name", "Alpha|beta|Gämma|O'Brien \\ Co|علی"),
        ("accounts.rating DESC, accounts.name ASC", "Gämma|Alpha|O'Brien \\ Co|علی|beta"),
        ("accounts.credit_limit DESC, accounts.name", "O'Brien \\ Co|beta|Alpha|Gämma|علی"),
        (["accounts.employees DESC", "accounts.name"], "Gämma|beta|Alpha|O'Brien \\ Co|علی"),
    ],
)
def test_an_order_sorts_numbers_as_numbers_and_null_first(crm: Server, order: Any, found: str) -> None:
    assert "|".join(record["name"] for record in crm.found("Accounts", order_by=order)) == found


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"query": "accounts.nosuch = 1"}, 1054),
        ({"query": "leads.name = 'x'"}, 1054),
        ({"query": "name = 'x'"}, 1052),
        ({"query": "accounts.name = 'x"}, 1064),
        ({"query": "accounts.name = 'O'Brien'"}, 1064),
        ({"query": "accounts.name = 'x'; DELETE FROM accounts"}, 1064),
        ({"query": "accounts.name = 'x' -- or not"}, 1064),
        ({"query": "accounts.name = 'x' UNION SELECT 1"}, 1064),
        ({"query": "accounts.name NOT = 'x'"}, 1064),
        ({"query": "accounts.deleted NOT"}, 1064),
        ({"query": "accounts.name IN ()"}, 1064),
        ({"query": "accounts.name IS 'x'"}, 1064),
        ({"query": "where accounts.name = 'x'"}, 1064),
        ({"query": "NOSUCH(accounts.name) = 1"}, 1305),
        ({"query": "accounts.created_by_name = 'x'"}, 1054),
        ({"query": "accounts.numbers = 'x'"}, 1054),
        ({"order_by": "name"}, 1052),
        ({"order_by": "accounts.name up"}, 1064),
        ({"order_by": "accounts.nosuch"}, 1054),
    ],
    ids=str,
)
def test_wrong_sql_is_told_in_a_body_that_is_no_json(crm: Server, asked: dict[str, str], number: int) -> None:
    answer = crm.call("POST", "Retrieve", "Accounts", asked)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert f"MySQL Error {number}: " in answer.text
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_vendors_are_asked_for_by_the_table_of_accounts(crm: Server) -> None:
    crm.put_behind("Vendors", {"name": "Paper"})
    assert [r["name"] for r in crm.found("Vendors", "accounts.name = 'Paper'")] == ["Paper"]
    assert "MySQL Error 1054" in crm.call("POST", "Retrieve", "Vendors", {"query": "vendors.name = 'Paper'"}).text


def test_a_field_may_have_no_column_and_the_database_another_zone(crm: Server) -> None:
    crm.control("POST", "switches", no_column=["email1"], database_zone="Asia/Tehran", sql_status=500)
    refused = crm.call("POST", "Retrieve", "Accounts", {"query": "accounts.email1 = 'x'"})
    local = names(crm, "accounts.date_modified = '2026-03-01 13:30:00'")
    crm.control("POST", "switches", no_column=[], database_zone="UTC", sql_status=200)
    assert (refused.status_code, "MySQL Error 1054" in refused.text, local) == (500, True, ["Alpha"])


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, other=TEXTS)
@example(text="a' OR TRUE OR '", other="\\")
@example(text="\\' OR TRUE -- ", other="%_")
def test_a_quoted_text_finds_exactly_itself(crm: Server, text: str, other: str) -> None:
    (id,) = crm.put_behind("Branches", {"name": "x" + text + "x", "code": other})
    compare = f"BINARY branches.name = {quoted('x' + text + 'x')} AND BINARY branches.code = {quoted(other)}"
    ids = [r["id"] for r in crm.found("Branches", compare, selected_fields=["id"])]
    apart = [r["id"] for r in crm.found("Branches", f"NOT ({compare})", selected_fields=["id"])]
    assert id in ids
    assert id not in apart
    pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = f"BINARY branches.name LIKE {quoted('%' + pattern + '%')}"
    assert id in [r["id"] for r in crm.found("Branches", like, selected_fields=["id"])]
    kept = {r["id"]: r["values"]["name"] for r in crm.control("GET", "records", module="Branches")}
    assert {kept[i] for i in ids} == {"x" + text + "x"}
