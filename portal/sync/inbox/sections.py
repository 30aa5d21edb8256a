"""A page of waiting entries by mapping and reason, with what can be said of many at once: what fits all kinds of one reason, or
one field of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.core.paginator import Page
from django.utils.translation import gettext as _

from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.choices.choice import BOTH, FIELDS, JOIN, WINNERS
from portal.sync.choices.options import ALONE
from portal.sync.inbox.known import known_about
from portal.sync.inbox.lines import Line, inbox_lines
from portal.sync.inbox.waiting import Asked, waiting
from portal.sync.inbox.words import offer, winner_words
from portal.sync.reasons import Reason, describe


@dataclass(frozen=True, slots=True)
class Section:
    """Entries of one mapping and reason. `offers`: (word, what it would do) of what may be said of all that are marked;
    `whole`: how many there are on all pages, where these are not all."""

    mapping: Mapping
    code: str
    reason: Reason
    lines: Sequence[Line]
    offers: Sequence[tuple[str, str]]
    whole: int

    @property
    def is_many(self) -> bool:
        """Say whether there is more than one to say something of."""
        return len(self.lines) > 1

    @property
    def is_matching(self) -> bool:
        """Say whether these records lack a partner that can be told."""
        return self.code in ALONE


def sections(page: Page[Entry]) -> list[Section]:
    """Return the entries of a page, which come by mapping and reason, in sections."""
    entries = list(page.object_list)
    known, found = known_about(entries), []
    for (uuid, code), some in groupby(
        inbox_lines(entries, known), lambda line: (line.entry.mapping, line.entry.reason)
    ):
        lines, mapping = list(some), known.mappings[uuid]
        goes_on = len(lines) == len(entries) and page.has_other_pages()
        whole = waiting(Asked(mapping=mapping.name, reason=code)).filter(decision__isnull=True) if goes_on else None
        about = (lines, _offers(lines, mapping), whole.count() if whole is not None else 0)
        found.append(Section(mapping, code, describe(code), *about))
    return found


def _offers(lines: Sequence[Line], mapping: Mapping) -> list[tuple[str, str]]:
    takes = [take for take in lines[0].takes if all(take in line.takes for line in lines)]
    offers = [(take, offer(take, lines[0].entry)) for take in takes if take not in (FIELDS, JOIN)]
    if FIELDS not in takes:
        return offers
    fields = {field.rule: field.name for line in lines for field in line.evidence.fields}
    named = fields.items() if len(fields) > 1 else ()
    each = [(f"{rule}={winner}", f"{name}: {_winner(winner, mapping)}") for rule, name in named for winner in WINNERS]
    return [*((winner, _winner(winner, mapping)) for winner in WINNERS), *each, *offers]


def _winner(winner: str, mapping: Mapping) -> str:
    if winner == BOTH:
        return _("leave both as they are")
    return _("%(crm)s wins") % {"crm": winner_words(winner, mapping)}
