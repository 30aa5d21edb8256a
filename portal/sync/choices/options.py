"""What may be chosen about an entry that waits, and what a person's words choose. The rule: nothing is offered that no run could
do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.connections.models import Connection
from portal.ledger.models import Entry
from portal.mappings.models import MappingVersion
from portal.records.models import Copy
from portal.sync.choices.choice import DELETE, FIELDS, JOIN, NEW, RETIRE, RETRY, UNCLEAR, WINNERS, Choice

GONE: Final = frozenset({"target_gone", "target_missing", "source_gone", "source_missing", "deleted_and_changed"})
ALONE: Final = frozenset({"several_matches", "doubled_key", "match_taken", "match_taken_by_deleted", "no_match_key"})
BOTH_WAYS: Final = MappingVersion.Direction.BOTH


class ChoiceRefused(Exception):
    """This cannot be chosen about this entry; the message says what can."""


def options(entry: Entry, direction: str) -> tuple[str, ...]:
    """Return what may be chosen about a waiting entry of a mapping of that direction."""
    if entry.reason == "both_changed" and fields_of(entry):
        return (FIELDS, RETRY)
    if entry.reason in GONE and entry.link_id:
        can_make = entry.reason.startswith("target_") or direction == BOTH_WAYS
        can_delete = living_at(entry)[0].writable
        return (*((NEW,) if can_make else ()), *((DELETE,) if can_delete else ()), RETIRE, RETRY)
    if entry.reason in ALONE and not entry.link_id:
        return (JOIN, NEW, RETIRE, RETRY)
    if is_unclear(entry):
        return (JOIN, NEW, RETIRE, RETRY)
    return (RETRY,)


def is_unclear(entry: Entry) -> bool:
    """Say whether nobody knows what became of a create."""
    return entry.reason in UNCLEAR and entry.action == Entry.Action.CREATE and bool(entry.link_id)


def fields_of(entry: Entry) -> dict[str, JSON]:
    """Return what was asked of an entry field by field: rule uuid -> {"fields": [left, right], "left", "right", "base"}."""
    asked = entry.evidence.values() if entry.reason == "both_changed" else ()
    return {ask["rule"]: ask for ask in asked if isinstance(ask, dict) and "rule" in ask}


def living_at(entry: Entry) -> tuple[Connection, str, str]:
    """Return where the record is that is left of a pair: connection, module, id."""
    if entry.reason.startswith("target_") and entry.source_connection is not None:
        return entry.source_connection, entry.source_module, entry.source_id
    return entry.connection, entry.module, entry.record_id


def choice_from(
    words: Sequence[str], entry: Entry, *, record: str = "", version: int | None = None, direction: str | None = None
) -> Choice:
    """Return the choice that these words are: "left", "FIELD=right", "delete" …, or a `record` that is it. `version` is of the
    record that was shown, `direction` the mapping's; both are looked up where nobody says. Raises ChoiceRefused."""
    may = options(entry, _direction(entry) if direction is None else direction)
    about = {"reason": entry.reason, "evidence": entry.evidence}
    if record and JOIN in may and list(words) in ([], [JOIN]):
        return Choice(JOIN, record=record, **about)
    if FIELDS in may and words and all("=" in word or word in WINNERS for word in words):
        return Choice(FIELDS, fields=_fields(words, entry), **about)
    if len(words) != 1 or words[0] not in may or words[0] in (FIELDS, JOIN):
        raise ChoiceRefused(_refusal(entry, may))
    if entry.reason in GONE and words[0] in (NEW, DELETE):
        return Choice(words[0], version=_version(entry) if version is None else version, **about)
    return Choice(words[0], **about)


def _fields(words: Sequence[str], entry: Entry) -> dict[str, str]:
    found: dict[str, str] = {}
    asked = fields_of(entry)
    for word in words:
        name, _sign, winner = word.rpartition("=")
        rules = [rule for rule, ask in asked.items() if not name or name in (rule, *ask["fields"])]
        if not rules or winner not in WINNERS:
            names = ", ".join(sorted({name for ask in asked.values() for name in ask["fields"] if name}))
            text = _("“%(word)s” is not FIELD=left, FIELD=right or FIELD=both with one of: %(names)s.")
            raise ChoiceRefused(text % {"word": word, "names": names})
        found |= dict.fromkeys(rules, winner)
    return found


def _refusal(entry: Entry, may: Sequence[str]) -> str:
    spelled: Mapping[str, str] = {FIELDS: ", ".join((*WINNERS, "FIELD=left")), JOIN: "--record ID"}
    if entry.superseded_by_id or entry.state not in Entry.WAITING:
        return _("Entry %(entry)d waits no longer: nothing is to be chosen about it.") % {"entry": entry.pk}
    words = ", ".join(spelled.get(take, take) for take in may)
    return _("About entry %(entry)d may be chosen: %(words)s.") % {"entry": entry.pk, "words": words}


def _version(entry: Entry) -> int | None:
    connection, module, id = living_at(entry)
    copy = Copy.objects.filter(mirror__connection=connection, mirror__module=module, record_id=id)
    return copy.values_list("version", flat=True).first()


def _direction(entry: Entry) -> str:
    versions = MappingVersion.objects.filter(mapping__uuid=str(entry.mapping), number=entry.mapping_version or 0)
    return versions.values_list("direction", flat=True).first() or ""
