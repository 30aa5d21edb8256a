"""What a request carries besides its address: headers that HTTP can carry, and the body with its content type."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import orjson
from urllib3.filepost import encode_multipart_formdata

from connectors.errors import ConfigError
from connectors.types import JSON
from connectors.wording import text as _

Files = Mapping[str, tuple[str, bytes, str]]  # parameter -> (file name, content, content type)


def checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers. Raises ConfigError for one that HTTP cannot carry; the library's own error would quote it."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(
                _(
                    "The secret sent as “%(name)s” holds a line break or a sign that no token has: paste it again.",
                    name=name,
                )
            )
    return headers


def encode(
    data: Mapping[str, JSON] | bytes | None, json: JSON, files: Files | None
) -> tuple[bytes | None, dict[str, str]]:
    """Return the body and its content type: JSON, multipart when there are files, else a form."""
    if json is not None:
        return orjson.dumps(json), {"Content-Type": "application/json"}
    if files is not None:
        plain = data.items() if isinstance(data, Mapping) else ()
        fields: dict[str, JSON] = {**{name: str(value) for name, value in plain}, **files}
        body, kind = encode_multipart_formdata(fields)
        return body, {"Content-Type": kind}
    if isinstance(data, Mapping):
        return urlencode(data).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return data, {}
