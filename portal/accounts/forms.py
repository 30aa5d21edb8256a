"""What a person may choose for themselves."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User


class LanguageAndZone(forms.ModelForm):  # type: ignore[type-arg]
    """The choices of the two preferences that a model cannot list: languages and time zones."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "language" in self.fields:
            self.fields["language"].choices = [("", _("as the browser asks")), *settings.LANGUAGES]  # type: ignore[attr-defined]
        if "time_zone" in self.fields:
            zones = [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if zone != "localtime"]
            self.fields["time_zone"].choices = [("", _("as the portal: %s") % settings.TIME_ZONE), *zones]  # type: ignore[attr-defined]


class PreferencesForm(LanguageAndZone):
    """A person's own page."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email", "language", "time_zone", "calendar")


class UserForm(LanguageAndZone, UserChangeForm):  # type: ignore[type-arg]
    """The administrators' page of a person."""

    class Meta(UserChangeForm.Meta):
        model = User
        fields = "__all__"


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A new person: name and password first, as everywhere in Django's admin."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
