"""One record of a preview as a person reads it: which one, what becomes of it field by field, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from django.utils.functional import Promise
from django.utils.translation import gettext

from connectors.types import JSON
from connectors.values import redact
from connectors.wording import joined
from portal.mappings.transform import OTHER, Side
from portal.sync.additions import added_by
from portal.sync.cases import Action, Seen
from portal.sync.lines import record_url
from portal.sync.planning import Planning, label_of
from portal.sync.reasons import describe
from portal.ui.wording import portal_language, to_keep

LONGEST = 300  # characters of a value that are kept


@dataclass(frozen=True, slots=True)
class Change:
    """One field that would be written."""

    name: str
    label: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Sample:
    """A record: its side and id, its partner's id ("" for none), what would be written, and the reason code and what is
    wrong with values, in the portal's language."""

    side: Side
    id: str
    label: str
    target: str = ""
    changes: tuple[Change, ...] = ()
    reason: str = ""
    wrong: str = ""
    note: str = ""  # what has to be done first

    @property
    def why(self) -> str | Promise:
        """Return the reason in words; "" where there is nothing to explain."""
        return self.wrong or (describe(self.reason).text if self.reason else "")

    @property
    def advice(self) -> str | Promise:
        """Return what a person can do about it."""
        return describe(self.reason).advice if self.reason else ""


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A sample with the addresses of both records; "" where there is none."""

    sample: Sample
    url: str
    target_url: str


def sample(known: Planning, side: Side, seen: Seen, partner: str, action: Action | None) -> Sample:
    """Return what is shown of the record of that side for which this was planned; `partner` is the id of the one it is linked
    to, "" for none."""
    label = label_of(known, side, seen)
    if action is None:
        return Sample(side, seen.id, label, partner)
    return Sample(
        side,
        seen.id,
        label,
        _other_id(side, action),
        _changes(known, action),
        action.reason,
        to_keep(joined(" ", action.errors.values())),
        _note(action),
    )


def lines(samples: list[Sample], known: Mapping[Side, tuple[Any, str]]) -> list[SampleLine]:
    """Return the samples with addresses; `known` are connection and module of both sides."""
    return [
        SampleLine(s, record_url(*known[s.side], s.id), record_url(*known[OTHER[s.side]], s.target)) for s in samples
    ]


def as_json(one: Sample) -> dict[str, JSON]:
    """Return the sample as it is kept."""
    return asdict(one)


def from_json(document: dict[str, Any]) -> Sample:
    """Return the sample again."""
    return Sample(**{**document, "changes": tuple(Change(**change) for change in document["changes"])})


def short(value: JSON) -> JSON:
    """Return the value, or its beginning where it is long: samples are for looking at."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _note(action: Action) -> str:
    """Return what is added to pick lists first, in the portal's language; "" for nothing."""
    entries = ", ".join(f"“{value}”" for _name, value in added_by(action)) if action.kind != "blocked" else ""
    with portal_language():
        return gettext("First added to the list: %(entries)s.") % {"entries": entries} if entries else ""


def _other_id(side: Side, action: Action) -> str:
    """Return the id of the record on the other side than the sample's."""
    other = action.target if action.side == OTHER[side] else action.source
    return other.id if other else ""


def _changes(known: Planning, action: Action) -> tuple[Change, ...]:
    schema = known.terms.places[action.side].schema
    before = redact({name: action.target.values.get(name) if action.target else None for name in action.values})
    after = redact(action.values)
    labels = {name: (f.label if (f := schema.field(name)) else name) or name for name in after}
    return tuple(Change(name, labels[name], short(before[name]), short(value)) for name, value in after.items())
