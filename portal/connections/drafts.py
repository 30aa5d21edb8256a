"""What a person typed as secrets and only tested so far. The rule: it waits sealed in that person's session, for an hour,
for the same address, and never goes back to the browser."""

from __future__ import annotations

import time

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from portal.connections.crypto import seal, unseal
from portal.connections.forms import ConnectionForm, Kept, host_of

SECONDS = 3600


def keep(request: HttpRequest, form: ConnectionForm) -> Kept:
    """Keep the secrets of a valid form for its next sending, and return them."""
    kept = Kept(form.secrets, host_of(form.connector, form.instance.settings))
    sealed = seal(kept.secrets).decode()
    request.session[_key(form)] = {"sealed": sealed, "host": dict(kept.host), "until": time.time() + SECONDS}
    return kept


def kept(request: HttpRequest, form: ConnectionForm) -> Kept | None:
    """Return what was kept for this form, while it waits."""
    draft = request.session.get(_key(form))
    if not draft or draft["until"] < time.time():
        return None
    try:
        return Kept(unseal(draft["sealed"].encode()), draft["host"])
    except ImproperlyConfigured:
        return None


def drop(request: HttpRequest, form: ConnectionForm) -> None:
    """Forget it."""
    request.session.pop(_key(form), None)


def _key(form: ConnectionForm) -> str:
    return f"connection {form.instance.pk or form.connector.slug}"
