"""Takes one edit of a record back. The rule: the record is looked at live, what is decided is what is decided for any run, and it is
written as any edit is."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from connectors.base import Connector
from connectors.errors import RecordNotFound
from connectors.values import strip_secrets
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.schema import module_schema
from portal.ledger.models import AuditEntry, Entry, Run
from portal.records.edit import Editor
from portal.records.models import CopyChange
from portal.sync.cases import Seen
from portal.sync.reasons import describe
from portal.sync.run import SyncRefused
from portal.sync.undo.load import writes_of
from portal.sync.undo.plan import CREATE, DELETE, UPDATE, Case, Deed, Means, Undo, decide


@dataclass(frozen=True, slots=True)
class EditUndo:
    """What taking an edit back would do, and to which record."""

    entry: Entry
    undo: Undo


def look(run: Run) -> EditUndo:
    """Return what taking the edit back would do, by the record as it is in the CRM now. Raises SyncRefused, ConnectorError."""
    entry = _entry_of(run)
    with open_connector(entry.connection, purpose="person") as crm:
        return EditUndo(entry, _decide(entry, crm))


def undo_edit(run: Run, *, user: User | None, actor: str) -> Run:
    """Take the edit back and return the run that did. Raises SyncRefused where it is left as it is, ConnectorError."""
    entry = _entry_of(run)
    with open_connector(entry.connection, purpose="person") as crm:
        undo = _decide(entry, crm)
        if undo.kind not in (CREATE, UPDATE, DELETE):
            why = describe(undo.reason)
            raise SyncRefused(f"{why.text} {why.advice}".strip())
        schema = module_schema(entry.connection, entry.module, crm=crm)
        editor = Editor(entry.connection, crm, schema, user, actor, entry)
        if undo.kind == DELETE:
            return editor.delete(entry.record_id).run
        if undo.kind == CREATE:
            return editor.create(undo.values).run
        return editor.change(entry.record_id, undo.values).run


def _entry_of(run: Run) -> Entry:
    entry = writes_of(run).select_related("connection", "run").first()
    if entry is None or run.state in Run.OPEN:
        raise SyncRefused(_("Run %(run)d wrote nothing: there is nothing to take back.") % {"run": run.pk})
    moved = AuditEntry.objects.filter(action="other_crm", object_type="connections.connection", at__gt=run.created_at)
    if moved.filter(object_id=str(entry.connection_id)).exists():
        text = _("“%(connection)s” leads to another CRM since run %(run)d: its records are out of reach.")
        raise SyncRefused(text % {"connection": entry.connection, "run": run.pk})
    return entry


def _decide(entry: Entry, crm: Connector) -> Undo:
    try:
        now = Seen(entry.record_id, strip_secrets(crm.get(entry.module, entry.record_id).values))
    except RecordNotFound:
        now = Seen(entry.record_id, {}, deleted="gone")
    changed = {name: [value, now.values[name]] for name, value in entry.stored.items() if name in now.values}
    rows = CopyChange.objects.filter(mirror__connection=entry.connection, mirror__module=entry.module)
    touched = rows.filter(record_id=entry.record_id).exclude(run_id=entry.run_id).exists()
    deed = Deed(entry.action, entry.before, entry.intended, entry.stored)
    schema = module_schema(entry.connection, entry.module, crm=crm)
    is_made = entry.action == Entry.Action.CREATE
    return decide(Case([deed], now, changed if is_made else {}, is_touched=is_made and touched), Means(schema))
