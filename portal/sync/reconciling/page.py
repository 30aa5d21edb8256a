"""Puts into words what a comparison of both sides found."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connectors.types import JSON
from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.lines import record_url
from portal.sync.models import Reconciliation
from portal.sync.reasons import describe
from portal.sync.reconciling.differences import EXPECTED, KINDS

TITLES: dict[str, str | Promise] = {
    "equal": gettext_lazy("Equal"),
    "differ": gettext_lazy("Differ"),
    "left_only": gettext_lazy("Only left"),
    "right_only": gettext_lazy("Only right"),
}
WHY: dict[str, str | Promise] = {
    "next_run": gettext_lazy("not carried over yet: the next run does it"),
    "matched_next_run": gettext_lazy("its partner is found by the match key, and linked by the next run"),
    "stored_differently": gettext_lazy("the CRM stored another value than it was sent; it is not sent again"),
    "kept": gettext_lazy(
        "both are as they were agreed on: the rule or its value table was changed since, and counts for what changes from then on; “Apply to all again” brings it to all"
    ),  # fmt: skip
    "edited_there": gettext_lazy(
        "edited on the side that is only written to: one way, only changes of the source are carried over; “Apply to all again” overwrites it"
    ),  # fmt: skip
    "not_cleared": gettext_lazy("empty on one side: the rule may not empty the other"),
    "outside": gettext_lazy("left out by the filter"),
    "one_way": gettext_lazy("the mapping brings nothing from this side to the other"),
    "partner_deleted": gettext_lazy("its partner was deleted"),
    "no_copy": gettext_lazy("its partner was not found in the other CRM"),
    "retired": gettext_lazy("taken back by an undo: left alone until a person says so"),
    "pending": gettext_lazy("its partner is just being made, or it is not known yet whether it was"),
    "failed": gettext_lazy("the CRM refused it; it is tried again by itself"),
    "parked": gettext_lazy("the CRM refused it several times: a person has to look"),
    "blocked": gettext_lazy("blocked: a person has to look, or it waits for another record"),
    "conflict": gettext_lazy("in conflict: a person has to decide"),
    "awaiting": gettext_lazy("it waits in a plan for approval"),
    "unknown": gettext_lazy("it is not known yet whether the last request arrived"),
    "sent": gettext_lazy("a request is under way"),
    "planned": gettext_lazy("a run is about to carry it out"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One record that is not equal, as the page shows it; `urls` are those of both records, "" where there is none."""

    record: JSON
    title: str | Promise
    why: str
    urls: tuple[str, str]


def why_in_words(why: str) -> str:
    """Return a reason as a person reads it."""
    return str(WHY[why]) if why in WHY else str(describe(why).text)


def summary(counts: dict[str, int]) -> str:
    """Return the result in one sentence: “3 pairs equal, 1 differs, 2 only left, 0 only right.”"""
    equal = ngettext("%(n)d pair equal", "%(n)d pairs equal", counts["equal"]) % {"n": counts["equal"]}
    differ = ngettext("%(n)d differs", "%(n)d differ", counts["differ"]) % {"n": counts["differ"]}
    text = _("%(equal)s, %(differ)s, %(left)d only left, %(right)d only right.")
    return text % {"equal": equal, "differ": differ, "left": counts["left_only"], "right": counts["right_only"]}


def reasons_of(row: Reconciliation) -> list[tuple[str | Promise, str, int, bool]]:
    """Return (kind, why in words, how many, is no fault) of all that is not equal, most first within a kind."""
    found = [(kind, why, n) for kind in KINDS[1:] for why, n in row.counts.get(kind, {}).items()]
    found.sort(key=lambda one: (KINDS.index(one[0]), -one[2]))
    return [(TITLES[kind], why_in_words(why), n, why in EXPECTED) for kind, why, n in found]


def lines(mapping: Mapping, records: list[JSON]) -> list[Line]:
    """Return the listed records with the addresses of both."""
    return [
        Line(
            record | {"fields": [field | {"why": why_in_words(field["why"])} for field in record["fields"]]},
            TITLES[record["kind"]],
            _why(record),
            (
                record_url(mapping.left_connection, mapping.left_module, record["left"]),
                record_url(mapping.right_connection, mapping.right_module, record["right"]),
            ),
        )
        for record in records
    ]


def _why(record: JSON) -> str:
    """Return the reason; of one that waits in the ledger also what it waits for."""
    text = why_in_words(record["why"])
    waits = record["why"] in Entry.State.values and record["reason"]
    return f"{text} – {describe(record['reason']).text}" if waits else text
