"""What happens when a CRM describes a module otherwise than before. The rule: a mapping that can no longer work is paused before
its next request; all others go on; and one Problem a module says what changed, whom it concerns and what to do, until that is
done."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar

from django.db import transaction
from django.db.models import Q

from connectors.types import JSON
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.connections.schema import Drift, drift_of, note_drift, with_owner
from portal.ledger import write
from portal.ledger.models import Problem
from portal.mappings.definition import Definition
from portal.mappings.definition import SideName as Side
from portal.mappings.drift_words import Verdict, reason, words
from portal.mappings.expression import ExpressionError, fields_of, tables_of
from portal.mappings.hits import Around, Hit, hits
from portal.mappings.means import read_tables, tables_in
from portal.mappings.models import Mapping, MappingVersion, ValueTable
from portal.mappings.save import pause_mapping
from portal.mappings.stored import definition_of
from portal.mappings.table_uses import uses_of
from portal.ui.wording import portal_language

KIND = "schema"
LEADS = "leads"  # under which the pages are noted that a person has to look at besides the mappings
STOPPED, TOUCHED = "stopped", "touched"  # what is noted of a mapping; a number: looked at after so many changes


# While a mapping is paused here, which tells us of it once more.
_judging: ContextVar[bool] = ContextVar("judging", default=False)


def modules_of(connection: Connection) -> Iterator[str]:
    """Yield the modules of the connection that mappings use."""
    yield from Mapping.objects.filter(left_connection=connection).values_list("left_module", flat=True)
    yield from Mapping.objects.filter(right_connection=connection).values_list("right_module", flat=True)


def judge(connection: Connection, module: str) -> None:
    """Pause what the module's changes break, and open, renew or close the Problem that tells of them."""
    with portal_language(), transaction.atomic():
        drift = drift_of(connection, module, lock=True)
        if drift is None:
            write.close_problem(key_of(connection, module))
            return
        found = [_verdict(mapping, connection, module, drift) for mapping in _mappings(connection, module)]
        for verdict in found:
            if verdict.breaks and verdict.mapping.state == Mapping.State.ACTIVE:
                _stop(verdict, connection)
        found = [verdict for verdict in found if verdict.matters]
        _note(connection, module, drift, found)
        _tell(connection, module, drift, found)


def look_again(mapping: Mapping) -> None:
    """Judge anew after a person saved, paused or resumed the mapping. One that is active then has been looked at: what is not
    certain to go wrong is no Problem of it any more."""
    for connection, module, _side in () if _judging.get() else _sides(mapping):
        drift = drift_of(connection, module)
        if drift is None:
            continue
        if mapping.state == Mapping.State.ACTIVE:
            note_drift(connection, module, {**drift.notes, str(mapping.uuid): drift.number})
        judge(connection, module)


def broken(mapping: Mapping) -> str:
    """Return why the mapping cannot work as its modules are now; "" when nothing is known against it."""
    for connection, module, _side in _sides(mapping):
        drift = drift_of(connection, module)
        verdict = _verdict(mapping, connection, module, drift) if drift else None
        if verdict and verdict.breaks:
            return reason(verdict, connection)
    return ""


def table_saved(row: ValueTable) -> None:
    """Judge anew what concerns the mappings that use the table: a row that held an entry which is gone may be gone too."""
    names = {use.mapping for use in uses_of(row.name)}
    for mapping in Mapping.objects.filter(name__in=names).select_related("left_connection", "right_connection"):
        for connection, module, _side in _sides(mapping):
            if drift_of(connection, module) is not None:
                judge(connection, module)


def forget_changes(connection: Connection, user: User | None, actor: str) -> None:
    """Close the Problems of a connection that leads to another CRM now: what that tells is compared with nothing older."""
    for key in Problem.objects.filter(kind=KIND, connection=connection, closed_at=None).values_list("key", flat=True):
        write.close_problem(key)


