"""What is read of an authorisation server's answers, in any spelling, and what of them may be shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from connectors.http import Answer
from connectors.oauth import OAUTH, Grant, error_word, seconds


@pytest.mark.parametrize(
    ("told", "life"),
    [(3600, 3600.0), ("3600", 3600.0), (None, None), (0, None), (-5, None), ("soon", None), (True, None)],
)
def test_how_long_a_token_lives_is_read_however_it_is_told(told: Any, life: float | None) -> None:
    assert seconds(told) == life


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"error": "invalid_grant", "error_description": "marker"}, "invalid_grant"),
        ({"error": "The refresh token marker is invalid"}, ""),
        ({"error": {"code": "marker"}}, ""),
        ({"error": "x" * 41}, ""),
        (["marker"], ""),
        ("marker", ""),
    ],
)
def test_of_an_error_only_its_one_word_is_told(body: Any, word: str) -> None:
    assert error_word(Answer(400, {}, orjson.dumps(body))) == word
    assert error_word(Answer(400, {}, b"<html>marker")) == ""


def test_a_grant_keeps_what_it_was_and_asks_for_nobody_while_it_is_renewed() -> None:
    renewed, lasting = Grant("a", "r", 5.0, 10.0), Grant("a", "", None, 10.0)
    assert [Grant.read(grant.text()) for grant in (renewed, lasting)] == [renewed, lasting] and Grant.read(None) is None
    assert (renewed.expires_at, lasting.expires_at) == (None, datetime.fromtimestamp(10, UTC))
    assert Grant("a").expires_at is None and repr(renewed) == "Grant(•)"


def test_authorising_needs_both_addresses_and_a_client() -> None:
    whole = dict.fromkeys(OAUTH.needed, "x")
    assert OAUTH.is_ready(whole) and set(OAUTH.needed) < set(OAUTH.settings)
    assert not any(OAUTH.is_ready({**whole, name: ""}) for name in OAUTH.needed)
