"""What a field means, read from its name and its label, whichever CRM it is of. PURE: knows no Django, no database, no vendor.

The rule: a word means the same however it is written ("lead_source", "Leadsource", "Lead Source"), and what says which one of
several (billing or shipping, first or second) is kept apart from the meaning, so that it can be asked for agreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from connectors.query import fold
from connectors.types import TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from portal.mappings.terms import ADDRESS, FIELDS, MODULES, NEUTRAL, OF_A_REFERENCE, PEOPLE, QUALIFIERS

_SEPARATORS = re.compile(r"[\W_]+")
_DEPTH = 4  # “billing address street 2” has three parts besides its meaning
_PREFIX = re.compile(r"^[a-z]{2,5}_")  # of a maker of modules: “AOS_Quotes”
_REFERENCES = frozenset({FieldType.REFERENCE, FieldType.OWNER})


@dataclass(frozen=True, slots=True)
class Sense:
    """One reading of a name: what is meant, and which one of several ("" is the usual one)."""

    term: str
    which: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a field before its values are seen. `by_label` and `by_name` are None for words nobody knows."""

    field: FieldSchema
    name: str  # name and label as they are compared
    label: str
    by_label: Sense | None
    by_name: Sense | None
    senses: frozenset[Sense]  # both readings, and of both the bare terms
    terms: frozenset[str]
    kinds: frozenset[str]  # of records it refers to

    @property
    def sense(self) -> Sense | None:
        """Return the best reading: a label is written for people."""
        return self.by_label or self.by_name


def joined(text: str) -> str:
    """Return a name as it is compared: folded, in one word."""
    return _SEPARATORS.sub("", fold(text))


def table(text: str) -> dict[str, str]:
    """Return what something is called -> its meaning, from one of the tables of `terms`."""
    found: dict[str, str] = {}
    for line in text.split():
        meaning, _, names = line.partition("=")
        for name in (meaning, *names.split("|")):
            found.setdefault(joined(name), meaning)
    return found


_KINDS = table(MODULES)
_FIELDS = table(FIELDS)
_QUALIFIERS = table(QUALIFIERS)
_NEUTRAL = tuple(joined(word) for word in NEUTRAL.split("|"))
_AROUND = tuple(joined(word) for word in OF_A_REFERENCE.split("|"))
_NAMES_OF = {kind: tuple(n for n, k in _KINDS.items() if k == kind) for kind in set(_KINDS.values())}


def kind_of(*names: str) -> str:
    """Return which kind of record a module of these names and labels holds; "" for one nobody knows."""
    for name in names:
        bare = _PREFIX.sub("", name.lower())
        found = _KINDS.get(joined(name)) or _KINDS.get(joined(bare))
        if found:
            return found
    return ""


def meanings(schema: ModuleSchema) -> list[Meaning]:
    """Return what every field of the module means, in its order."""
    kind = kind_of(schema.module.name, schema.module.label)
    return [_meaning(field, schema, kind) for field in schema.fields]


def _meaning(field: FieldSchema, schema: ModuleSchema, kind: str) -> Meaning:
    name, label = joined(field.name), joined(field.label)
    kinds = frozenset(kind_of(module) for module in field.refers_to) - {""}
    by_label, by_name = (_in_context(_read(key, field.type, kind), field, kind) for key in (label, name))
    if not (by_label or by_name) and field.type is FieldType.REFERENCE and len(kinds) == 1:
        by_name = Sense("@" + next(iter(kinds)))
    if schema.label_fields == (field.name,) and kind not in PEOPLE:
        by_label = by_name = Sense("record_name")
    senses = frozenset(sense for sense in (by_label, by_name) if sense)
    return Meaning(field, name, label, by_label, by_name, senses, frozenset(s.term for s in senses), kinds)


def _read(key: str, type: FieldType, kind: str) -> Sense | None:
    """Return what a name in one word says."""
    if type in (FieldType.PHONE, FieldType.EMAIL) and key in _QUALIFIERS:  # a phone called “Direct”
        return Sense(type.value, _which(_QUALIFIERS[key]))
    found = _parsed(key, kind, type in _REFERENCES)
    return None if found is None else Sense(found[0], _which(*found[1]))


def _which(*qualifiers: str) -> str:
    return "+".join(sorted(set(qualifiers) - {"main", ""}))


@lru_cache(maxsize=20_000)
def _parsed(key: str, kind: str, refers: bool, depth: int = 0) -> tuple[str, tuple[str, ...]] | None:
    """Return the meaning and what stood around it, the fewest words taken away first."""
    if not key:
        return None
    if refers and key in _KINDS:
        return "@" + _KINDS[key], ()
    if key in _FIELDS:
        return _FIELDS[key], ()
    if key in _KINDS:
        return "@" + _KINDS[key], ()
    if depth == _DEPTH:
        return None
    for rest, qualifier in _shorter(key, kind, refers):
        found = _parsed(rest, kind, refers, depth + 1)
        if found is not None:
            return _with(found, qualifier)
    return None


def _with(found: tuple[str, tuple[str, ...]], qualifier: str) -> tuple[str, tuple[str, ...]]:
    term, around = found
    if term == "code" and qualifier in ("main", "shipping", "second", "address"):
        term = "postcode"
    return term, (*around, "" if qualifier == "address" else qualifier)


def _shorter(key: str, kind: str, refers: bool) -> Iterator[tuple[str, str]]:
    """Yield what is left of a name without one of the words around it, and what that word said."""
    for word in (*_NAMES_OF.get(kind, ()), *_NEUTRAL):
        said = "address" if word.startswith("addr") else ""
        yield from ((rest, said) for rest in _without(key, word))
    for word, qualifier in _QUALIFIERS.items():
        yield from ((rest, qualifier) for rest in _without(key, word))
    for word in _AROUND:
        yield from ((rest, "") for rest in _without(key, word) if refers or rest in _KINDS)


def _without(key: str, word: str) -> Iterator[str]:
    if len(word) < len(key):
        if key.startswith(word):
            yield key[len(word) :]
        if key.endswith(word):
            yield key[: -len(word)]


def _in_context(sense: Sense | None, field: FieldSchema, kind: str) -> Sense | None:
    """Return what the words mean in this kind of record and type of field."""
    if sense is None:
        return None
    term = sense.term
    if term == "record_name" and kind in PEOPLE:
        term = "job_title" if "title" in joined(field.name) or "title" in joined(field.label) else "full_name"
    elif term == "@" + kind:
        term = "parent" if field.type is FieldType.REFERENCE else "record_name"
    elif term == "code" and kind == "product":
        term = "product_code"
    elif term == "record_number" and field.type is FieldType.PHONE:
        term = "phone"
    elif term in ADDRESS and field.type not in (*TEXT_TYPES, FieldType.CHOICE):
        return None
    return Sense(term, sense.which)
