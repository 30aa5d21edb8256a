"""Creates, changes and deletes connections: the one writer of their rows. The rule: whatever belonged to the old access
(logins, what was learned, descriptions) is forgotten with it; the audit trail names fields, never values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from connectors import connector_class
from connectors.base import Connector
from connectors.errors import ConfigError
from connectors.oauth import GRANT
from portal.accounts.models import User
from portal.connections.account import forget, grant_is_void
from portal.connections.check import Outcome, note
from portal.connections.forms import PREFIX, ConnectionForm, Kept, host_of, setting_of
from portal.connections.models import Connection, KnownSchema, OwnerLabel, Session
from portal.connections.sessions import StoredSessions
from portal.ui.wording import translated

# The ledger, an app above, writes down who did what to a connection, inside the transaction that does it.
write_down: list[Callable[..., object]] = []


class BadConnection(Exception):
    """What was given cannot be a connection; the message names each field and what is wrong with it."""


def save(
    form: ConnectionForm, *, user: User | None = None, outcome: Outcome | None = None, actor: str = "command"
) -> Connection:
    """Store a valid form, with how the test of it went, in one transaction; return the connection. Asks no CRM. Where it
    is another CRM now, all that is kept of the old one's records is forgotten with it; raises InUse while that is used."""
    with transaction.atomic():
        before = Connection.objects.select_for_update().filter(pk=form.instance.pk).first()
        changed = form.differing(before) if before is not None else []
        connection = before or Connection(connector=form.connector.slug)
        if before is not None and access_changed(form, before):
            _forget(form, before)
        if before is not None and form.is_other_crm:
            _forget_records(before, user, actor)
        for column in form.Meta.fields:
            setattr(connection, column, getattr(form.instance, column))
        connection.settings, connection.secrets = form.instance.settings, dict(form.secrets)
        connection.save()
        if outcome is not None:
            note(connection, outcome)
        if changed or before is None:
            labels = [str(form.fields[name].label) for name in changed]
            labels += [str(_("another CRM: copies and links forgotten"))] if form.is_other_crm else []
            _tell("change_connection" if before else "add_connection", connection, user, actor, fields=labels)
    return connection


def access_changed(form: ConnectionForm, before: Connection | None) -> bool:
    """Say whether a test of the connection may end differently now."""
    return before is None or any(
        name.startswith(PREFIX) or name in ("allow_http", "ca_bundle") for name in form.differing(before)
    )


def allow_writing(connection: Connection, allowed: bool, *, user: User | None = None, actor: str = "command") -> None:
    """Let records of this CRM be changed from here, or forbid it; runs under way feel it within a second. Who did it stays
    on the row: `actor` where there is no user."""
    connection.writable = allowed
    connection.writable_changed_at = timezone.now()
    connection.writable_changed_by = (user.get_username() if user else actor)[:150]
    with transaction.atomic():
        connection.save(update_fields=["writable", "writable_changed_at", "writable_changed_by", "updated_at"])
        _tell("allow_writing" if allowed else "forbid_writing", connection, user, actor)


