"""What Really Simple Systems is asked for a filter: every operator of its document, and never less than the filter finds."""

from __future__ import annotations

import pytest

from connectors.query import parse
from connectors.reallysimple.pushdown import push
from connectors.reallysimple.schema import schema

SCHEMA = schema(
    "contacts",
    {
        "id": "integer", "last": "string", "source": "dropdown", "leadscore": "integer", "value": "decimal",
        "decisionmaker": "boolean", "accountid": "integer", "closedate": "date", "modifieddate": "datetime",
    },
)  # fmt: skip

ASKED = [
    ("id = 5", {"id": 5}, True),
    ("id != 5", {"id": {"$not": 5}}, True),
    ("id in (5, 6)", {"id": {"$in": [5, 6]}}, True),
    ("id not in (5, 6)", {"id": {"$nin": [5, 6]}}, True),
    ("leadscore > 3", {"leadscore": {"$gt": 3}}, True),
    ("leadscore >= 3", {"leadscore": {"$gte": 3}}, True),
    ("leadscore < 3", {"leadscore": {"$lt": 3}}, True),
    ("leadscore <= 3", {"leadscore": {"$lte": 3}}, True),
    ("leadscore between 3 and 9", {"leadscore": {"$bt": [3, 9]}}, True),
    ("leadscore >= 3 and leadscore <= 9", {"leadscore": {"$bt": [3, 9]}}, True),
    ("leadscore > 3 and leadscore <= 9", {"leadscore": {"$bt": [3, 9]}}, False),
    ("leadscore = 1 or leadscore = 2", {"$or": [{"leadscore": 1}, {"leadscore": 2}]}, True),
    ("leadscore = 1 and accountid = 2", {"leadscore": 1, "accountid": 2}, True),
    ("decisionmaker = true", {"decisionmaker": 1}, True),
    ("accountid is not empty", {"accountid": {"$gt": 0}}, True),
    ("accountid < 9", {"accountid": {"$lt": 9}}, False),  # 0, which is no account, is less too
    ("closedate >= 2024-02-29", {"closedate": {"$gte": "2024-02-29"}}, True),
    ("modifieddate > 2024-02-29T10:00:00Z", {"modifieddate": {"$gt": "2024-02-29 10:00:00"}}, True),
    ("last = Smart", {"last": "Smart"}, False),
    ("last in (Smart, West)", {"last": {"$in": ["Smart", "West"]}}, False),
    ("last in (Smart, Milner)", {"$or": [{"last": "Smart"}, {"last": {"$con": "lner"}}]}, False),
    ("last starts with 'Sma'", {"last": {"$sw": "Sma"}}, False),
    ("last ends with 'art'", {"last": {"$ew": "art"}}, False),
    ("last contains mar", {"last": {"$con": "mar"}}, False),
    ("last contains 'Müller'", {"last": {"$con": "er"}}, False),  # what the server thinks of ü, i, k, l or digits is not known
    ("last is not empty", {"last": {"$not": ""}}, False),
    ("last contains mar and leadscore = 1", {"last": {"$con": "mar"}, "leadscore": 1}, False),
    ("last contains mar or leadscore = 1", {"$or": [{"last": {"$con": "mar"}}, {"leadscore": 1}]}, False),
    ("not (leadscore != 1 or accountid != 2)", {"leadscore": 1, "accountid": 2}, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "q", "exact"), ASKED)
def test_an_operator_is_asked_in_the_vendors_words(text: str, q: dict[str, object], exact: bool) -> None:
    pushed = push(parse(text, SCHEMA), SCHEMA, "UTC")
    if text == "last contains 'Müller'":
        assert pushed.q is not None and pushed.q["last"]["$con"] in ("m", "ller", "er", "ll")
        return
    assert (pushed.q, pushed.exact) == (q, exact)


@pytest.mark.parametrize(
    "text",
    [
        "leadscore != 3",  # true for NULL, of which the server's $not knows nothing
        "leadscore not in (3, 4)",
        "leadscore is empty",
        "last is empty",
        "last != Smart",
        "last not in (Smart)",
        "not last contains mar",
        "last < M",  # its order of text is not ours
        "last between A and M",
        "last contains '۱۲'",
        "last contains '_%'",
        "leadscore = 1 or last is empty",
        "id = abc",
        "accountid = '007'",
    ],
)
def test_what_the_server_may_understand_otherwise_is_not_asked(text: str) -> None:
    pushed = push(parse(text, SCHEMA), SCHEMA, "UTC")
    assert (pushed.q, pushed.exact) == (None, False)


def test_no_filter_is_exactly_everything() -> None:
    pushed = push(None, SCHEMA, "UTC")
    assert (pushed.q, pushed.exact) == (None, True)


def test_a_fraction_is_asked_as_a_small_range() -> None:
    pushed = push(parse("value = 12.1", SCHEMA), SCHEMA, "UTC")
    assert pushed.q is not None and not pushed.exact
    low, high = pushed.q["value"]["$bt"]
    assert low < 12.1 < high and high - low < 0.001


def test_an_hour_more_is_asked_where_the_servers_clock_changes() -> None:
    in_autumn = push(parse("modifieddate <= 2024-10-27T01:15:00Z", SCHEMA), SCHEMA, "Europe/London")
    assert in_autumn.q == {"modifieddate": {"$lte": "2024-10-27 02:15:00"}} and not in_autumn.exact
    in_summer = push(parse("modifieddate <= 2024-07-01T01:15:00Z", SCHEMA), SCHEMA, "Europe/London")
    assert in_summer.q == {"modifieddate": {"$lte": "2024-07-01 02:15:00"}} and in_summer.exact


def test_what_would_make_the_address_too_long_is_not_asked() -> None:
    many = ", ".join(map(str, range(1, 300)))
    assert push(parse(f"id in ({many})", SCHEMA), SCHEMA, "UTC").q is None
    long = " or ".join(f"last = '{'a' * 90}'" for _ in range(60))
    assert push(parse(long, SCHEMA), SCHEMA, "UTC").q is None


def test_a_number_no_json_can_hold_and_a_moment_before_all_time_are_not_asked() -> None:
    for text in ("accountid < 99999999999999999999", "modifieddate >= 0001-01-01T00:00:00Z"):
        pushed = push(parse(text, SCHEMA), SCHEMA, "Europe/London")
        assert pushed.q is None and not pushed.exact, text
