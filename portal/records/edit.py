"""One record created, changed or deleted by a person or a command. The rule: the intent is in the ledger before the request,
what the server then held after it, and an answer that is not clear is never called a failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.types import JSON, Change, ModuleSchema, Record, Values
from connectors.values import strip_secrets
from connectors.wording import text as _
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger import lease, write
from portal.ledger.lease import Held, fenced
from portal.ledger.models import Entry, Run
from portal.records.models import Mirror
from portal.records.names import record_label
from portal.records.store import store_changes
from portal.ui.wording import to_keep

LEASE_SECONDS = 300  # far longer than an edit's few calls; by it is seen that its process died on another machine


def lease_name(run: Run) -> str:
    """Return the name of the lease by which is seen whether somebody living is at this edit."""
    return f"edit:{run.pk}"


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of it: the record as read back (None after a delete), and field -> [sent, stored] where they differ."""

    run: Run
    record: Record | None = None
    different: Mapping[str, list[JSON]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits what, through which open connector. `actor` is the user's name, or "command"; `undoes`: the entry of an earlier
    edit that is taken back."""

    connection: Connection
    crm: Connector
    schema: ModuleSchema
    user: User | None = None
    actor: str = "command"
    undoes: Entry | None = None

    @property
    def module(self) -> str:
        return self.schema.module.name

    def create(self, values: Values) -> Edited:
        """Create a record, unless there is such a one already (Duplicate). Raises ConnectorError; with `maybe_done` the entry
        stays unknown and nothing is repeated."""
        given = {name: value for name, value in values.items() if value is not None}
        wanted = {**self.schema.default_owner, **values, **given}
        entry = self._entry(Entry.Action.CREATE, intended=wanted)
        return self._carry_out(entry, lambda: self._create(wanted), wanted)

    def _create(self, wanted: Values) -> Record:
        self.crm.refuse_twin(self.module, wanted)
        return self.crm.create(self.module, wanted)

    def change(self, record_id: str, values: Values) -> Edited:
        """Change the fields given, None clears; nothing is sent where they hold already. Raises as `create`."""
        now = self.crm.get(self.module, record_id)
        before = {name: now.values.get(name) for name in values}
        wanted = {name: value for name, value in values.items() if value != before[name]}
        entry = self._entry(Entry.Action.UPDATE, now, before=before, intended=wanted)
        if not wanted:
            entry.state, entry.action, entry.reason = Entry.State.SKIPPED, Entry.Action.SKIP, "unchanged"
        return self._carry_out(
            entry, lambda: self.crm.update(self.module, record_id, wanted) if wanted else now, wanted
        )

    def delete(self, record_id: str) -> Edited:
        """Delete the record; what it held is kept in the ledger. Raises as `create`."""
        now = self.crm.get(self.module, record_id)
        return self._carry_out(
            self._entry(Entry.Action.DELETE, now, before=dict(now.values)),
            lambda: self.crm.delete(self.module, record_id),
            {},
        )

    def _entry(self, action: str, record: Record | None = None, **values: dict[str, JSON]) -> Entry:
        return Entry(
            action=action,
            state=Entry.State.SENT,
            connection=self.connection,
            module=self.module,
            record_id=record.id if record else "",
            label=record_label(record, self.schema) if record else "",
            actor=self.actor[:150],
            undoes=self.undoes,
            **values,
        )

    def _carry_out(self, entry: Entry, send: Callable[[], Record | None], values: Values) -> Edited:
        about: dict[str, Any] = {
            "user": self.user,
            "connection": self.connection,
            "undoes": self.undoes.run if self.undoes else None,
        }
        run = write.start_run(Run.Kind.EDIT, actor=self.actor, **about)
        held = lease.take(lease_name(run), LEASE_SECONDS)
        assert held is not None  # nobody else knows of this run yet
        try:
            write.save_run(held, run, state=Run.State.RUNNING, started_at=timezone.now())
            entry.run = run
            write.save_entries(held, [entry], durable=True)
            try:
                answer = send()
            except ConnectorError as e:
                self._failed(held, run, entry, e)
                raise
            record = self._read_back(answer) if answer is not None and entry.state == Entry.State.SENT else answer
            return self._done(held, run, entry, record, values)
        finally:
            held.forget()

    def _read_back(self, answer: Record) -> Record:
        """Return the record as it stands now; the answer to the write where reading fails: the write is done all the same."""
        try:
            return self.crm.get(self.module, answer.id)
        except ConnectorError:
            return answer

    def _done(self, held: Held, run: Run, entry: Entry, record: Record | None, values: Values) -> Edited:
        different: dict[str, list[JSON]] = {}
        if record is not None:
            different = {
                n: [v, record.values[n]]
                for n, v in strip_secrets(values).items()
                if n in record.values and record.values[n] != v
            }
            entry.record_id, entry.label = record.id, entry.label or record_label(record, self.schema)
            entry.stored = {name: record.values[name] for name in values if name in record.values}
        if entry.state == Entry.State.SENT:
            entry.state = Entry.State.STORED_DIFFERENTLY if different else Entry.State.DONE
        mirror = Mirror.objects.filter(connection=self.connection, module=self.module).first()
        with fenced(held):
            if mirror is not None:
                store_changes(mirror, [Change(entry.record_id, record)], run_id=run.pk)
            write.settle(held, [entry])
        self._finish(held, run, Run.State.SUCCEEDED, str(entry.action))
        return Edited(run, record, different)

    def _failed(self, held: Held, run: Run, entry: Entry, error: ConnectorError) -> None:
        unclear = bool(getattr(error, "maybe_done", False))
        entry.state = Entry.State.UNKNOWN if unclear else Entry.State.FAILED
        entry.reason, entry.message = "edit_unknown" if unclear else "refused", to_keep(error)
        write.settle(held, [entry])
        told = error.message
        if unclear:
            told = _(
                "%(problem)s It is not known whether this was done. Look at the record in the CRM before trying again.",
                problem=told,
            )
        self._finish(held, run, Run.State.FAILED, "failed", to_keep(told))

    def _finish(self, held: Held, run: Run, state: str, counted: str, message: str = "") -> None:
        calls = getattr(self.crm.context.observer, "calls", 0)
        seconds = (timezone.now() - run.started_at).total_seconds() if run.started_at else 0
        write.finish_run(held, run, state, message=message, counts={counted: 1}, calls=calls, seconds=seconds)
