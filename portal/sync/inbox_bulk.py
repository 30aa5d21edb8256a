"""What can be said of many waiting entries at once: what fits all kinds of one reason, or one field of all of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.mappings.models import Mapping
from portal.sync.choice import BOTH, FIELDS, JOIN, WINNERS
from portal.sync.inbox_lines import Line
from portal.sync.inbox_words import offer, winner_words


def bulk_offers(lines: Sequence[Line], mapping: Mapping) -> list[tuple[str, str]]:
    """Return (word, what it would do) of what may be chosen about all these lines of one mapping and reason."""
    takes = [take for take in lines[0].takes if all(take in line.takes for line in lines)]
    offers = [(take, offer(take, lines[0].entry)) for take in takes if take not in (FIELDS, JOIN)]
    if FIELDS not in takes:
        return offers
    fields = {field.rule: field.name for line in lines for field in line.fields}
    each = [
        (f"{rule}={winner}", f"{name}: {_winner(winner, mapping)}")
        for rule, name in fields.items() if len(fields) > 1
        for winner in WINNERS
    ]  # fmt: skip
    return [(winner, _winner(winner, mapping)) for winner in WINNERS] + each + offers


def _winner(winner: str, mapping: Mapping) -> str:
    if winner == BOTH:
        return _("leave both as they are")
    return _("%(crm)s wins") % {"crm": winner_words(winner, mapping)}
