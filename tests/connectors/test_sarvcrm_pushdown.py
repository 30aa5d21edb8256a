"""The SQL that SarvCRM is sent: no value leaves its literal, and only described columns are named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.query import And, Condition, Filter, Not, Op, Or, Order, parse
from connectors.query.names import OPERATORS
from connectors.sarvcrm.pushdown import Sql, literal, push
from connectors.sarvcrm.schema import described
from connectors.types import FieldSchema, FieldType

TYPES = {
    "last_name": "varchar", "status": "enum", "amount": "currency", "score": "int", "converted": "bool",
    "birthdate": "date", "date_modified": "datetime", "interests": "multienum", "description": "text", "name": "fullname",
    "start": "time", "numbers": "base", "x y": "varchar", "evil;--": "varchar", "a.b": "varchar",
}  # fmt: skip
OWN = described("Leads", {name: {"name": name, "type": kind} for name, kind in TYPES.items()}, "en_US")
SQL = Sql(OWN)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
NASTY = st.one_of(
    TEXT, st.text("'\\\"%_;-# \n)(", max_size=12), st.sampled_from(["' OR '1'='1", "\\' OR 1=1 -- ", "x'); DROP"])
)
# The statement without its literals may hold only this: names with their table, signs, numbers, brackets.
SKELETON = re.compile(
    r"(?:leads\.[a-z_]+|IS NOT NULL|IS NULL|NOT|AND|OR|LIKE|IN|BETWEEN|TRUE|FALSE|<=|>=|[=<>(),]|-?\d+(?:\.\d+)?|§|\s)*"
)


def skeleton(sql: str, *, backslash: bool) -> str:
    """Return the statement with each literal as "§", read as a database does that takes a backslash for an escape or not."""
    found, at = "", 0
    while at < len(sql):
        if sql[at] != "'":
            found += sql[at]
            at += 1
            continue
        at += 1
        while at < len(sql) and not (sql[at] == "'" and sql[at + 1 : at + 2] != "'"):
            at += 2 if sql[at] == "'" or (backslash and sql[at] == "\\") else 1
        assert at < len(sql), "a literal that does not end"
        found += "§"
        at += 1
    return found


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)|''", lambda m: m[1] or "'", text[1:-1], flags=re.DOTALL)


@given(NASTY)
def test_no_text_can_leave_its_literal(text: str) -> None:
    told = literal(text)
    assert skeleton(told, backslash=True) == "§" == skeleton(told, backslash=False)
    assert unquoted(told) == text


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_what_no_database_holds_is_no_literal(text: str) -> None:
    with pytest.raises(ValueError):
        literal(text)


def value_of(field: FieldSchema, text: str, number: int) -> object:
    days = f"2024-02-{1 + number % 28:02}"
    plain: dict[FieldType, object] = {
        FieldType.MONEY: str(number), FieldType.INTEGER: str(number), FieldType.BOOLEAN: number % 2 == 0,
        FieldType.DATE: days, FieldType.DATETIME: f"{days}T10:00:00Z", FieldType.TIME: "10:00:00",
    }  # fmt: skip
    return plain.get(field.type, text or "x")


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    def one() -> Filter:
        field = draw(st.sampled_from(OWN.schema.fields))
        op = draw(st.sampled_from(sorted(OPERATORS[field.type])))
        count = {Op.EMPTY: 0, Op.NOT_EMPTY: 0, Op.BETWEEN: 2, Op.IN: 2, Op.NOT_IN: 2}.get(op, 1)
        values = tuple(value_of(field, draw(NASTY), draw(st.integers(-999, 999))) for _ in range(count))
        return Condition(field.name, op, values)

    parts = (one(), one(), one())
    return draw(
        st.sampled_from([parts[0], And(parts), Or(parts), Not(Or(parts)), And((parts[0], Not(And(parts[1:]))))])
    )


@given(filters())
def test_whatever_is_asked_a_query_holds_columns_signs_and_literals_only(filter: Filter) -> None:
    sql = push(filter, SQL).query
    for backslash in (True, False):
        assert SKELETON.fullmatch(skeleton(sql, backslash=backslash)), sql
    assert set(re.findall(r"leads\.(\w+)", skeleton(sql, backslash=True))) <= OWN.columns


@given(st.text())
def test_only_described_columns_are_named(name: str) -> None:
    if name in OWN.columns and re.fullmatch(r"[a-z_]+", name):
        assert SQL.column(name) == f"leads.{name}"
    else:
        assert not SQL.has(name)
        with pytest.raises(ValueError):
            SQL.column(name)


@pytest.mark.parametrize("name", ["x y", "evil;--", "a.b", "name", "numbers"])
def test_an_odd_or_computed_field_is_never_named(name: str) -> None:
    assert not SQL.has(name)
    assert SQL.order_by((Order(name),)) == "leads.id ASC"
    assert push(Condition(name, Op.NOT_EMPTY), SQL).query == ""


@pytest.mark.parametrize(
    ("text", "sql", "exact"),
    [
        ('last_name = "Miller"', "leads.last_name LIKE 'm%ller'", False),
        ("last_name contains o'b", "leads.last_name LIKE '%o''b%'", False),
        ("last_name starts with Zoe", "leads.last_name LIKE 'zoe%'", False),
        ("last_name in (Ada, Eva)", "(leads.last_name LIKE 'ada' OR leads.last_name LIKE 'eva')", False),
        ("last_name is not empty", "leads.last_name LIKE '_%'", False),
        ("last_name is empty", "(leads.last_name IS NULL OR leads.last_name = '')", False),
        ("last_name != Ada", "", False),
        ("amount > 12.5", "leads.amount > 12.5", True),
        ("amount < 5", "(leads.amount < 5 OR leads.amount IS NULL)", False),
        ("score != 5", "(leads.score IS NULL OR NOT (leads.score = 5))", True),
        ("score between 1 and 5", "leads.score BETWEEN 1 AND 5", True),
        ("score in (1, 2)", "leads.score IN (1, 2)", True),
        ("score is empty", "leads.score IS NULL", False),
        ("score is not empty", "", False),
        ("converted = yes", "leads.converted = 1", True),
        ("converted = no", "(leads.converted = 0 OR leads.converted IS NULL)", False),
        ("converted != yes", "(leads.converted IS NULL OR NOT (leads.converted = 1))", True),
        ("birthdate >= 2000-01-01", "leads.birthdate >= '2000-01-01'", False),
        ("date_modified >= 2024-02-02T12:00:00Z", "leads.date_modified >= '2024-02-01 10:00:00'", False),
        ("date_modified < 2024-02-02T12:00:00Z", "leads.date_modified < '2024-02-03 14:00:00'", False),
        ("interests contains Support", "leads.interests LIKE '%support%'", False),
        ('id in ("a-1", "b-2")', "leads.id IN ('a-1', 'b-2')", False),
        ("score = 1 and last_name != Ada", "leads.score = 1", False),
        ("score = 1 or last_name != Ada", "", False),
        ("score = 1 or score = 2", "(leads.score = 1 OR leads.score = 2)", True),
    ],
)
def test_an_operator_is_asked_in_sql(text: str, sql: str, exact: bool) -> None:
    pushed = push(parse(text, OWN.schema), SQL)
    assert (pushed.query, pushed.exact) == (sql, exact)


def test_a_query_too_long_is_not_asked() -> None:
    many = Or(tuple(Condition("last_name", Op.EQ, ("x" * 90 + "abcdefgh",)) for _ in range(400)))
    assert push(many, SQL).query == ""


def test_the_id_decides_ties_in_the_direction_of_the_last_column() -> None:
    assert SQL.order_by((Order("score"), Order("amount", True))) == "leads.score ASC, leads.amount DESC, leads.id DESC"
    assert SQL.sorts((Order("score"), Order("date_modified"))) and not SQL.sorts((Order("last_name"),))


def test_vendors_are_asked_by_the_table_of_accounts() -> None:
    own = Sql(described("Vendors", {"name": {"name": "name", "type": "name"}}, "en_US"))
    assert push(Condition("name", Op.EQ, ("abc",)), own).query == "accounts.name LIKE 'abc'"
