"""The other steps of the mapping editor as plain HTML forms, each of which changes its part of the definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.forms import formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.mappings import policy_words
from portal.mappings.check_marker import may_mark
from portal.mappings.definition import Definition, Schedule
from portal.mappings.document import GUARDED, BadDocument, check_cron, read_guards
from portal.mappings.findings import Schemas
from portal.mappings.row_forms import choices_of
from portal.mappings.rule_forms import field_choices
from portal.records.filters import about_days

DIRECTIONS = choices_of(policy_words.DIRECTIONS)
GUARDS = [("default", gettext_lazy("as usual")), ("off", gettext_lazy("off")), ("own", gettext_lazy("own figures"))]
CONFLICTS = choices_of(policy_words.CONFLICTS)
DELETES = choices_of(policy_words.DELETES)
LEAVING = choices_of(policy_words.LEAVING)


class PairForm(forms.Form):
    """One pair of the match key."""

    left = forms.ChoiceField(required=False)
    right = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, schemas: Schemas, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["left"].choices = field_choices(schemas["left"])  # type: ignore[attr-defined]
        self.fields["right"].choices = field_choices(schemas["right"])  # type: ignore[attr-defined]
        self.fields["left"].label, self.fields["right"].label = (schemas[s].module.label for s in ("left", "right"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("left")) != bool(data.get("right")):
            raise forms.ValidationError(_("Choose a field on both sides, or on none."))
        return data


PairFormSet = formset_factory(PairForm, extra=1, max_num=4)


def _figure(usual: str) -> forms.TextInput:
    """Return an input for a guard's figure that shows the usual one."""
    return forms.TextInput(attrs={"placeholder": usual})


class PoliciesForm(forms.Form):
    """Which records, which way, who wins, and when a run stops for a person."""

    direction = forms.ChoiceField(label=gettext_lazy("Direction"), choices=DIRECTIONS)
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
    leaving = forms.ChoiceField(label=gettext_lazy("A linked record that leaves its filter"), choices=LEAVING)
    conflicts = forms.ChoiceField(label=gettext_lazy("Where both sides changed a field"), choices=CONFLICTS)
    deletes = forms.ChoiceField(label=gettext_lazy("When a record is deleted"), choices=DELETES)
    left_marker = forms.ChoiceField(label=gettext_lazy("On the left, write into"), required=False)
    right_marker = forms.ChoiceField(
        label=gettext_lazy("On the right, write into"),
        required=False,
        help_text=gettext_lazy(
            "A text field of your own that nothing else uses. A record made there gets written where it comes from; when no clear"
            " answer came, it is found by that for certain, even if somebody changed it since."
        ),
    )
    guards = forms.ChoiceField(
        label=gettext_lazy("Stop before"),
        choices=GUARDS,
        help_text=gettext_lazy(
            "A run stops at its plan and waits for a person when it would do more than this. As usual: more than 50 new"
            " records in the first run, 5 % deleted, 20 % changed. Before anything is added to a CRM’s pick list it always"
            " waits, unless own figures say how many it may add."
        ),
    )
    guard_creates = forms.CharField(label=gettext_lazy("New records"), required=False, widget=_figure("50"))
    guard_deletes = forms.CharField(label=gettext_lazy("Deleted records"), required=False, widget=_figure("5%"))
    guard_changes = forms.CharField(label=gettext_lazy("Changed records"), required=False, widget=_figure("20%"))
    guard_appends = forms.CharField(
        label=gettext_lazy("Entries added to pick lists"), required=False, widget=_figure("0")
    )

    def __init__(self, *args: Any, schemas: Schemas, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["right_filter"].help_text = about_days()
        for side, schema in schemas.items():
            fields = [field for field in schema.fields if may_mark(field)]
            choices = [("", _("nothing")), *((field.name, f"{field.label} ({field.name})") for field in fields)]
            self.fields[f"{side}_marker"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["guards_document"] = self._clean_guards(data)
        return data

    def _clean_guards(self, data: dict[str, Any]) -> Any:
        if data.get("guards") != "own":
            return None if data.get("guards") == "default" else {}
        figures = {k: data[f"guard_{k}"].strip() for k in GUARDED if data.get(f"guard_{k}")}
        for key in figures:
            try:
                read_guards({key: figures[key]}, "")
            except BadDocument as e:
                self.add_error(f"guard_{key}", str(e))
        return figures

    def changing(self, old: Definition) -> Definition:
        """Return the definition with what this form says. Only after `is_valid`."""
        data = self.cleaned_data
        return replace(
            old,
            left=replace(old.left, filter=data["left_filter"]),
            right=replace(old.right, filter=data["right_filter"]),
            direction=data["direction"],
            leaving=data["leaving"],
            conflict_policy=data["conflicts"],
            delete_policy=data["deletes"],
            marker=(data["left_marker"], data["right_marker"]),
            guards=data["guards_document"],
        )


class ScheduleForm(forms.Form):
    """Its name, and when it runs by itself."""

    name = forms.SlugField(label=gettext_lazy("Name"), allow_unicode=True, max_length=100)
    every_minutes = forms.IntegerField(label=gettext_lazy("Every … minutes"), required=False, min_value=1)
    cron = forms.CharField(
        label=gettext_lazy("or cron line"), required=False, help_text=gettext_lazy("“0 7 * * 1-5”: at 7 on weekdays")
    )
    schedule_paused = forms.BooleanField(label=gettext_lazy("Schedule paused"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("every_minutes") and data.get("cron"):
            self.add_error("cron", _("Say either minutes or a cron line, not both."))
        try:
            check_cron(data.get("cron") or "")
        except BadDocument as e:
            self.add_error("cron", str(e))
        return data

    def changing(self, old: Definition) -> Definition:
        """Return the definition with what this form says. Only after `is_valid`."""
        data = self.cleaned_data
        schedule = Schedule(data["every_minutes"], data["cron"], data["schedule_paused"])
        return replace(old, name=data["name"], schedule=schedule)


def policies_initial(said: Definition) -> dict[str, Any]:
    """Return what `PoliciesForm` shows of a definition."""
    guards = said.guards
    return {
        "direction": said.direction,
        "left_filter": said.left.filter,
        "right_filter": said.right.filter,
        "leaving": said.leaving,
        "conflicts": said.conflict_policy,
        "deletes": said.delete_policy,
        "left_marker": said.marker[0],
        "right_marker": said.marker[1],
        "guards": "default" if guards is None else "own" if guards else "off",
        **{f"guard_{key}": value for key, value in (guards or {}).items()},
    }


def schedule_initial(said: Definition) -> dict[str, Any]:
    """Return what `ScheduleForm` shows of a definition."""
    when = said.schedule
    return {"name": said.name, "every_minutes": when.minutes, "cron": when.cron, "schedule_paused": when.paused}
