"""What can be chosen and what was chosen, in words. The rule: a side is called by its connection's name, never left or right."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.choices.choice import BOTH, DELETE, FIELDS, JOIN, NEW, RETIRE, RETRY
from portal.sync.choices.options import ALONE, fields_of, is_unclear, living_at

WORDLESS: Final = (JOIN, FIELDS)  # chosen by what is shown, not by a word


def offer(take: str, entry: Entry) -> str:
    """Return what choosing this about the entry would do."""
    other = entry.connection.name if entry.source_id else ""
    if take == NEW:
        if is_unclear(entry):
            return _("It did not arrive: send it to %(crm)s again") % {"crm": other}
        if entry.reason in ALONE:
            text = _("None of them: make a new one in %(crm)s") if entry.evidence else _("Make a new one in %(crm)s")
            return text % {"crm": other}
        return _("Make it again in %(crm)s") % {"crm": _dead_at(entry)}
    if take == DELETE:
        return _("Delete the one in %(crm)s too") % {"crm": living_at(entry)[0].name}
    if take == RETIRE:
        if entry.reason in ALONE or is_unclear(entry):
            return _("Leave it, and never sync this record")
        return _("Keep the one in %(crm)s, and never sync the two again") % {"crm": living_at(entry)[0].name}
    return _("Try again now") if entry.state in (Entry.State.FAILED, Entry.State.PARKED) else _("Look again now")


def winner_words(winner: str, mapping: Mapping) -> str:
    """Return who wins a field."""
    names = {"left": mapping.left_connection.name, "right": mapping.right_connection.name, BOTH: _("both stay")}
    return names.get(winner, winner)


def chosen_words(entry: Entry, mapping: Mapping) -> str:
    """Return what was chosen about an entry."""
    decision = entry.decision or {}
    take = decision.get("take", "")
    if take == FIELDS:
        asked = fields_of(entry)
        fields = decision.get("fields", {}).items()
        told = ((asked[rule]["fields"] if rule in asked else [rule], winner) for rule, winner in fields)
        return ", ".join(f"{next(filter(None, names), '')}: {winner_words(winner, mapping)}" for names, winner in told)
    if take == JOIN:
        return _("“%(id)s” is it") % {"id": decision.get("record", "")}
    return offer(take, entry) if take in (NEW, DELETE, RETIRE, RETRY) else take


def _dead_at(entry: Entry) -> str:
    """Return the name of the CRM in which the record of a pair was deleted."""
    source = entry.source_connection.name if entry.source_connection else ""
    return entry.connection.name if entry.reason.startswith("target_") else source