def _verdict(mapping: Mapping, connection: Connection, module: str, drift: Drift) -> Verdict:
    try:
        definition = definition_of(mapping)
    except MappingVersion.DoesNotExist:  # not live yet: checked before it is
        return Verdict(mapping)
    found: list[Hit] = []
    for there, name, side in _sides(mapping):
        if (there.pk, name) == (connection.pk, module):
            found += _hits(definition, side, connection, drift)
    noted = drift.notes.get(str(mapping.uuid))
    felt = [hit for hit in found if hit.breaks or noted != drift.number]
    return Verdict(mapping, tuple(felt), noted == STOPPED and mapping.state == Mapping.State.PAUSED)


def _hits(definition: Definition, side: Side, connection: Connection, drift: Drift) -> list[Hit]:
    after = with_owner(drift.after, connection.settings) if drift.after else None
    around = Around(_read_by, _looked_up_by, read_tables(tables_in(definition)))
    return hits(definition, side, drift.changes, drift.before, after, around)


def _read_by(expression: str) -> frozenset[str]:
    try:
        return fields_of(expression)
    except ExpressionError:  # runs say so
        return frozenset()


def _looked_up_by(expression: str) -> frozenset[str]:
    try:
        return tables_of(expression)
    except ExpressionError:
        return frozenset()


def _stop(verdict: Verdict, connection: Connection) -> None:
    """Pause the mapping, which has its run end before its next request."""
    mapping, why = verdict.mapping, reason(verdict, connection)
    judging = _judging.set(True)
    try:
        pause_mapping(mapping, True, "", reason=why)
    finally:
        _judging.reset(judging)
    write.audit(None, "pause mapping", mapping, {"reason": why}, actor="schedule")


def _tell(connection: Connection, module: str, drift: Drift, found: list[Verdict]) -> None:
    """Open or renew the module's Problem; close it when nobody has to look at anything."""
    key = key_of(connection, module)
    if not found and drift.doubted is None:
        write.close_problem(key)
        return
    told = words(connection, module, drift, found)
    only = found[0].mapping.uuid if len(found) == 1 else None
    said = {"title": told.title, "detail": told.detail, "advice": told.advice}
    write.open_problem(key, kind=KIND, connection=connection, mapping=only, **said)


def _note(connection: Connection, module: str, drift: Drift, found: list[Verdict]) -> None:
    """Keep who was stopped, who feels it, and who was looked at since the last change; nothing when all is over."""
    if not found:
        note_drift(connection, module, None)
        return
    notes: dict[str, JSON] = {uuid: noted for uuid, noted in drift.notes.items() if noted == drift.number}
    for verdict in found:
        stopped = verdict.breaks or verdict.stopped
        notes[str(verdict.mapping.uuid)] = STOPPED if stopped else TOUCHED
    note_drift(connection, module, {**notes, LEADS: _leads(found)})


def _leads(found: list[Verdict]) -> JSON:
    """Return where an entry stands that is gone: the value tables, and the mappings in whose filters, by their numbers."""
    named = {name for verdict in found for hit in verdict.hits for name in hit.tables}
    tables = ValueTable.objects.filter(name__in=named) if named else ()
    filters = [str(verdict.mapping.uuid) for verdict in found if any(hit.in_filter for hit in verdict.hits)]
    return {"tables": [str(table.uuid) for table in tables], "filters": filters}


def _mappings(connection: Connection, module: str) -> list[Mapping]:
    left = Q(left_connection=connection, left_module=module)
    right = Q(right_connection=connection, right_module=module)
    return list(Mapping.objects.filter(left | right).select_related("left_connection", "right_connection"))


def _sides(mapping: Mapping) -> tuple[tuple[Connection, str, Side], ...]:
    return (
        (mapping.left_connection, mapping.left_module, "left"),
        (mapping.right_connection, mapping.right_module, "right"),
    )


def key_of(connection: Connection, module: str) -> str:
    return f"{KIND}:{connection.pk}:{module}"[:200]
