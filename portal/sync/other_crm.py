"""What becomes of the mappings of a connection that is one to another CRM from now on. The rule: they begin anew, paused
until a person has looked at them; nothing that was planned or sent for the old records is taken up for the new ones."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.connections.account import InUse
from portal.connections.models import Connection
from portal.ledger import lease, write
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping
from portal.records.models import Mirror
from portal.sync.matching import store as match_store
from portal.sync.models import Link
from portal.ui.wording import portal_language

LEFT_OVER = (*Entry.UNSETTLED, *Entry.WAITING, Entry.State.AWAITING)


def begin_anew(connection: Connection, user: User | None, actor: str) -> None:
    """End what is under way with the connection and pause its mappings. Raises InUse while a run is being carried out."""
    mappings = list(Mapping.objects.filter(Q(left_connection=connection) | Q(right_connection=connection)))
    mirrors = Mirror.objects.filter(connection=connection)
    links = Link.objects.filter(Q(left_mirror__in=mirrors) | Q(right_mirror__in=mirrors))
    forgotten = {"links": links.count(), "modules": list(mirrors.values_list("module", flat=True))}
    write.audit(user, "other_crm", connection, {**forgotten, "paused": [str(m) for m in mappings]}, actor=actor)
    for mapping in mappings:
        held = lease.take(f"mapping:{mapping.uuid}")
        if held is None:
            text = _("“%(mapping)s” is being carried out just now. Stop it or let it end first; nothing was changed.")
            raise InUse(text % {"mapping": mapping})
        with portal_language():
            _end(mapping, connection)
        held.release()
    match_store.forget(mappings)
    edits = Run.objects.filter(kind=Run.Kind.EDIT, connection=connection, state__in=Run.OPEN)
    with portal_language():
        _close(edits, Entry.objects.filter(mapping=None, connection=connection), connection)


def all_is_well(mapping: Mapping) -> None:
    """Close the mapping's problem once a person resumed it."""
    if mapping.state == Mapping.State.ACTIVE:
        write.close_problem(_key(mapping))


def _end(mapping: Mapping, connection: Connection) -> None:
    runs = Run.objects.filter(mapping=mapping.uuid, state__in=(*Run.OPEN, Run.State.AWAITING_APPROVAL))
    _close(runs, Entry.objects.filter(mapping=mapping.uuid, superseded_by=None), connection)
    why = _("“%(connection)s” leads to another CRM now") % {"connection": connection}
    if mapping.state == Mapping.State.ACTIVE:
        pause_mapping(mapping, True, "", reason=why)
    write.open_problem(
        _key(mapping),
        kind="other_crm",
        title=_("“%(mapping)s” is paused: it begins anew with another CRM") % {"mapping": mapping},
        detail=why + ".",
        advice=_(
            "Look at its modules, fields, filters and match key, then resume it. It keeps nothing of the old records:"
            " partners are found anew by the match key, and its next run counts as the first."
        ),
        connection=connection,
        mapping=mapping.uuid,
    )


def _close(runs: QuerySet[Run], entries: QuerySet[Entry], connection: Connection) -> None:
    """End runs that were not ended, and settle entries that were not: their records are out of reach."""
    text = _("“%(connection)s” leads to another CRM now; what was left is not carried out.") % {
        "connection": connection
    }
    for run in runs:
        write.finish_run(None, run, Run.State.CANCELLED, message=text)
    write.move(None, entries.filter(state__in=LEFT_OVER), Entry.State.SKIPPED, reason="other_crm")


def _key(mapping: Mapping) -> str:
    return f"mapping:{mapping.uuid}:other_crm"
