"""Puts the preview's page together: one record rule by rule, in words and as its CRMs' values are shown everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connectors.types import JSON
from portal.mappings.trace import Step
from portal.mappings.transform import OTHER, Side
from portal.records.changelist import search
from portal.records.display import NOTHING, Names, brief
from portal.records.page import mirror_page
from portal.sync.lines import record_url
from portal.sync.planning import Planning
from portal.sync.previews.record import HIDDEN, Line, Outcome, Shown
from portal.sync.reasons import describe
from portal.ui.wording import translated

FOUND = 12  # records that a search shows

# What becomes of records, in the words of the page: the heading of a count, and its badge.
WORDS: dict[str, str | Promise] = {
    "create": gettext_lazy("To create"),
    "change": gettext_lazy("To change"),
    "delete": gettext_lazy("To delete"),
    "same": gettext_lazy("Same"),
    "fail": gettext_lazy("Fail"),
    "blocked": gettext_lazy("Blocked"),
    "conflict": gettext_lazy("In conflict"),
    "outside": gettext_lazy("Filtered out"),
    "aside": gettext_lazy("Left alone"),
    "append": gettext_lazy("To add to lists"),
}
# The mark of a line: which state's colour it has, and its word.
MARKS: dict[str, tuple[str, str | Promise]] = {
    "changes": ("create", gettext_lazy("changes")),
    "same": ("same", gettext_lazy("same")),
    "kept": ("same", gettext_lazy("stays")),
    "unwritten": ("same", gettext_lazy("not written")),
    "once": ("same", gettext_lazy("new records only")),
    "conflict": ("conflict", gettext_lazy("in conflict")),
    "fails": ("failed", gettext_lazy("fails")),
    "waits": ("blocked", gettext_lazy("waits")),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A field or a step by its name, and the value it has."""

    label: str
    name: str
    value: SafeString


@dataclass(frozen=True, slots=True)
class Row:
    """One rule as a line of the page."""

    read: tuple[Cell, ...]
    steps: tuple[Cell, ...]
    target: Cell
    now: SafeString
    tone: str
    mark: str | Promise
    wrong: str

    @property
    def mark_is_loud(self) -> bool:
        """Say whether a person should see this line first."""
        return self.tone != "same"


@dataclass(frozen=True, slots=True)
class Sentence:
    """What would happen with the record, and what a person can do about it."""

    kind: str
    word: str | Promise
    text: str | Promise
    advice: str | Promise = ""


@dataclass(frozen=True, slots=True)
class RecordPart:
    """One record on the page."""

    shown: Shown
    url: str
    partner_url: str
    sentences: tuple[Sentence, ...]
    rows: tuple[Row, ...]


def record_part(known: Planning, shown: Shown) -> RecordPart:
    """Return the record as it is shown."""
    target = OTHER[shown.side]
    partner = shown.partner
    return RecordPart(
        shown,
        _url(known, shown.side, shown.seen.id),
        _url(known, target, partner.id) if partner else "",
        sentences(known, shown),
        tuple(_row(known, shown.side, line) for line in shown.lines),
    )


def sentences(known: Planning, shown: Shown) -> tuple[Sentence, ...]:
    """Return what would happen with the record."""
    return tuple(_sentence(known, shown, outcome) for outcome in shown.outcomes)


def found_records(known: Planning, side: Side, text: str) -> list[tuple[str, str]]:
    """Return id and label of the newest records that hold every word of the text; of all for an empty one."""
    mirror, schema = known.mirrors[side], known.terms.places[side].schema
    listing = mirror_page(mirror, schema, search(text, schema), (), "", FOUND)
    labels = ((r.id, [str(r.values[n]) for n in schema.label_fields if r.values.get(n)]) for r in listing.records)
    return [(id, " ".join(label)[:200] or id) for id, label in labels]


def _url(known: Planning, side: Side, id: str) -> str:
    return record_url(known.connections[side], known.mirrors[side].module, id)


