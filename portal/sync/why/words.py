"""The answer of `why` in words, and as a script reads it."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.why.answer import Why


def sentences(told: Why) -> list[str]:
    """Return the answer, a sentence a line: what put the value there, by which rule, from what, what was there before."""
    found = [_head(told)]
    if told.entry is not None and told.origin.kind == "written":
        found += [*_how(told), *_chosen(told.entry), *_from(told), *_differs(told.entry, told.field)]
    if told.origin.kind in ("written", "edited") and told.origin.before is not None:
        found.append(_("Before, it was %(value)s.") % {"value": _shown(told.origin.before)})
    return found


def as_json(told: Why) -> dict[str, JSON]:
    """Return the answer as the command prints it; `at` is UTC ISO, `source` None where no record's value was made into it."""
    copy, origin = told.copy, told.origin
    return {
        "connection": copy.mirror.connection.name,
        "module": copy.mirror.module,
        "id": copy.record_id,
        "field": told.field,
        "value": told.value,
        "origin": origin.kind,
        "at": origin.at.isoformat(),
        "before": origin.before,
        "run": _run(told.run),
        "entry": origin.entry,
        "mapping": told.entry and told.mapping and told.mapping.name,
        "version": told.entry.mapping_version if told.entry and told.rule else None,
        "rule": told.rule or None,
        "source": _source(told),
        "text": sentences(told),
    }


def _head(told: Why) -> str:
    crm = told.copy.mirror.connection.name
    at = date_format(localtime(told.origin.at), "Y-m-d H:i:s")
    if told.origin.kind == "written" and told.run is not None:
        text = _("Written by run #%(run)d (%(what)s), %(at)s, started by %(who)s.")
        what = told.run.mapping_name or told.run.get_kind_display()
        return text % {"run": told.run.pk, "what": what, "at": at, "who": _who(told.run)}
    if told.origin.kind == "filled_in" and told.run is not None:
        text = _(
            "Filled in by %(crm)s itself as it took what run #%(run)d sent, %(at)s; we sent nothing for this field."
        )
        return text % {"crm": crm, "run": told.run.pk, "at": at}
    if told.origin.kind == "edited":
        return _("Edited in %(crm)s, not by us; seen at %(at)s.") % {"crm": crm, "at": at}
    return _("Not ours: it was so already when we first saw this record, %(at)s.") % {"at": at}


def _who(run: Run) -> str:
    """Return who started the run, and who approved its plan where another did."""
    if run.approved_by is None or run.approved_by == run.user:
        return run.actor
    return _("%(who)s, approved by %(other)s") % {"who": run.actor, "other": run.approved_by.get_username()}


def _how(told: Why) -> list[str]:
    entry = told.entry
    if entry is not None and entry.undoes is not None:
        return [
            _("It is what the record held before run #%(run)d, which was taken back.") % {"run": entry.undoes.run_id}
        ]
    if entry is None or entry.mapping is None:
        return []
    if told.mapping is None:
        return [_("Its mapping was deleted since.")]
    if not told.rule:
        return [_("No rule of version %(n)s filled it: it was given with the record.") % {"n": entry.mapping_version}]
    text = _("By the rule “%(rule)s” of version %(n)s of “%(mapping)s”.")
    return [text % {"rule": told.rule, "n": entry.mapping_version, "mapping": told.mapping.name}]


def _chosen(entry: Entry) -> list[str]:
    """Return who chose so, where a person had been asked."""
    decision = entry.obeys.decision if entry.obeys is not None else None
    return (
        [_("%(who)s had chosen so about entry %(entry)d.") % {"who": decision["by"], "entry": entry.obeys_id}]
        if decision
        else []
    )


def _from(told: Why) -> list[str]:
    if told.source is None or told.source.entry.source_connection is None:
        return []
    entry = told.source.entry
    where = {
        "connection": entry.source_connection.name,  # type: ignore[union-attr]
        "module": entry.source_module,
        "id": entry.source_id,
        "label": f" ({entry.label})" if entry.label else "",
    }
    values = ", ".join(f"{name} = {_shown(value)}" for name, value in told.source.values.items())
    text = _("From %(connection)s · %(module)s %(id)s%(label)s") % where
    return [f"{text}: {values}." if values else f"{text}."]


def _differs(entry: Entry, field: str) -> list[str]:
    pair = entry.evidence.get("differs", {}).get(field)
    if not pair:
        return []
    text = _("The CRM stored it differently: sent was %(sent)s.")
    return [text % {"sent": _shown(pair[0])}]


def _run(run: Run | None) -> JSON:
    if run is None:
        return None
    approved = run.approved_by.get_username() if run.approved_by else None
    started = run.started_at.isoformat() if run.started_at else None
    return {"id": run.pk, "kind": run.kind, "actor": run.actor, "trigger": run.trigger, "started_at": started, "approved_by": approved}  # fmt: skip


def _source(told: Why) -> JSON:
    if told.source is None:
        return None
    entry = told.source.entry
    connection = entry.source_connection.name if entry.source_connection else None
    where = {"connection": connection, "module": entry.source_module, "id": entry.source_id}
    return {**where, "label": entry.label, "values": told.source.values}


def _shown(value: JSON) -> str:
    if value is None or value in ("", []):
        return _("empty")
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"“{text[:200]}…”" if len(text) > 200 else f"“{text}”"