@sensitive_variables()
def authorise(
    connection: Connection, granted: str, *, other_crm: bool, user: User | None = None, actor: str = "command"
) -> None:
    """Store what the CRM granted at its own pages, sealed, in place of the logins there were; asks no CRM. Where it is another
    CRM now, all that is kept of the old one's records is forgotten. Raises InUse while that is used."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if other_crm:
            _forget_records(row, user, actor)
            KnownSchema.objects.filter(connection=row).delete()
        Session.objects.filter(connection=row).delete()
        StoredSessions(row.pk).put(GRANT, granted)
        _forget_test(row)
        row.save()
        labels = [str(_("another CRM: copies and links forgotten"))] if other_crm else []
        _tell("authorise_connection", row, user, actor, fields=labels)
    connection.refresh_from_db()


def delete(connection: Connection, *, user: User | None = None, actor: str = "command") -> None:
    """Delete the connection with its copies and calls. Raises ProtectedError when a mapping uses it."""
    with transaction.atomic():
        _tell("delete_connection", connection, user, actor)
        connection.delete()


def define(
    name: str,
    connector: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    columns: Mapping[str, Any] | None = None,
    user: User | None = None,
) -> Connection:
    """Create the connection of that name, or change the one there is to what is given, by the rules of the form; what is
    not given stays, or has its default. Asks no CRM. Raises BadConnection; ImproperlyConfigured without keys."""
    return save(form_of(name, connector, settings, secrets, columns=columns), user=user)


def form_of(
    name: str,
    connector: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    columns: Mapping[str, Any] | None = None,
) -> ConnectionForm:
    """Return the valid form of what `define` would store; stores nothing. Raises BadConnection."""
    kind = _kind(connector)
    before = Connection.objects.filter(name=name).first()
    if before is not None and before.connector != connector:
        text = _("“%(name)s” is a connection to %(old)s; it cannot become one to %(new)s.")
        raise BadConnection(text % {"name": name, "old": before.connector, "new": connector})
    _check_names(kind, settings, secrets)
    form = ConnectionForm.of(kind, before, {"name": name, **(columns or {})}, {**settings, **secrets})
    if not form.is_valid():
        if "same_data" in form.errors:
            raise BadConnection(unsaid(name))
        told = {name.removeprefix(PREFIX): errors for name, errors in form.errors.get_json_data().items()}
        raise BadConnection(" ".join(f"{name}: {e['message']}" for name, errors in told.items() for e in errors))
    return form


def _kind(slug: str) -> type[Connector]:
    try:
        return connector_class(slug)
    except ConfigError as e:
        raise BadConnection(translated(e)) from e


def _check_names(kind: type[Connector], settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Refuse what the connector does not declare, and a secret among the settings or the reverse."""
    for given, secret in ((settings, False), (secrets, True)):
        for name, value in given.items():
            setting = setting_of(kind, name)
            if setting is None:
                raise BadConnection(_unknown(kind, name))
            if setting.secret and not secret:
                raise BadConnection(_("“%(name)s” is a secret: give it under secrets.") % {"name": name})
            if secret and not setting.secret:
                raise BadConnection(_("“%(name)s” is no secret: give it under settings.") % {"name": name})
            if setting.type == "boolean" and value.lower() not in ("true", "false"):
                raise BadConnection(_("“%(name)s” is true or false.") % {"name": name})


def unsaid(name: str) -> str:
    """Return the words that ask a command or a file which data the connection leads to now."""
    text = _(
        "“%(name)s” may lead to another CRM now, and records of the old one are kept here. Say which it is: the same data"
        " (--same-data; in a file same_data: true), or another CRM, of whose records nothing is kept yet (--other-crm;"
        " same_data: false). Then copies and links are forgotten and its mappings paused."
    )
    return text % {"name": name}


def _unknown(kind: type[Connector], name: str) -> str:
    known = ", ".join(setting.name for setting in kind.settings)
    text = _("%(crm)s has no setting “%(name)s”. Known are: %(known)s.")
    return text % {"crm": kind.label, "name": name, "known": known}


@sensitive_variables()
def _forget(form: ConnectionForm, before: Connection) -> None:
    """Forget what belonged to the old access: its logins, what was learned; of another server its descriptions too."""
    old = {**before.settings, **Kept.of(form.connector, before).secrets}
    void = form.is_other_crm or grant_is_void(form.connector, old, {**form.instance.settings, **form.secrets})
    Session.objects.filter(connection=before).exclude(slot__in=[] if void else [GRANT]).delete()
    _forget_test(before)
    if form.is_other_crm or host_of(form.connector, before.settings) != host_of(form.connector, form.instance.settings):
        KnownSchema.objects.filter(connection=before).delete()


def _forget_test(connection: Connection) -> None:
    connection.learned, connection.identity, connection.token_expires_at = {}, {}, None
    connection.check_state, connection.check_message, connection.checked_at = Connection.Check.UNKNOWN, "", None


def _forget_records(connection: Connection, user: User | None, actor: str) -> None:
    forget(connection, user, actor)
    OwnerLabel.objects.filter(connection=connection).delete()


def _tell(action: str, connection: Connection, user: User | None, actor: str, **changes: Any) -> None:
    for note_down in write_down:
        note_down(user, action, connection, changes, actor=actor)
