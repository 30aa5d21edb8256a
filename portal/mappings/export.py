"""Mappings and value tables as the document that `import_config` reads. The rule: what is exported and imported again
changes nothing; what is as usual is left out, so that a person can read it."""

from __future__ import annotations

from typing import Any

from connectors.types import JSON
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.tables import Table


def mapping_document(definition: Definition) -> dict[str, JSON]:
    """Return the mapping as a document."""
    d = definition
    guards: dict[str, Any] = {} if d.guards is None else {"guards": dict(d.guards) or "off"}
    schedule = schedule_document(d.schedule)
    return {
        "name": d.name,
        "left": _side(d.left),
        "right": _side(d.right),
        "direction": d.direction,
        "match": [{"left": left, "right": right} for left, right in d.match],
        "fields": [rule_document(rule) for rule in d.rules],
        **guards,
        **({"schedule": schedule} if schedule else {}),
        **({"conflicts": d.conflict_policy} if d.conflict_policy != "left" else {}),
        **({"deletes": d.delete_policy} if d.delete_policy != "ignore" else {}),
        **({"leaving": d.leaving} if d.leaving != "stop" else {}),
        **(
            {"marker": {side: name for side, name in zip(("left", "right"), d.marker, strict=True) if name}}
            if any(d.marker)
            else {}
        ),
    }


def schedule_document(schedule: Schedule) -> dict[str, JSON]:
    """Return when something runs by itself as a document; empty where only by hand."""
    said = {"minutes": schedule.minutes, "cron": schedule.cron, "paused": schedule.paused}
    return {key: value for key, value in said.items() if value}


def table_document(table: Table, description: str = "") -> dict[str, JSON]:
    """Return the value table as a document."""
    more = {"description": description, "default_left": table.default_left, "default_right": table.default_right}
    return {
        "name": table.name,
        **{key: value for key, value in more.items() if value},
        **({"unlisted": table.unlisted} if table.unlisted != "error" else {}),
        "values": [{"left": left, "right": right} for left, right in table.pairs],
    }


def rule_document(rule: Rule) -> dict[str, JSON]:
    """Return one rule as a document, without what is as usual."""
    said: dict[str, JSON] = {"left": rule.left, "right": rule.right}
    if rule.source == "value":
        said["value"] = rule.value
    for name in ("expression", "mapping", "table", "direction", "only_on_create", "may_clear", "policy", "compare"):
        said[name] = getattr(rule, name)
    said["lines"] = [rule_document(line) for line in rule.lines]
    return {key: value for key, value in said.items() if key == "value" or value}


def _side(side: Side) -> dict[str, JSON]:
    filtered = {"filter": side.filter} if side.filter else {}
    return {"connection": side.connection, "module": side.module, **filtered}
