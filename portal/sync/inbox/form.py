"""What a person sent from the page of waiting entries, as choices. The rule: for one entry what its own fields say; for several
at once only what is safe to say unseen: nothing is cleared by it that the rule does not clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F
from django.http import QueryDict

from portal.ledger.models import Entry
from portal.mappings.models import FieldRule
from portal.sync.choices.choice import BOTH, WINNERS, Choice
from portal.sync.choices.options import ChoiceRefused, choice_from, fields_of
from portal.sync.inbox.known import Known

JOIN_PREFIX = "join:"
OTHER_RECORD = "join"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices that were made, what could not be chosen about an entry and why, about how many entries something was
    asked, and how many of them a choice for many left out."""

    choices: list[tuple[Entry, Choice]]
    refused: list[str]
    asked: int
    left_out: int = 0


def chosen_for(entry: Entry, post: QueryDict, direction: str) -> Choice | None:
    """Return what was chosen about one entry; None where nothing was. Raises ChoiceRefused."""
    version = post.get(f"v-{entry.pk}", "")
    told = {"version": int(version) if version.isdecimal() else None, "direction": direction}
    fields = [f"{rule}={winner}" for rule in fields_of(entry) if (winner := post.get(f"f-{entry.pk}-{rule}"))]
    word = post.get(f"c-{entry.pk}", "")
    record = word.removeprefix(JOIN_PREFIX) if word.startswith(JOIN_PREFIX) else ""
    if word == OTHER_RECORD:
        record = post.get(f"r-{entry.pk}", "").strip()
    if record or fields:
        return choice_from(() if record else fields, entry, record=record, **told)  # type: ignore[arg-type]
    return choice_from((word,), entry, **told) if word else None  # type: ignore[arg-type]


def choices_on_page(entries: Sequence[Entry], post: QueryDict, known: Known) -> Chosen:
    """Return what was chosen about each of these entries by its own fields."""
    made: list[tuple[Entry, Choice]] = []
    refused = []
    for entry in entries:
        try:
            choice = chosen_for(entry, post, _direction(entry, known))
        except ChoiceRefused as e:
            refused.append(f"{entry.label or entry.source_id}: {e}")
            continue
        made += [(entry, choice)] if choice is not None else []
    return Chosen(made, refused, len(entries))


def one_choice_for(entries: Sequence[Entry], word: str, versions: Mapping[str, str], known: Known) -> Chosen:
    """Return the same choice about many entries: "left", "RULE=right", "retry" …; where it would clear a field that its rule
    does not clear, or does not fit, the entry is left out. `versions`: entry number -> version shown."""
    clears = {str(uuid) for uuid in _clearing(entries)} if "=" in word or word in WINNERS else set()
    made = []
    for entry in entries:
        version = versions.get(f"v-{entry.pk}", "")
        words = _safe(word, entry, clears) if "=" in word or word in WINNERS else (word,)
        told = {
            "version": int(version) if version.isdecimal() else None,
            "direction": _direction(entry, known),
        }
        try:
            made.append((entry, choice_from(words, entry, **told)))  # type: ignore[arg-type]
        except ChoiceRefused:
            continue
    return Chosen(made, [], len(entries), len(entries) - len(made))


def winners_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the fields about which these entries ask: rule uuid -> the name of its field."""
    asked = (item for entry in entries for item in fields_of(entry).items())
    return {rule: next(filter(None, ask["fields"]), rule) for rule, ask in asked}


def _safe(word: str, entry: Entry, clears: set[str]) -> tuple[str, ...]:
    rule, _sign, winner = word.rpartition("=")
    asked = {name: ask for name, ask in fields_of(entry).items() if not rule or name == rule}
    fit = [n for n, ask in asked.items() if winner == BOTH or ask.get(winner) not in (None, "") or n in clears]
    return tuple(f"{name}={winner}" for name in fit)


def _clearing(entries: Sequence[Entry]) -> Iterable[object]:
    mappings = {str(entry.mapping) for entry in entries}
    live = {"version__mapping__uuid__in": mappings, "version__number": F("version__mapping__version")}
    rules = FieldRule.objects.filter(**live, may_clear=True)
    return rules.values_list("uuid", flat=True).distinct()


def _direction(entry: Entry, known: Known) -> str:
    return known.directions.get(entry.mapping, "")  # type: ignore[arg-type]
