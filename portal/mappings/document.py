"""Documents (YAML, JSON) that describe mappings, read strictly: understood whole, or refused with the place that is wrong."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import Any

from croniter import croniter
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.mappings.definition import (
    COMPARISONS,
    DELETE_POLICIES,
    DIRECTIONS,
    LEAVING,
    NO_GUARDS,
    POLICIES,
    Definition,
    Rule,
    Schedule,
    Side,
)


class BadDocument(ValueError):
    """Something in a document is wrong; the message begins with the place: “mappings[0].fields[2].left: …”."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place


def mapping_of(document: JSON, place: str, known: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the document if it is an object with known keys and all required ones. Raises BadDocument otherwise."""
    if not isinstance(document, dict):
        raise BadDocument(place, _("expected an object with the keys %(keys)s.") % {"keys": ", ".join(known)})
    for key in document:
        if key not in known:
            raise BadDocument(
                place, _("unknown key “%(key)s”; known are %(keys)s.") % {"key": key, "keys": ", ".join(known)}
            )
    for key in required:
        if document.get(key) in (None, ""):
            raise BadDocument(place, _("“%(key)s” is missing.") % {"key": key})
    return document


def list_of(document: JSON, place: str) -> list[JSON]:
    """Return the document if it is a list ([] for None). Raises BadDocument otherwise."""
    if document is None:
        return []
    if not isinstance(document, list):
        raise BadDocument(place, _("expected a list."))
    return document


def one_of(value: JSON, place: str, allowed: tuple[str, ...]) -> str:
    """Return the value if it is one of the allowed words. Raises BadDocument otherwise."""
    if value not in allowed:
        raise BadDocument(
            place, _("“%(value)s” is not one of %(allowed)s.") % {"value": value, "allowed": ", ".join(allowed)}
        )
    return str(value)


def text_of(value: JSON, place: str) -> str:
    """Return the value if it is text. Raises BadDocument otherwise."""
    if not isinstance(value, str):
        raise BadDocument(place, _("expected text."))
    return value


def true_or_false(value: JSON, place: str) -> bool:
    """Return the value if it is true or false. Raises BadDocument otherwise."""
    if not isinstance(value, bool):
        raise BadDocument(place, _("expected true or false."))
    return value


MAPPING_KEYS = (
    "name",
    "left",
    "right",
    "direction",
    "match",
    "fields",
    "guards",
    "schedule",
    "conflicts",
    "deletes",
    "leaving",
    "marker",
)


def read_definition(document: JSON, place: str) -> Definition:
    """Return the mapping that a document describes. Raises BadDocument with the place of what is wrong."""
    found = mapping_of(document, place, MAPPING_KEYS, ("name", "left", "right", "direction"))
    match = list_of(found.get("match"), f"{place}.match")
    rules = list_of(found.get("fields"), f"{place}.fields")
    if not rules:
        raise BadDocument(f"{place}.fields", _("a mapping needs at least one field."))
    return Definition(
        name=text_of(found["name"], f"{place}.name"),
        left=_read_side(found["left"], f"{place}.left"),
        right=_read_side(found["right"], f"{place}.right"),
        direction=one_of(found["direction"], f"{place}.direction", DIRECTIONS),
        match=tuple(_read_match(m, f"{place}.match[{i}]") for i, m in enumerate(match)),
        rules=tuple(_read_rule(r, f"{place}.fields[{i}]") for i, r in enumerate(rules)),
        guards=read_guards(found.get("guards"), f"{place}.guards"),
        schedule=read_schedule(found.get("schedule"), f"{place}.schedule"),
        conflict_policy=one_of(found.get("conflicts", "left"), f"{place}.conflicts", POLICIES),
        delete_policy=one_of(found.get("deletes", "ignore"), f"{place}.deletes", DELETE_POLICIES),
        leaving=one_of(found.get("leaving", "stop"), f"{place}.leaving", LEAVING),
        marker=_read_marker(found.get("marker") or {}, f"{place}.marker"),
    )


def _read_side(document: JSON, place: str) -> Side:
    found = mapping_of(document, place, ("connection", "module", "filter"), ("connection", "module"))
    return Side(*(text_of(found.get(key) or "", f"{place}.{key}") for key in ("connection", "module", "filter")))


def _read_marker(document: JSON, place: str) -> tuple[str, str]:
    found = mapping_of(document, place, ("left", "right"), ())
    return text_of(found.get("left") or "", f"{place}.left"), text_of(found.get("right") or "", f"{place}.right")


def _read_match(document: JSON, place: str) -> tuple[str, str]:
    found = mapping_of(document, place, ("left", "right"), ("left", "right"))
    return text_of(found["left"], f"{place}.left"), text_of(found["right"], f"{place}.right")


RULE_KEYS = (
    "left", "right", "value", "expression", "mapping", "table", "direction", "only_on_create", "may_clear", "policy", "compare",
    "lines",
)  # fmt: skip
LINE_KEYS = ("left", "right", "value", "expression", "mapping", "table", "compare")


def _read_rule(document: JSON, place: str, keys: tuple[str, ...] = RULE_KEYS) -> Rule:
    found = mapping_of(document, place, keys)
    lines = list_of(found.get("lines"), f"{place}.lines")
    left, right, expression, mapping, table = (
        text_of(found.get(key) or "", f"{place}.{key}") for key in ("left", "right", "expression", "mapping", "table")
    )
    return Rule(
        left=left,
        right=right,
        source=_read_source(found, place),
        value=found.get("value"),
        expression=expression,
        mapping=mapping,
        table=table,
        direction=one_of(found.get("direction", ""), f"{place}.direction", ("", *DIRECTIONS)),
        only_on_create=true_or_false(found.get("only_on_create", False), f"{place}.only_on_create"),
        may_clear=true_or_false(found.get("may_clear", False), f"{place}.may_clear"),
        policy=one_of(found.get("policy", ""), f"{place}.policy", ("", *POLICIES)),
        compare=one_of(found.get("compare", ""), f"{place}.compare", ("", *COMPARISONS)),
        lines=tuple(_read_rule(line, f"{place}.lines[{i}]", LINE_KEYS) for i, line in enumerate(lines)),
    )


def _read_source(found: dict[str, Any], place: str) -> str:
    """Return what the rule's value comes from, told by its keys. Raises BadDocument where they contradict each other."""
    named = [key for key in ("value", "expression", "mapping", "table", "lines") if key in found]
    if len(named) > 1:
        raise BadDocument(place, _("say only one of %(keys)s.") % {"keys": ", ".join(named)})
    one_field = bool(found.get("left")) != bool(found.get("right"))
    if named in (["value"], ["expression"]):
        if not one_field:
            text = _("a fixed value or an expression goes into exactly one field: “left” or “right”.")
            raise BadDocument(place, text)
        return named[0]
    if not (found.get("left") and found.get("right")):
        raise BadDocument(place, _("a rule needs “left” and “right”; or “value” or “expression”, and one of them."))
    return {"mapping": "reference", "lines": "lines"}.get(named[0], "field") if named else "field"


GUARDED = ("creates", "deletes", "changes", "appends")


def read_guards(document: JSON, place: str) -> Dict[str, JSON] | None:
    """Return the guards: None for the defaults, {} for off. Raises BadDocument for anything but numbers and percentages."""
    if document is None:
        return None
    if document is False or document == "off":  # YAML reads a bare `off` as false
        return NO_GUARDS
    guards = mapping_of(document, place, GUARDED)
    for key, value in guards.items():
        is_share = isinstance(value, str) and value.endswith("%") and key != "appends"  # of what would that be a share?
        number = value[:-1] if is_share else value
        if isinstance(value, bool) or not str(number).isdigit():
            raise BadDocument(f"{place}.{key}", _("expected a number or a percentage such as 5%."))
    return guards


def read_schedule(document: JSON, place: str) -> Schedule:
    """Return when something runs by itself. Raises BadDocument."""
    if document is None:
        return Schedule()
    found = mapping_of(document, place, ("minutes", "cron", "paused"))
    minutes, cron = found.get("minutes"), text_of(found.get("cron") or "", f"{place}.cron")
    if minutes is not None and cron:
        raise BadDocument(place, _("say either “minutes” or “cron”, not both."))
    if minutes is not None and (isinstance(minutes, bool) or not isinstance(minutes, int) or minutes < 1):
        raise BadDocument(f"{place}.minutes", _("expected a whole number of minutes, 1 or more."))
    check_cron(cron, f"{place}.cron")
    return Schedule(minutes, cron, true_or_false(found.get("paused", False), f"{place}.paused"))


def check_cron(line: str, place: str = "") -> None:
    """Raise BadDocument when the line is not a cron line of five fields; "" is fine."""
    if line and (len(line.split()) != 5 or not croniter.is_valid(line)):
        raise BadDocument(place, _("“%(line)s” is not a cron line of five fields.") % {"line": line})