def _sentence(known: Planning, shown: Shown, outcome: Outcome) -> Sentence:
    word = WORDS.get(outcome.kind, _("Nothing"))
    action = outcome.action
    if action is not None and outcome.kind in ("fail", "blocked", "conflict"):
        reason = describe(action.reason)
        return Sentence(outcome.kind, word, reason.text, reason.advice)
    return Sentence(outcome.kind, word, _deed(known, shown, outcome))


def _deed(known: Planning, shown: Shown, outcome: Outcome) -> str:
    action = outcome.action
    side = action.side if action else OTHER[shown.side]
    where = {"connection": known.connections[side].name, "module": known.mirrors[side].module}
    if outcome.kind == "create":
        return _("A new record would be made in %(connection)s · %(module)s.") % where
    if outcome.kind == "delete":
        return _("Its partner would be deleted in %(connection)s · %(module)s.") % where
    if outcome.kind == "change" and action is not None:
        text = ngettext(
            "%(n)d field would be changed in %(connection)s · %(module)s.",
            "%(n)d fields would be changed in %(connection)s · %(module)s.",
            len(action.values),
        )
        return text % {**where, "n": len(action.values)}
    if outcome.kind == "outside":
        return _("Nothing would happen: the filter leaves it out.")
    if outcome.kind == "aside":
        return _(
            "Nothing would happen: its partner is just being made, was taken back or deleted, or we have no copy of it."
        )
    if outcome.kind == "same":
        return _("Nothing would happen: nothing changed since both sides agreed, or they hold the same.")
    return _("Nothing would happen: it was deleted, or its partner on the other side speaks for both.")


def _row(known: Planning, side: Side, line: Line) -> Row:
    target = OTHER[side]
    tone, mark = MARKS[line.mark]
    read = tuple(_cell(known, side, step.name, step.value) for step in line.steps if step.kind == "field")
    return Row(
        read,
        tuple(_steps(known, side, line)),
        _cell(known, target, line.target, line.becomes),
        _value(known, target, line.target, line.now),
        tone,
        mark,
        translated(line.wrong),
    )


def _steps(known: Planning, side: Side, line: Line) -> Iterator[Cell]:
    """Yield the rule in words, each with the value there is after it."""
    if line.rule is None:
        yield Cell(
            _("no rule: as the connection says") if not line.wrong else _("no rule fills it"), "", SafeString("")
        )
        return
    for step in line.steps:
        if words := _words(step):
            yield Cell(words, step.name if step.kind == "expression" else "", _plain(step.value))
    if not any(_words(step) for step in line.steps):
        usual = _("each line by its own rules") if line.rule.lines else _("as it is")
        words = _("not carried by the CRM’s answer") if line.steps and line.steps[-1].kind == "absent" else usual
        yield Cell(words, "", SafeString(""))


def _words(step: Step) -> str:
    if step.kind == "value":
        return _("fixed value")
    if step.kind == "expression":
        return _("expression")
    if step.kind == "table":
        return _("value table “%(name)s”") % {"name": step.name}
    if step.kind == "adds":
        return _("added to the list first")
    return _("partner by “%(name)s”") % {"name": step.name} if step.kind == "partner" else ""


def _cell(known: Planning, side: Side, name: str, value: JSON) -> Cell:
    schema = known.terms.places[side].schema.field(name)
    return Cell(schema.label if schema else name, name, _value(known, side, name, value))


def _value(known: Planning, side: Side, name: str, value: JSON) -> SafeString:
    schema = known.terms.places[side].schema.field(name)
    if schema is None or value == HIDDEN:
        return _plain(value)
    return brief(schema, value, Names(known.connections[side].name))


def _plain(value: JSON) -> SafeString:
    if value is None or value == [] or value == "":
        return NOTHING
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return format_html("<bdi>{}</bdi>", text)
