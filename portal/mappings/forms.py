"""The mapping form: plain HTML forms that become a Definition, and findings that go back to the row they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.types import FieldSchema, FieldType, ModuleSchema
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.document import BadDocument, check_cron, read_guards
from portal.mappings.findings import Finding, Schemas
from portal.records.filters import about_days
from portal.ui.wording import translated

GUARDS = [("default", gettext_lazy("as usual")), ("off", gettext_lazy("off")), ("own", gettext_lazy("own figures"))]


def field_choices(schema: ModuleSchema, *, writing: bool) -> list[tuple[str, str]]:
    """Return the fields for a select: "Last Name · lastname · text *"; fields that can only be read say so on the target."""

    def label(f: FieldSchema) -> str:
        marks = " *" if writing and f.required else (" (" + _("read only") + ")" if writing and not f.editable else "")
        return f"{f.label} · {f.name} · {f.type.value}{marks}"

    return [("", "—"), *((f.name, label(f)) for f in schema.fields)]


class HeadForm(forms.Form):
    """Everything but the pairs and the rules."""

    name = forms.SlugField(label=gettext_lazy("Name"), allow_unicode=True, max_length=100)
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"),
        choices=[
            ("left-to-right", gettext_lazy("left to right")),
            ("right-to-left", gettext_lazy("right to left")),
        ],
    )
    left_filter = forms.CharField(
        label=gettext_lazy("Left: only records with"),
        required=False,
        help_text=gettext_lazy("“email is not empty”"),
        widget=forms.TextInput(attrs={"class": "typed"}),
    )
    right_filter = forms.CharField(
        label=gettext_lazy("Right: only records with"),
        required=False,
        widget=forms.TextInput(attrs={"class": "typed"}),
    )
    every_minutes = forms.IntegerField(label=gettext_lazy("Every … minutes"), required=False, min_value=1)
    cron = forms.CharField(
        label=gettext_lazy("or cron line"), required=False, help_text=gettext_lazy("“0 7 * * 1-5”: at 7 on weekdays")
    )
    schedule_paused = forms.BooleanField(label=gettext_lazy("Schedule paused"), required=False)
    guards = forms.ChoiceField(
        label=gettext_lazy("Stop before"),
        choices=GUARDS,
        help_text=gettext_lazy(
            "A run stops at its plan and waits for a person when it would do more than this. As usual: more than 50 new"
            " records in the first run, 5 % deleted, 20 % changed."
        ),
    )
    guard_creates = forms.CharField(label=gettext_lazy("new records"), required=False)
    guard_deletes = forms.CharField(label=gettext_lazy("deleted records"), required=False)
    guard_changes = forms.CharField(label=gettext_lazy("changed records"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["right_filter"].help_text = about_days()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("every_minutes") and data.get("cron"):
            self.add_error("cron", _("Say either minutes or a cron line, not both."))
        try:
            check_cron(data.get("cron") or "")
        except BadDocument as e:
            self.add_error("cron", str(e))
        data["guards_document"] = self._clean_guards(data)
        return data

    def _clean_guards(self, data: dict[str, Any]) -> Any:
        if data.get("guards") != "own":
            return None if data.get("guards") == "default" else {}
        figures = {k: data[f"guard_{k}"].strip() for k in ("creates", "deletes", "changes") if data.get(f"guard_{k}")}
        for key in figures:
            try:
                read_guards({key: figures[key]}, "")
            except BadDocument as e:
                self.add_error(f"guard_{key}", str(e))
        return figures


class PairForm(forms.Form):
    """One pair of the match key."""

    left = forms.ChoiceField(required=False)
    right = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, left: ModuleSchema, right: ModuleSchema, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, schema in (("left", left), ("right", right)):
            self.fields[name].choices = field_choices(schema, writing=False)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("left")) != bool(data.get("right")):
            raise forms.ValidationError(_("Choose a field on both sides, or on none."))
        return data


class RuleForm(forms.Form):
    """One rule: a field to a field, or a fixed value into the target."""

    left = forms.ChoiceField(required=False)
    right = forms.ChoiceField(required=False)
    value = forms.CharField(required=False)
    may_clear = forms.BooleanField(required=False)
    only_on_create = forms.BooleanField(required=False)
    uuid = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, left: ModuleSchema, right: ModuleSchema, target: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schemas, self.target = {"left": left, "right": right}, target
        for name, schema in self.schemas.items():
            self.fields[name].choices = field_choices(schema, writing=name == target)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        source = "left" if self.target == "right" else "right"
        if data.get("DELETE"):
            return data
        if not data.get(self.target) and (data.get(source) or data.get("value")):
            self.add_error(self.target, _("Into which field?"))
        elif data.get(self.target) and bool(data.get(source)) == bool(data.get("value")):
            self.add_error(source, _("Choose a field, or type a fixed value, not both."))
        self._clean_value(data)
        return data

    def _clean_value(self, data: dict[str, Any]) -> None:
        try:
            _typed(data.get("value") or "", self.schemas[self.target].field(data.get(self.target) or ""))
        except orjson.JSONDecodeError:
            self.add_error("value", _('It begins with “[” but is no list in JSON, such as ["one", "two"].'))

    def rule(self) -> Rule:
        """Return the rule that this row says."""
        data = dict.fromkeys(self.fields, "") | self.cleaned_data
        fixed = bool(data["value"])
        target = self.schemas[self.target].field(data[self.target])
        return Rule(
            left=data["left"] if not fixed or self.target == "left" else "",
            right=data["right"] if not fixed or self.target == "right" else "",
            source="value" if fixed else "field",
            value=_typed(data["value"], target) if fixed else None,
            may_clear=bool(data["may_clear"]),
            only_on_create=bool(data["only_on_create"]),
            uuid=str(data["uuid"] or ""),
        )


def _typed(text: str, target: FieldSchema | None) -> Any:
    if target and target.type is FieldType.BOOLEAN:
        return text.strip().lower() in ("1", "true", "yes", "on")
    if target and target.type in (FieldType.MULTICHOICE, FieldType.LINES, FieldType.JSON) and text.startswith("["):
        return orjson.loads(text)
    return text


PairFormSet = formset_factory(PairForm, extra=1, max_num=4)
RuleFormSet = formset_factory(RuleForm, extra=2, can_delete=True, max_num=500)


class MappingForms:
    """The head, the pairs and the rules of one mapping, as one thing to show and to read."""

    def __init__(self, left: Side, right: Side, schemas: Schemas, data: Any = None, old: Any = None):
        self.left, self.right = left, right
        initial = _initial(old) if old else {"direction": "left-to-right", "guards": "default"}
        direction = (data or initial).get("direction") or "left-to-right"
        rows = {"left": schemas["left"], "right": schemas["right"]}
        shown = old if data is None else None  # what was posted speaks for itself
        target = "left" if direction == "right-to-left" else "right"
        self.head = HeadForm(data, initial=initial)
        self.pairs: BaseFormSet[PairForm] = PairFormSet(
            data,
            prefix="match",
            initial=[{"left": a, "right": b} for a, b in shown.match] if shown else None,
            form_kwargs=rows,
        )
        self.rules: BaseFormSet[RuleForm] = RuleFormSet(
            data,
            prefix="rules",
            initial=[_rule_initial(r) for r in shown.rules] if shown else None,
            form_kwargs={**rows, "target": target},
        )

    def is_valid(self) -> bool:
        """Say whether every row was understood."""
        return all([self.head.is_valid(), self.pairs.is_valid(), self.rules.is_valid()])

    def _rows(self) -> list[RuleForm]:
        return [f for f in self.rules.forms if f.has_changed() and not f.cleaned_data.get("DELETE")]

    def definition(self) -> Definition:
        """Return what the forms say, without what was not understood. Only after `is_valid`, whatever that said."""
        head = dict.fromkeys(self.head.fields) | self.head.cleaned_data
        pairs = [(f.cleaned_data.get("left"), f.cleaned_data.get("right")) for f in self.pairs.forms]
        return Definition(
            name=head["name"] or "",
            left=Side(self.left.connection, self.left.module, head["left_filter"] or ""),
            right=Side(self.right.connection, self.right.module, head["right_filter"] or ""),
            direction=head["direction"] or "left-to-right",
            match=tuple((a, b) for a, b in pairs if a and b),
            rules=tuple(f.rule() for f in self._rows() if f.cleaned_data.get(f.target)),
            guards=head.get("guards_document"),
            schedule=Schedule(head["every_minutes"], head["cron"] or "", bool(head["schedule_paused"])),
        )

    def show(self, findings: Iterable[Finding]) -> None:
        """Put each finding at the row and field it is about; what has no row stands at the top. That there is no pair is not
        said beside one that was not understood."""
        rows = [f for f in self._rows() if f.cleaned_data.get(f.target)]
        for finding in findings:
            if finding.place == "match" and self.pairs.total_error_count():
                continue
            text = translated(finding.text)
            at_rule = re.fullmatch(r"fields\[(\d+)\](?:\.(left|right|value))?", finding.place)
            at_filter = re.fullmatch(r"(left|right)\.filter", finding.place)
            if at_rule:
                rows[int(at_rule[1])].add_error(at_rule[2], text)
            elif finding.place == "direction" or at_filter:
                self.head.add_error("direction" if not at_filter else f"{at_filter[1]}_filter", text)
            else:
                self.head.add_error(None, text)


def _rule_initial(rule: Rule) -> dict[str, Any]:
    value = rule.value if isinstance(rule.value, str) else orjson.dumps(rule.value).decode()
    return {
        "left": rule.left,
        "right": rule.right,
        "value": value if rule.source == "value" else "",
        "may_clear": rule.may_clear,
        "only_on_create": rule.only_on_create,
        "uuid": rule.uuid,
    }


def _initial(old: Definition) -> dict[str, Any]:
    guards = old.guards
    return {
        "name": old.name,
        "direction": old.direction,
        "left_filter": old.left.filter,
        "right_filter": old.right.filter,
        "every_minutes": old.schedule.minutes,
        "cron": old.schedule.cron,
        "schedule_paused": old.schedule.paused,
        "guards": "default" if guards is None else "own" if guards else "off",
        **{f"guard_{key}": value for key, value in (guards or {}).items()},
    }
