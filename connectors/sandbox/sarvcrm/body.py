"""What a request to the simulated SarvCRM sends along: JSON, or a form as PHP reads it (a[0][b]=c, a[]=c)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson

from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.wire import Request

JSON = Any


def sent(request: Request) -> dict[str, JSON]:
    """Return the body's parameters; a file part "x" is "file:x". Raises SarvError 400/1001 for what is no such body."""
    if not request.body:
        return {}
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return _php(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind.startswith("multipart/form-data"):
        return _php(list(request.form.items()))
    try:
        value = orjson.loads(request.body)
    except ValueError as e:
        raise SarvError("400/1001") from e
    if not isinstance(value, dict):
        raise SarvError("400/1001")
    return value


def _php(pairs: list[tuple[str, str]]) -> dict[str, JSON]:
    tree: dict[str, JSON] = {}
    for name, value in pairs:
        first, *rest = [name.partition("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        place, key = tree, first
        for part in rest:
            inner = place.setdefault(key, {})
            place = inner if isinstance(inner, dict) else {}
            key = part or str(len(place))
        place[key] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: JSON) -> JSON:
    """Return an array with the keys 0, 1, … as a list."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(part) for key, part in value.items()}
    return list(inner.values()) if list(inner) == [str(n) for n in range(len(inner))] else inner
