"""What has to be added to the other CRM's pick lists before a record can be carried over. PURE. The rule: a value table must say so
and the CRM must be able to; where adding did not succeed, the record waits for it."""

from __future__ import annotations

from dataclasses import replace

from connectors.wording import text as _
from portal.mappings.transform import LISTS, Side, unlisted
from portal.sync.cases import Action, Terms

ADDS = "adds"  # in an action's evidence: field -> the entries its list lacks
WAITING = "no_choice"  # the reason of a record that waits for one


def adding(action: Action, terms: Terms) -> Action:
    """Return the action with what it adds to pick lists in its evidence; blocked where one of these could not be added."""
    if action.kind not in ("create", "update") or not (adds := _adds(action, terms)):
        return action
    barred = [
        (name, v) for name, values in adds.items() for v in values if (action.side, name, v) in terms.means.barred
    ]
    evidence = {**action.evidence, ADDS: adds}
    if not barred:
        return replace(action, evidence=evidence)
    errors = {name: not_added(name, value, action.side, terms) for name, value in barred}
    return replace(
        action, kind="blocked", reason=WAITING, errors=errors, evidence=evidence, values={}, rules=(), base={}
    )


def added_by(action: Action) -> list[tuple[str, str]]:
    """Return field and entry of what has to be added to pick lists for it."""
    return [(name, value) for name, values in action.evidence.get(ADDS, {}).items() for value in values]


def not_added(name: str, value: str, side: Side, terms: Terms) -> str:
    """Return what is said of a record whose value is not in the list of that field yet."""
    field = terms.places[side].schema.field(name)
    label = field.label if field and field.label else name
    return _("“%(field)s” has no entry “%(value)s” yet, and it could not be added.", field=label, value=value)


def _adds(action: Action, terms: Terms) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in _appending(action.side, terms) & action.values.keys():
        target = terms.places[action.side].schema.field(name)
        if target is not None and target.choices and (lacking := unlisted(action.values[name], target)):
            found[name] = lacking
    return dict(sorted(found.items()))


def _appending(side: Side, terms: Terms) -> set[str]:
    """Return the fields of that side that get their values by a table which adds to their lists."""
    if not terms.places[side].appends:
        return set()
    tables = {name for name, table in terms.means.tables.items() if table.unlisted == "append"}
    rules = (rule for rule, sides in terms.written if side in sides and rule.table in tables) if tables else ()
    fields = (terms.places[side].schema.field(rule.at(side)) for rule in rules)
    return {field.name for field in fields if field is not None and field.type in LISTS}
