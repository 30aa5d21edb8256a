"""Sealing credentials: MultiFernet over CREDENTIAL_KEYS. The one place where a secret is put away and taken out."""

from __future__ import annotations

from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

HOW_TO_MAKE_KEYS = gettext_lazy(
    "CREDENTIAL_KEYS is not set: credentials cannot be sealed. Make a key with `python -c 'from "
    "cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'` and put it into .env."
)


class Sealed(dict[str, str]):
    """Unsealed secrets in memory; prints as dots wherever something prints it."""

    def __repr__(self) -> str:
        return "Sealed(•)"

    __str__ = __repr__


def _box() -> MultiFernet:
    if not settings.CREDENTIAL_KEYS:
        raise ImproperlyConfigured(str(HOW_TO_MAKE_KEYS))
    try:
        return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
    except ValueError:
        raise ImproperlyConfigured(
            _("CREDENTIAL_KEYS holds something that is not a Fernet key (32 bytes, URL-safe base64).")
        ) from None


def seal(secrets: dict[str, str]) -> bytes:
    """Return the secrets as an encrypted token. Raises ImproperlyConfigured, saying how to make keys, without any."""
    return _box().encrypt(orjson.dumps(dict(secrets), option=orjson.OPT_SORT_KEYS))


def unseal(token: bytes) -> Sealed:
    """Return what `seal` put away. Raises ImproperlyConfigured when none of the keys fits."""
    try:
        return Sealed(orjson.loads(_box().decrypt(bytes(token))))
    except InvalidToken:
        raise ImproperlyConfigured(
            _(
                "The stored credentials were sealed with a key that is not in CREDENTIAL_KEYS. Put the old key back (second)."
            )
        ) from None


def reseal(token: bytes) -> bytes:
    """Return the same secrets under the first key. Raises ImproperlyConfigured when none of the keys fits."""
    return seal(unseal(token))


def is_current(token: bytes) -> bool:
    """Say whether the first key sealed this. Raises ImproperlyConfigured without any key."""
    _box()
    try:
        Fernet(settings.CREDENTIAL_KEYS[0]).decrypt(bytes(token))
    except InvalidToken:
        return False
    return True


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """A dict of secrets, encrypted in the database. Never in forms, dumps, history or `repr`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(editable=False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else SealedToken(value)

    def get_prep_value(self, value: Any) -> Any:
        return bytes(value) if isinstance(value, SealedToken) else None if value is None else seal(value)

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # dumpdata: a dump holds no secret, not even sealed

    def to_python(self, value: Any) -> Any:
        return SealedToken(b"") if isinstance(value, str) else value


class SealedToken(bytes):
    """The encrypted form as it came from the database; `.open()` gives the secrets."""

    def open(self) -> Sealed:
        """Return the secrets; empty when nothing was stored."""
        return unseal(self) if self else Sealed()

    def __repr__(self) -> str:
        return "SealedToken(•)"

    __str__ = __repr__
