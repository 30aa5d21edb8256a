"""The form of a sync set: its name, its mappings, and when it runs by itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from portal.mappings.definition import Schedule
from portal.mappings.forms import ScheduleForm
from portal.mappings.models import Mapping
from portal.sync.sets.save import SaidSet


class SetForm(ScheduleForm):
    """What is said about a set."""

    mappings = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Mappings"),
        queryset=Mapping.objects.select_related("left_connection", "right_connection"),
        widget=forms.CheckboxSelectMultiple,
        to_field_name="name",
        error_messages={"required": gettext_lazy("Choose at least one mapping.")},
        help_text=gettext_lazy("In which order they run follows from which refers to which."),
    )
    field_order = ("name", "mappings", "every_minutes", "cron", "schedule_paused")

    def said(self) -> SaidSet:
        """Return what the form says. Only after `is_valid`."""
        data = self.cleaned_data
        schedule = Schedule(data["every_minutes"], data["cron"], data["schedule_paused"])
        return SaidSet(data["name"], frozenset(mapping.name for mapping in data["mappings"]), schedule)


def set_initial(said: SaidSet) -> dict[str, Any]:
    """Return what the form shows of a set."""
    return {
        "name": said.name,
        "mappings": sorted(said.mappings),
        "every_minutes": said.schedule.minutes,
        "cron": said.schedule.cron,
        "schedule_paused": said.schedule.paused,
    }
