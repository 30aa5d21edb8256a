"""The editor of rules: both modules' fields side by side, rules between them, suggestions, and what is wrong at each row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.forms import BaseFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from connectors.types import FieldType
from portal.mappings.definition import Definition, Rule, SideName
from portal.mappings.editing import Editing, ShownField, shown_fields, unused
from portal.mappings.findings import Finding, Level
from portal.mappings.line_forms import line_fields
from portal.mappings.models import Mapping, ValueTable
from portal.mappings.rule_forms import RuleForm, RuleFormSet, rule_initial
from portal.mappings.steps import keep, on_desk, page
from portal.mappings.suggest import Suggestion
from portal.mappings.suggest_lines import joining, lines_pair, lines_rule
from portal.mappings.transform import OTHER
from portal.ui.wording import translated


@on_desk
def fields(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Show the rules; keep what was said about them, with what a button of the page adds to it."""
    rows = row_forms(editing, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        understood = rows.is_valid()
        wanted = said(editing, rows)
        wanted = replace(wanted, rules=(*wanted.rules, *added(request, editing.saying(wanted))))
        if understood:
            return keep(request, editing, wanted, "fields")
        editing = editing.saying(wanted)
    return page(request, editing, "fields", **shown(editing, rows))


@require_POST
@on_desk
def notes(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Return only what is to be said beside the rows as they stand now, for the page to put in its places; saves nothing."""
    rows = row_forms(editing, request.POST)
    rows.is_valid()
    now = editing.saying(said(editing, rows))
    return render(request, "mappings/notes.html", {"editing": now, "mapping": now.mapping, **shown(now, rows)})


def row_forms(editing: Editing, data: Any) -> BaseFormSet[RuleForm]:
    """Return the rules as rows: those that are saved, or those that were posted."""
    here = {editing.connections["left"].pk, editing.connections["right"].pk}
    others = Mapping.objects.exclude(pk=editing.mapping.pk)
    linked = [m.name for m in others if {m.left_connection_id, m.right_connection_id} == here]
    return RuleFormSet(
        data,
        prefix="rules",
        initial=[rule_initial(rule) for rule in editing.definition.rules],
        form_kwargs={
            "schemas": editing.schemas,
            "target": "left" if editing.definition.direction == "right-to-left" else "right",
            "tables": list(ValueTable.objects.values_list("name", flat=True)),
            "mappings": linked,
        },
    )


def said(editing: Editing, rows: BaseFormSet[RuleForm]) -> Definition:
    """Return the definition with the rules that the rows say. Only after `is_valid`."""
    rules = [row.rule() for row in rows.forms if row.stays]
    return replace(editing.definition, rules=tuple(_with_lines(editing, rule) for rule in rules))


def _with_lines(editing: Editing, rule: Rule) -> Rule:
    """Return a rule for lines with rules to begin with, where a person just made it one."""
    if rule.source != "lines":
        return rule
    return lines_rule(rule, editing.definition, editing.schemas, editing.known.mappings)


def added(request: HttpRequest, editing: Editing) -> Iterable[Rule]:
    """Yield the rules that the button adds: suggestions accepted, one or all, or a field taken from a list."""
    offered = editing.suggestions
    if "accept_all" in request.POST:
        yield from _sound(editing, [_rule(editing, s) for s in offered])
    elif pair := request.POST.get("accept"):
        yield from (_rule(editing, s) for s in offered if _key(s) == pair)
    elif pair := request.POST.get("add"):
        left, _, right = pair.partition("=")
        near = [(s.left, s.right) for s in offered if (left and s.left == left) or (right and s.right == right)]
        if (lines := lines_pair(editing.schemas)) and (left, right) in ((lines[0], ""), ("", lines[1])):
            near = [lines]
        rule = Rule(left or (near[0][0] if near else ""), right or (near[0][1] if near else ""))
        yield lines_rule(rule, editing.definition, editing.schemas, editing.known.mappings)


def _sound(editing: Editing, rules: list[Rule]) -> list[Rule]:
    """Return the rules that can be carried out as they are. The others (owners without a value table, references without a
    mapping that joins them) stay suggestions, to be accepted one by one and completed."""
    before = len(editing.definition.rules)
    tried = editing.saying(replace(editing.definition, rules=(*editing.definition.rules, *rules)))
    by_row, _general = _by_row(tried.findings)
    wrong = {row - before for row, found in by_row.items() if any(f.level == "error" for f in found)}
    return [rule for number, rule in enumerate(rules) if number not in wrong]


def _rule(editing: Editing, suggestion: Suggestion) -> Rule:
    """Return the rule for a suggestion: two fields that refer to records meet by the mapping that joins those, if there is one."""
    left = editing.schemas["left"].field(suggestion.left)
    right = editing.schemas["right"].field(suggestion.right)
    if left is None or right is None or {left.type, right.type} != {FieldType.REFERENCE}:
        return Rule(suggestion.left, suggestion.right)
    linked = joining(editing.definition, editing.known.mappings, left, right)
    return Rule(suggestion.left, suggestion.right, "reference", mapping=linked)


def shown(editing: Editing, rows: BaseFormSet[RuleForm]) -> dict[str, Any]:
    """Return what the page shows beside the mapping itself."""
    by_row, general = _by_row(editing.findings)
    fields_of = {side: {f.field.name: f for f in shown_fields(editing, side)} for side in OTHER}
    offered = [(_key(s), s, [translated(r) for r in s.reasons], round(100 * s.confidence)) for s in editing.suggestions]
    return {
        "rows": rows,
        "lines": list(_lines(rows, by_row, fields_of)),
        "general": general,
        "line_fields": {side: line_fields(editing.schemas[side]) for side in OTHER},
        "fields": {side: list(found.values()) for side, found in fields_of.items()},
        "left_over": {side: unused(editing, side) for side in OTHER},
        "suggestions": offered,
    }


def _key(suggestion: Suggestion) -> str:
    return f"{suggestion.left}={suggestion.right}"


def _lines(
    rows: BaseFormSet[RuleForm], by_row: dict[int, list[Finding]], known: dict[SideName, dict[str, ShownField]]
) -> Iterable[tuple[RuleForm, dict[SideName, ShownField | None], list[tuple[Level, str, int | None]]]]:
    """Yield each row with its two fields as far as they exist, and what is to be said about it."""
    number = -1
    for row in rows.forms:
        counts = not rows.is_bound or row.stays
        number += counts
        single = row["source"].value() in ("value", "expression")
        ends = {
            side: None if single and side != row.written else known[side].get(str(row[side].value() or ""))
            for side in OTHER
        }
        told = [(f.level, translated(f.text), f.hits) for f in by_row.get(number, [])] if counts else []
        yield row, ends, told


def _by_row(findings: Iterable[Finding]) -> tuple[dict[int, list[Finding]], list[Finding]]:
    """Return row -> what is wrong with it, and what is wrong with the fields as a whole."""
    rows: dict[int, list[Finding]] = {}
    general = []
    for finding in findings:
        if at := re.match(r"fields\[(\d+)\]", finding.place):
            rows.setdefault(int(at[1]), []).append(finding)
        elif finding.place == "fields":
            general.append(replace(finding, text=translated(finding.text)))
    return rows, general
