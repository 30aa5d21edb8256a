"""How a call to the simulated OpenCRM is spelled: the end point in the path, its parameters behind it in the path, in the query,
in a form or in JSON (document, "Parameters"); and how answers are."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from connectors.sandbox.opencrm.access import UNAUTHORIZED
from connectors.sandbox.opencrm.errors import CrmError
from connectors.sandbox.wire import Reply, Request

JSON = Any
Params = dict[str, JSON]
ROOT = "/api/rest/"


def end_point(request: Request) -> str:
    """Return the end point's name, "" for an address outside the API."""
    path = urlsplit(request.target).path
    return unquote(path.removeprefix(ROOT).split("/")[0]) if path.startswith(ROOT) else ""


def params(request: Request) -> Params:
    """Return the parameters of path, query and body, the later winning. Raises CrmError for JSON that is none."""
    parts = [unquote(p) for p in urlsplit(request.target).path.removeprefix(ROOT).split("/")][1:]
    return {**dict(zip(parts[::2], parts[1::2], strict=False)), **request.query, **_body(request)}


def _body(request: Request) -> Params:
    kind, text = request.headers.get("content-type", ""), request.body.strip()
    if kind.startswith("multipart/form-data"):
        return dict(request.form)
    if text[:1] in (b"{", b"[") or (text and kind.startswith("application/json")):
        return _object(text)
    return dict(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))


def _object(text: bytes) -> Params:
    try:
        value = orjson.loads(text)
    except ValueError as e:
        raise CrmError(UNAUTHORIZED) from e
    if not isinstance(value, dict):
        raise CrmError(UNAUTHORIZED)
    return value


def reply(value: JSON, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(value))


def plain(text: str) -> Reply:
    return Reply(200, text.encode(), "text/html; charset=UTF-8")


def login_reply(key: str, shape: str) -> Reply:
    """Return what login answers: "braces" as the document shows it (which is no JSON), or as public clients met it."""
    shapes = {"string": f'"{key}"', "object": f'{{"accesskey":"{key}"}}', "plain": key, "braces": f'{{"{key}"}}'}
    return Reply(200, shapes[shape].encode())


def edit_reply(number: int, shape: str) -> Reply:
    """Return what an edit answers: the bare number of the document, the number as text, or an object with one of three names."""
    if shape == "mixed":
        shape = ("number", "text", "record_id", "id", "crmid")[number % 5]
    if shape in ("number", "text"):
        return reply(number if shape == "number" else str(number))
    return reply({shape: str(number) if shape == "record_id" else number})


def warned(warning: str, reply: Reply) -> Reply:
    """Return an answer behind what PHP prints when it warns of itself."""
    return Reply(reply.status, warning.encode() + reply.body, reply.content_type, reply.headers)


def invalid_reply(sentence: str, shape: str) -> Reply:
    """Return a validation error: a JSON "string", "plain" text or an "object"."""
    if shape == "plain":
        return plain(sentence)
    return reply(sentence if shape == "string" else {"error": sentence})
