"""What was sent to prove who we are comes back in no answer."""

from __future__ import annotations

import pytest

from connectors.echo import without_echo

TOKEN = "eyJ0eXAi/OiJKV1Qi"


@pytest.mark.parametrize(
    ("sent", "body", "left"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, f"Bad token: {TOKEN}!", "Bad token: •••!"),
        ({"Authorization": f"Bearer {TOKEN}"}, '{"message":"eyJ0eXAi\\/OiJKV1Qi"}', '{"message":"•••"}'),
        ({"sessionName": "0123abcd4567"}, "no session 0123abcd4567, none", "no session •••, none"),
        ({"query": "0123abcd4567"}, "near 0123abcd4567", "near 0123abcd4567"),
        ({"keyword": "O'Brien & Sons"}, "O'Brien & Sons", "O'Brien & Sons"),
        ({"key": "abc"}, "abc abcd", "abc abcd"),  # too short to be told from a word
    ],
)
def test_a_credential_is_blanked_and_nothing_else(sent: dict[str, str], body: str, left: str) -> None:
    assert without_echo(body.encode(), None, b"a body", sent).decode() == left


def test_a_clean_answer_is_handed_on_as_it_is() -> None:
    body = b"x" * 1000
    assert without_echo(body, {"Authorization": f"Bearer {TOKEN}"}) is body
