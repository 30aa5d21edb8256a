"""The two kinds of keys, and the file they may live in: made only by `demo` and with DEBUG on, readable by its owner alone."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """`secret_key` signs sessions; `credential_keys` seal credentials: the first seals, all unseal. Empty when unset."""

    secret_key: str = ""
    credential_keys: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return "<Keys>"


def read_keys(path: Path, *, make: bool) -> Keys:
    """Return the keys in the file, made first where `make` allows it; empty ones where there is no file."""
    if not path.is_file():
        if not make:
            return Keys()
        write_keys(path)
    lines = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return Keys(lines.get("SECRET_KEY", ""), [k for k in lines.get("CREDENTIAL_KEYS", "").split(",") if k])


def write_keys(path: Path) -> None:
    """Make a file with new keys (mode 0600). Keeps a file that another process made at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"SECRET_KEY={secrets.token_urlsafe(50)}\nCREDENTIAL_KEYS={new_credential_key()}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(text)


def new_credential_key() -> str:
    """Return a new Fernet key: 32 random bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
