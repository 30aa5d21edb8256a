"""System checks: a setting that cannot be right is said before anything starts, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.management import CommandError
from django.utils.translation import gettext as _

from portal.connections.access import parse_network
from portal.connections.crypto import HOW_TO_MAKE_KEYS


def missing_keys() -> str:
    """Return one line saying which keys are missing and how to make them; "" when nothing is."""
    lines = []
    if not settings.CREDENTIAL_KEYS:
        lines.append(str(HOW_TO_MAKE_KEYS))
    if not settings.SECRET_KEY_IS_SET:
        lines.append(
            _(
                "SECRET_KEY is not set: logins cannot be signed. Make one with `python -c 'import secrets; "
                "print(secrets.token_urlsafe(50))'` and put it into .env."
            )
        )
    return " ".join(lines)


def refuse_without_keys() -> None:
    """Nothing is served and no background work is done without keys. Raises CommandError, in one line."""
    if problem := missing_keys():
        raise CommandError(problem)


@register(Tags.security, deploy=True)
def check_keys_for_production(**kwargs: Any) -> list[CheckMessage]:
    """`check --deploy` tells beforehand that serving would be refused."""
    text = missing_keys()
    return [Error(text, id="portal.E001")] if text else []


@register(Tags.security)
def check_credential_keys(**kwargs: Any) -> list[CheckMessage]:
    """Each key must be a Fernet key; the message counts them and shows none."""
    bad = [number for number, key in enumerate(settings.CREDENTIAL_KEYS, 1) if not _is_key(key)]
    return [
        Error(
            _("CREDENTIAL_KEYS: key number %(number)s is not a Fernet key (32 bytes, URL-safe base64).")
            % {"number": number},
            hint=_("The keys are separated by commas; the first one seals, all of them unseal."),
            id="portal.E002",
        )
        for number in bad
    ]


@register(Tags.security)
def check_networks(**kwargs: Any) -> list[CheckMessage]:
    """CRM_ALLOWED_NETWORKS must be networks: a typing error must not open or close anything silently."""
    return list(_bad_networks())


@register()
def check_times(**kwargs: Any) -> list[CheckMessage]:
    """A slice ends before its task is killed, which is before the task is handed out again, and within its lease."""
    s = settings
    rules = [
        (s.SLICE_SECONDS >= 1, _("SLICE_SECONDS must be at least 1")),
        (s.CALL_DEADLINE_SECONDS >= 1, _("CALL_DEADLINE_SECONDS must be at least 1")),
        (s.UNKNOWN_GRACE_SECONDS >= 0, _("UNKNOWN_GRACE_SECONDS must not be negative")),
        (
            s.SLICE_SECONDS + s.CALL_DEADLINE_SECONDS < s.Q_TIMEOUT,
            _("SLICE_SECONDS + CALL_DEADLINE_SECONDS must be less than Q_TIMEOUT, or a slice is killed at work"),
        ),
        (s.Q_TIMEOUT < s.Q_RETRY, _("Q_TIMEOUT must be less than Q_RETRY, or a task is handed out twice")),
        (
            s.SLICE_SECONDS + s.CALL_DEADLINE_SECONDS <= s.LEASE_SECONDS,
            _("SLICE_SECONDS + CALL_DEADLINE_SECONDS must not exceed LEASE_SECONDS, or a run loses its lease at work"),
        ),
    ]
    figures = ", ".join(f"{name}={getattr(s, name)}" for name in _TIMES)
    return [
        Error(f"{text}.", hint=_("Now: %(figures)s.") % {"figures": figures}, id="portal.E004")
        for holds, text in rules
        if not holds
    ]


@register()
def check_retention(**kwargs: Any) -> list[CheckMessage]:
    """Calls and runs are kept a day at least: the limits and the overview count those of today."""
    days = {name: getattr(settings, name) for name in ("CALLS_KEPT_DAYS", "IDLE_RUNS_KEPT_DAYS")}
    return [
        Error(_("%(name)s must be at least 1, not %(days)s.") % {"name": name, "days": number}, id="portal.E007")
        for name, number in days.items()
        if number < 1
    ]


@register(Tags.security)
def check_hosts(**kwargs: Any) -> list[CheckMessage]:
    """ALLOWED_HOSTS holds bare names; "*" would let anybody's name for this server through."""
    found: list[CheckMessage] = [
        Error(
            _("ALLOWED_HOSTS: “%(host)s” is not a host name.") % {"host": host},
            hint=_("Write the name alone: portal.example.org, without https:// and without a path."),
            id="portal.E005",
        )
        for host in settings.ALLOWED_HOSTS
        if "/" in host or " " in host
    ]
    if "*" in settings.ALLOWED_HOSTS:
        text = _("ALLOWED_HOSTS holds “*”: requests under any name are answered.")
        found.append(Warning(text, hint=_("Name the hosts of this portal."), id="portal.W006"))
    return found


_TIMES = ("SLICE_SECONDS", "CALL_DEADLINE_SECONDS", "Q_TIMEOUT", "Q_RETRY", "LEASE_SECONDS", "UNKNOWN_GRACE_SECONDS")


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _bad_networks() -> Iterator[CheckMessage]:
    for text in settings.CRM_ALLOWED_NETWORKS:
        try:
            parse_network(text)
        except ValueError:
            yield Error(
                _("CRM_ALLOWED_NETWORKS: “%(text)s” is not a network.") % {"text": text},
                hint=_("Write networks or addresses separated by commas: 10.0.0.0/8,192.168.1.20"),
                id="portal.E003",
            )
