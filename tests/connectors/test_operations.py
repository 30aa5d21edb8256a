"""What all operations share: parameters checked before anything is sent, answers without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import QueryError
from connectors.operations import checked, redacted, without_secrets
from connectors.types import Choice, Operation, Parameter

OPERATION = Operation(
    "do",
    "Do it",
    (
        Parameter("id", required=True),
        Parameter("limit", type="integer"),
        Parameter("all", type="boolean"),
        Parameter("values", type="json"),
        Parameter("names", type="list"),
        Parameter("kind", choices=(Choice("a", "A"), Choice("b", "B"))),
    ),
)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"id": 5}, {"id": "5"}),
        ({"id": "5", "limit": "20", "all": "yes"}, {"id": "5", "limit": 20, "all": True}),
        ({"id": "5", "limit": -1, "all": False}, {"id": "5", "limit": -1, "all": False}),
        ({"id": "5", "values": '{"a": 1}'}, {"id": "5", "values": {"a": 1}}),
        ({"id": "5", "names": "x\n y \n"}, {"id": "5", "names": ["x", "y"]}),
        ({"id": "5", "names": '["x", "y"]', "kind": "b"}, {"id": "5", "names": ["x", "y"], "kind": "b"}),
        ({"id": "5", "limit": "", "kind": None}, {"id": "5"}),
    ],
)
def test_a_persons_text_becomes_what_the_parameter_holds(given: dict[str, Any], read: dict[str, Any]) -> None:
    assert checked(OPERATION, given) == read


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "“id” is needed"),
        ({"id": "5", "colour": "marker"}, "“colour” is not one of its parameters"),
        ({"id": "5", "limit": "marker"}, "“limit” must be a whole number"),
        ({"id": "5", "all": "marker"}, "“all” must be yes or no"),
        ({"id": "5", "values": "{marker"}, "“values” is not JSON"),
        ({"id": "5", "values": '["marker"]'}, "“values” must be a JSON object"),
        ({"id": "5", "names": "[marker"}, "“names” is not JSON"),
        ({"id": "5", "names": {"marker": 1}}, "“names” must be a list"),
        ({"id": "5", "kind": "marker"}, "“kind” must be one of: a, b"),
    ],
)
def test_what_is_wrong_is_told_by_name_and_no_value_is_repeated(given: dict[str, Any], told: str) -> None:
    with pytest.raises(QueryError) as refused:
        checked(OPERATION, given)
    assert told in str(refused.value) and "marker" not in str(refused.value)
    assert "It takes: id, limit, all, values, names, kind" in str(refused.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(QueryError, match="colour.*id.*limit"):
        checked(OPERATION, {"colour": "red", "limit": "many"})


def test_no_secret_is_in_an_answer_however_deep() -> None:
    answer = [{"id": 1, "user_password": "x", "list": [{"accesskey": "y", "name": "Ada", "session": "z"}]}]
    assert without_secrets(answer, {"session"}) == [{"id": 1, "list": [{"name": "Ada"}]}]


def test_what_is_kept_of_a_call_holds_dots_for_secrets_however_deep() -> None:
    operation = Operation("add_user", "Add a user", (Parameter("pin", type="secret"), Parameter("user", type="json")))
    given = {"pin": "1234", "user": {"name": "Ada", "user_password": "x", "more": [{"accesskey": "y", "a": 1}]}}
    assert redacted(operation, given) == {
        "pin": "•", "user": {"name": "Ada", "user_password": "•", "more": [{"accesskey": "•", "a": 1}]},
    }  # fmt: skip
