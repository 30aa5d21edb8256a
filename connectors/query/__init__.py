"""One filter language for screens, commands and mappings: what to read, in which order, how much of it.

The rules of comparison live here and nowhere else, so that the same filter finds the same records everywhere:

* Two-valued: a condition is true or false, `not` is its exact opposite. An empty value (None, "", []; also "n/a" in a
  number field or "maybe" in a boolean one) equals nothing, so `!=`, `not in` are true for it and `<`,
  `contains`, `between` are false. A field a record does not carry is empty.
* Text and choices are compared after `fold`: lower case, NFC, Arabic letters and digits as their Persian/ASCII forms.
  `<` and sorting go by code point. Nothing else is folded: ZWNJ, tatweel, accents and blanks count as written.
* Ids, references and owners are compared as written; `<` and sorting by length, then code point: 12x9 before 12x10.
* Numbers compare as numbers, dates and date-times as points in time; a day against a date-time means that whole day in
  the zone that `parse` is given, which it spells out in UTC. The portal gives its own everywhere.
* A choice is meant by its value or its label; any other text is looked for as written (`unlisted` tells of it), for records
  may hold what their list names no longer.
* A multi-choice field `=` a value when it holds it; `contains` likewise; `in` when it holds one of them.
* Order: empty values first, then by the same comparison; the id breaks ties, in the direction of the last column.
  Descending is the exact reverse. Where the vendor sorts, ties may come in the vendor's own order of ids.
"""

from __future__ import annotations

from connectors.query.evaluate import check, comparable, match, match_record, matches, sort_key, sorted_records
from connectors.query.filters import And, Condition, Filter, Not, Op, Or, Order, Query, conditions
from connectors.query.folding import FOLD_FROM, FOLD_TO, fold
from connectors.query.names import find_exact, find_field
from connectors.query.notes import unlisted
from connectors.query.pushdown import narrowing_pattern, split, to_dnf
from connectors.query.text import order_to_text, parse, parse_order, to_text

__all__ = [
    "FOLD_FROM",
    "FOLD_TO",
    "And",
    "Condition",
    "Filter",
    "Not",
    "Op",
    "Or",
    "Order",
    "Query",
    "check",
    "comparable",
    "conditions",
    "find_exact",
    "find_field",
    "fold",
    "match",
    "match_record",
    "matches",
    "narrowing_pattern",
    "order_to_text",
    "parse",
    "parse_order",
    "sort_key",
    "sorted_records",
    "split",
    "to_dnf",
    "to_text",
    "unlisted",
]
