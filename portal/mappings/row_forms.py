"""One row of an editor of rules: two ends and what lies between them. The rule: it understands whatever a person put together and
says what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.types import FieldSchema, FieldType
from portal.mappings import policy_words
from portal.mappings.definition import Rule, SideName
from portal.mappings.findings import Schemas
from portal.mappings.transform import OTHER
from portal.ui.wording import translated

SOURCES = [
    ("field", gettext_lazy("becomes")),
    ("reference", gettext_lazy("linked record")),
    ("value", gettext_lazy("fixed value")),
    ("expression", gettext_lazy("expression")),
]
SINGLE = ("value", "expression")  # these fill one field, of the side that is written


def choices_of(words: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Return choices of codes by their words, put into the language of whoever looks."""
    return [(code, lazy(translated, str)(text)) for code, text in words.items()]


COMPARE = [("", gettext_lazy("exactly")), *choices_of(policy_words.COMPARE)]


class RowForm(forms.Form):
    """What a rule says of two fields. A fixed value or an expression goes into the one field of the side that is `written`."""

    left = forms.CharField(required=False, widget=forms.TextInput(attrs={"list": "left-fields"}))
    right = forms.CharField(required=False, widget=forms.TextInput(attrs={"list": "right-fields"}))
    source = forms.ChoiceField(choices=SOURCES, initial="field", required=False)
    value = forms.CharField(required=False)
    expression = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"class": "typed", "spellcheck": "false"})
    )
    mapping = forms.ChoiceField(required=False)
    table = forms.ChoiceField(required=False)
    compare = forms.ChoiceField(choices=COMPARE, required=False)

    def __init__(
        self, *args: Any, schemas: Schemas, target: SideName, tables: list[str], mappings: list[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.schemas, self.target = schemas, target
        for name, known in (("mapping", mappings), ("table", tables)):
            kept = [self.initial[name]] if self.initial.get(name) and self.initial[name] not in known else []
            self.fields[name].choices = [("", "—"), *((k, k) for k in [*known, *kept])]  # type: ignore[attr-defined]
        for name in ("left", "right"):
            self.fields[name].widget.attrs["aria-label"] = schemas[name].module.label  # type: ignore[index]

    @property
    def written(self) -> SideName:
        """Return the side of the one field a fixed value or an expression goes into."""
        return self.target

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["source"] = data.get("source") or "field"
        if data.get("DELETE"):
            return data
        single = data["source"] in SINGLE
        if single and not data.get(self.written) and (data.get("value") or data.get("expression")):
            self.add_error(self.written, _("Into which field?"))
        for name in () if single else (side for side in OTHER if not data.get(side) and self.has_changed()):
            self.add_error(name, _("Which field?"))
        self._clean_value(data)
        return data

    def _clean_value(self, data: dict[str, Any]) -> None:
        if data["source"] != "value":
            return
        try:
            typed(data.get("value") or "", self.schemas[self.written].field(data.get(self.written) or ""))
        except orjson.JSONDecodeError:
            self.add_error("value", _('It begins with “[” but is no list in JSON, such as ["one", "two"].'))

    @property
    def stays(self) -> bool:
        """Say whether the row says something. Only after `is_valid`, whatever that said."""
        data = self.cleaned_data
        return not data.get("DELETE") and bool(data.get("left") or data.get("right"))

    def rule(self) -> Rule:
        """Return the rule that this row says, without what was not understood."""
        data = dict.fromkeys(self.fields, "") | self.cleaned_data
        source = data["source"]
        kept = {side: data[side] if source not in SINGLE or side == self.written else "" for side in OTHER}
        target = self.schemas[self.written].field(data[self.written])
        return Rule(
            left=kept["left"],
            right=kept["right"],
            source=source,
            value=typed(data["value"], target) if source == "value" and "value" not in self.errors else None,
            expression=data["expression"] if source == "expression" else "",
            mapping=data["mapping"] if source == "reference" else "",
            table=data["table"] if source == "field" else "",
            compare=data["compare"],
        )


def typed(text: str, target: FieldSchema | None) -> Any:
    """Return a typed fixed value as its field holds it. Raises JSONDecodeError for a list that is none."""
    if target and target.type is FieldType.BOOLEAN:
        return text.strip().lower() in ("1", "true", "yes", "on")
    if target and target.type in (FieldType.MULTICHOICE, FieldType.LINES, FieldType.JSON) and text.startswith("["):
        return orjson.loads(text)
    return text


def row_initial(rule: Rule, form: type[forms.Form]) -> dict[str, Any]:
    """Return a rule as a row of that kind shows it."""
    value = rule.value if isinstance(rule.value, str) else orjson.dumps(rule.value).decode()
    said = {name: getattr(rule, name) for name in form.base_fields if name != "value"}
    return {**said, "value": value if rule.source == "value" else ""}
