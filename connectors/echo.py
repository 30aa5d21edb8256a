"""Blanks out of an answer the credentials it repeats. The rule: what was sent to prove who we are is in no answer, so that a
server which quotes it in an error message puts it into no log, page or database of ours."""

from __future__ import annotations

from collections.abc import Mapping

# Headers and parameters by which vendors take a key or a session; exact names, lest a search for a "keyword" be blanked.
CREDENTIALS = frozenset(
    {"authorization", "cookie", "key", "key1", "key2", "passkey", "password", "accesskey", "sessionname", "_session", "token"}
)  # fmt: skip
SHORTEST = 8  # characters; what is shorter may be part of any word
DOTS = "•••".encode()


def without_echo(body: bytes, *sent: object) -> bytes:
    """Return the body with dots for every credential in the headers and parameters that were sent."""
    for given in sent:
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if name.lower() in CREDENTIALS:
                body = _blanked(body, value)
    return body


def _blanked(body: bytes, value: object) -> bytes:
    secret = str(value).removeprefix("Bearer ").encode()
    for form in (secret, secret.replace(b"/", rb"\/")):  # PHP writes a slash in JSON like that
        if len(form) >= SHORTEST and form in body:
            body = body.replace(form, DOTS)
    return body
