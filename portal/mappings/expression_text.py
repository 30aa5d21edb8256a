"""The filters of text and lists, of what stands in for nothing, and of value tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy

from connectors.spelling import canonical_boolean
from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_filters import Filter, a_text, anything, counted, whole
from portal.mappings.expression_values import LONGEST, Given, is_nothing, one_text, text_of

_SLICE = re.compile(r"(-?[0-9]{1,6})?:(-?[0-9]{1,6})?(?::(-?[1-9][0-9]{0,5}))?", re.ASCII)


def _title(value: str, _argument: None, _given: Given) -> str:
    # As Django's filter of that name: not "O'Neil'S", not "3Rd".
    titled = re.sub("([a-z])'([A-Z])", lambda found: found[0].lower(), value.title())
    return re.sub(r"[0-9]([A-Z])", lambda found: found[0].lower(), titled)


def _slice_of(argument: JSON) -> slice:
    found = _SLICE.fullmatch(one_text(argument).strip())
    if found is None:
        raise ValueError(_("does not say where to cut, such as “:10” or “2:5”"))
    return slice(*(None if part is None else int(part) for part in found.groups()))


def _slice(value: JSON, argument: slice, _given: Given) -> JSON:
    return value[argument] if isinstance(value, list) else one_text(value)[argument]


def _pair_of(argument: JSON) -> tuple[str, str]:
    old, arrow, new = one_text(argument).partition("=>")
    if not arrow or not old:
        raise ValueError(_("does not say what becomes what, such as “Ltd=>Limited”"))
    return old, new


def _replace(value: str, argument: tuple[str, str], _given: Given) -> str:
    old, new = argument
    # Counted first, so that the large text is never made.
    if len(value) + value.count(old) * (len(new) - len(old)) > LONGEST:
        raise ValueError(_("becomes longer than %(limit)s characters", limit=LONGEST))
    return value.replace(old, new)


def _split(value: JSON, argument: str, _given: Given) -> list[str]:
    parts = one_text(value).split(argument or None)
    return [part.strip() for part in parts if part.strip()]


def _join(value: JSON, argument: str, _given: Given) -> str:
    if not isinstance(value, list):
        return text_of(value)
    parts = [text_of(part) for part in value if not is_nothing(part)]
    if sum(map(len, parts)) + len(argument) * len(parts) > LONGEST:
        raise ValueError(_("becomes longer than %(limit)s characters", limit=LONGEST))
    return argument.join(parts)


def _truncate(value: str, most: int, _given: Given) -> str:
    if len(value) <= most:
        return value
    kept = value[: most - 1]
    if not value[most - 1].isspace() and (words := kept.rsplit(None, 1)) and len(words) == 2:
        kept = words[0]  # the last word is not whole; a single long word has to be cut
    return kept.rstrip() + "…"


def _truncate_words(value: str, most: int, _given: Given) -> str:
    words = value.split(None, most)
    return value if len(words) <= most else " ".join(words[:most]) + " …"


def _end(index: int) -> Filter:
    def take(value: JSON, _argument: None, _given: Given) -> JSON:
        return value[index] if isinstance(value, list) else one_text(value)[index]

    return Filter(take, takes="value")


def _length(value: JSON, _argument: None, _given: Given) -> str:
    return str(0 if is_nothing(value) else len(value) if isinstance(value, list) else len(one_text(value)))


def _instead(value: JSON, argument: JSON, _given: Given) -> JSON:
    return argument if is_nothing(value) else value


def _words_of(argument: JSON) -> tuple[str, ...]:
    words = tuple(word.strip() for word in one_text(argument).split(","))
    if len(words) not in (2, 3):
        raise ValueError(_("does not name two or three words, such as “yes,no”"))
    return words


def _yes_no(value: JSON, words: tuple[str, ...], _given: Given) -> str | None:
    if is_nothing(value):
        return words[2] if len(words) == 3 else None
    return words[0] if canonical_boolean(one_text(value)) else words[1]


def _table_of(argument: JSON) -> str:
    if is_nothing(argument):
        raise ValueError(_("is not the name of a value table"))
    return one_text(argument)


def _look_up(value: JSON, table: str, given: Given) -> JSON:
    return deepcopy(given.lookup(table, value))  # the table stays as it is, whatever is done to what came out


FILTERS: Mapping[str, Filter] = {
    "trim": Filter(lambda value, argument, given: value.strip()),
    "upper": Filter(lambda value, argument, given: value.upper()),
    "lower": Filter(lambda value, argument, given: value.lower()),
    "title": Filter(_title, work=counted(200, each=8)),
    "slice": Filter(_slice, _slice_of, takes="value"),
    "replace": Filter(_replace, _pair_of, work=counted(each=2)),
    "split": Filter(_split, a_text, absent="", takes="value", work=counted(each=20)),
    "join": Filter(_join, a_text, absent=", ", takes="value", work=counted(each=2)),
    "first": _end(0),
    "last": _end(-1),
    "truncate": Filter(_truncate, whole(1, LONGEST)),
    "truncatewords": Filter(_truncate_words, whole(1, LONGEST), work=counted(each=3)),
    "length": Filter(_length, takes="value", even_nothing=True),
    "default": Filter(_instead, anything, takes="value", even_nothing=True),
    "coalesce": Filter(_instead, anything, takes="value", even_nothing=True),
    "yesno": Filter(_yes_no, _words_of, absent="yes,no", takes="item", even_nothing=True),
    "lookup": Filter(_look_up, _table_of, takes="item", fixed=True, work=counted(500)),
}
