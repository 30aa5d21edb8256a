"""The rows of the mapping editor: one form a rule, below one about lines the table of its lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.types import FieldType, ModuleSchema
from portal.mappings.definition import Rule, SideName
from portal.mappings.line_forms import LineForm, LineFormSet, of_a_line, posted
from portal.mappings.row_forms import SOURCES, RowForm, row_initial
from portal.mappings.transform import OTHER

DIRECTIONS = [("", gettext_lazy("as the mapping")), ("left-to-right", "→"), ("right-to-left", "←"), ("both", "⇄")]
POLICIES = [
    ("", gettext_lazy("as the mapping")),
    ("left", gettext_lazy("left wins")),
    ("right", gettext_lazy("right wins")),
    ("newest", gettext_lazy("newest wins")),
    ("ask", gettext_lazy("ask a person")),
]
MOST = 500


class RuleForm(RowForm):
    """One rule. Which field is written follows from the direction; the other cell holds what it comes from."""

    source = forms.ChoiceField(choices=[*SOURCES, ("lines", gettext_lazy("lines"))], initial="field", required=False)
    direction = forms.ChoiceField(choices=DIRECTIONS, required=False)
    policy = forms.ChoiceField(choices=POLICIES, required=False)
    may_clear = forms.BooleanField(required=False)
    only_on_create = forms.BooleanField(required=False)
    uuid = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = self._line_forms(kwargs["tables"], kwargs["mappings"])

    def _line_forms(self, tables: list[str], mappings: list[str]) -> BaseFormSet[LineForm] | None:
        """Return the table of the row's lines, posted or saved; None for a row whose fields are no lines."""
        fields = {side: self.schemas[side].field(str(self[side].value() or "")) for side in OTHER}
        lines = {side: of_a_line(f) for side, f in fields.items() if f and f.type is FieldType.LINES}
        if len(lines) < len(OTHER):
            return None
        prefix = f"{self.prefix}-lines"
        given = {"schemas": lines, "target": self.target, "tables": tables, "mappings": mappings}
        saved = [row_initial(line, LineForm) for line in self.initial.get("lines", ())]
        return LineFormSet(posted(self.data, prefix), prefix=prefix, initial=saved, form_kwargs=given)

    @property
    def written(self) -> SideName:
        """Return the side of the one field a fixed value or an expression goes into."""
        said = self["direction"].value()
        return {"left-to-right": "right", "right-to-left": "left"}.get(said, self.target)  # type: ignore[return-value]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data["source"] == "lines" and self.lines is not None and self.lines.is_bound and not self.lines.is_valid():
            self.add_error(None, _("Something is wrong in the table of its lines."))
        return data

    def rule(self) -> Rule:
        """Return the rule that this row says, without what was not understood."""
        data = dict.fromkeys(self.fields, "") | self.cleaned_data
        return replace(
            super().rule(),
            direction=data["direction"],
            policy=data["policy"],
            may_clear=bool(data["may_clear"]),
            only_on_create=bool(data["only_on_create"]),
            uuid=str(data["uuid"] or ""),
            lines=self._line_rules() if data["source"] == "lines" else (),
        )

    def _line_rules(self) -> tuple[Rule, ...]:
        if self.lines is None or not self.lines.is_bound:  # a field that is not told now takes no rules with it
            return tuple(self.initial.get("lines", ()))
        self.lines.is_valid()
        return tuple(line.rule() for line in self.lines.forms if line.stays)


def rule_initial(rule: Rule) -> dict[str, Any]:
    """Return a rule as its row shows it, with the rules of its lines."""
    return {**row_initial(rule, RuleForm), "lines": rule.lines}


RuleFormSet: type[BaseFormSet[RuleForm]] = formset_factory(
    RuleForm, extra=0, can_delete=True, max_num=MOST, absolute_max=2 * MOST
)


def field_choices(schema: ModuleSchema) -> list[tuple[str, str]]:
    """Return the fields of a module for a select: "Last Name · lastname"."""
    return [("", "—"), *((f.name, f"{f.label} · {f.name}") for f in schema.fields)]
