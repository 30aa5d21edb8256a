"""What a person reads when a CRM says no."""

from __future__ import annotations

import inspect

import pytest

from connectors import errors
from connectors.errors import AuthError, BudgetSpent, ConnectorError, RateLimited, Unavailable
from connectors.memory import MemoryConnector
from portal.connections.advice import advise

KINDS = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, ConnectorError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_title_and_something_to_do(kind: type[ConnectorError]) -> None:
    advice = advise(kind("It happened."), MemoryConnector)
    assert advice.title and advice.what_to_do and advice.detail == "It happened."


def test_the_vendors_own_words_stand_in_the_detail_once() -> None:
    error = AuthError("Login refused.", code="INVALID_AUTH_TOKEN", vendor_message="Specified token is invalid")
    assert advise(error).detail == "Login refused. (INVALID_AUTH_TOKEN Specified token is invalid)"
    assert advise(AuthError("It says: x", vendor_message="x")).detail == "It says: x"


def test_the_connectors_own_likely_causes_come_first_where_they_fit() -> None:
    assert advise(AuthError("no"), MemoryConnector).causes[0] == MemoryConnector.likely_causes[0]
    assert MemoryConnector.likely_causes[0] not in advise(Unavailable("no"), MemoryConnector).causes


def test_our_limit_and_the_vendors_are_told_apart() -> None:
    assert "own limit" in advise(BudgetSpent("x")).title and "CRM asks" in advise(RateLimited("x")).title
