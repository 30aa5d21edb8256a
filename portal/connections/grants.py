"""Having a connection authorised at the CRM's own pages: what waits in a person's session until the CRM sends their browser
back. The rule: an answer counts once, within ten minutes, for the connection and in the session it was begun for; no
secret is in an address of ours but the CRM's code, which serves once and only with the verifier kept here."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from connectors.base import Connector
from portal.connections.access import open_connector
from portal.connections.crypto import seal, unseal
from portal.connections.models import Connection

SECONDS = 600
SALT = "portal.connections.grants"


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorisation that was begun. `other_crm`: it will be another CRM, of whose records nothing is kept here yet."""

    connection_id: int
    verifier: str
    redirect: str
    other_crm: bool

    def __repr__(self) -> str:
        return f"Begun({self.connection_id})"


def may_be_authorised(kind: type[Connector], connection: Connection | None) -> bool:
    """Say whether this stored connection has what is needed to be authorised at the CRM's pages."""
    return connection is not None and kind.oauth is not None and kind.oauth.is_ready(connection.settings)


def return_address(request: HttpRequest) -> str:
    """Return where the CRM sends browsers back: the address that the vendor has to know."""
    return request.build_absolute_uri(reverse("connections:authorised"))


@sensitive_variables()
def begin(request: HttpRequest, connection: Connection, *, other_crm: bool) -> str:
    """Remember in the person's session what was begun; return where to send the browser. Raises ConnectorError."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect = return_address(request)
    state = signing.dumps([connection.pk, nonce], salt=SALT)
    with open_connector(connection, purpose="person") as crm:
        address = crm.authorize_url(state, challenge, redirect)
    request.session[_key(connection.pk)] = {
        "sealed": seal({"verifier": verifier, "nonce": nonce}).decode(),
        "redirect": redirect,
        "other_crm": other_crm,
        "until": time.time() + SECONDS,
    }
    return address


@sensitive_variables()
def take(request: HttpRequest, state: str) -> Begun | None:
    """Return what this answer belongs to and forget it, so that it counts once; None for one that does not count."""
    try:
        pk, nonce = signing.loads(state, salt=SALT, max_age=SECONDS)
        kept = request.session[_key(pk)]
        opened = unseal(kept["sealed"].encode())
    except (signing.BadSignature, KeyError, TypeError, ValueError, ImproperlyConfigured):
        return None
    if kept["until"] < time.time() or not constant_time_compare(opened["nonce"], nonce):
        return None
    del request.session[_key(pk)]
    request.session.save()  # now, not after the exchange: the same answer may come a second time meanwhile
    return Begun(pk, opened["verifier"], kept["redirect"], kept["other_crm"])


def origin(address: str) -> str:
    """Return "https://host" of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _key(connection_id: int) -> str:
    return f"authorising {connection_id}"
