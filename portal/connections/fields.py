"""The form field for each type of setting a connector may declare. The rule: a secret never has an initial value."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from connectors.types import Setting
from portal.connections.regions import REGIONS
from portal.ui.wording import translated

TRUE, FALSE = "true", "false"  # how a yes or no is stored: settings are text


class AddressField(forms.CharField):
    """The address of a server: http(s), a host name of any form, no credentials inside. Without a scheme it is https."""

    widget = forms.URLInput(attrs={"class": "vURLField", "size": 60})

    def clean(self, value: str) -> str:
        text = super().clean(value)
        if not text:
            return ""
        text = text if "://" in text else f"https://{text}"
        try:
            parts = urlsplit(text)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            known = False
        if not known or " " in text:
            raise ValidationError(_("Enter the address of the server, for example https://crm.example.com."))
        if parts.username or parts.password or parts.query:
            raise ValidationError(_("Enter the address alone, without a user, a password or a “?”."))
        return text


class YesNoField(forms.BooleanField):
    """A yes or no, as text."""

    def clean(self, value: object) -> str:
        return TRUE if super().clean(value) else FALSE

    def prepare_value(self, value: object) -> bool:
        return value in (True, TRUE, "on", "1")


def field_of(setting: Setting, *, kept: bool) -> forms.Field:
    """Return the form field of a setting. `kept` says a secret is stored: leaving it empty keeps it."""
    label, help = translated(setting.label), translated(setting.help)
    if setting.secret:
        return _secret_field(label, help, kept=kept, required=setting.required and not kept)
    required = setting.required and not setting.default
    common: dict[str, Any] = {"label": label, "help_text": help, "required": required}
    if setting.type == "url":
        return AddressField(**common)
    if setting.type == "longtext":
        return forms.CharField(**common, widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4}))
    if setting.type == "boolean":
        return YesNoField(label=label, help_text=help, required=False)
    if setting.type in ("choice", "time_zone", "region"):
        return forms.ChoiceField(choices=_choices(setting, required), **common)
    return forms.CharField(**common, widget=forms.TextInput(attrs={"class": "vTextField"}))


def _secret_field(label: str, help: str, *, kept: bool, required: bool) -> forms.Field:
    attributes = {"class": "vTextField", "autocomplete": "new-password", "spellcheck": "false"}
    if kept:
        attributes["placeholder"] = _("•••••••• kept; type to replace")
    widget = forms.PasswordInput(attrs=attributes, render_value=False)
    return forms.CharField(label=label, help_text=help, required=required, widget=widget)


def _choices(setting: Setting, required: bool) -> list[tuple[str, str]]:
    if setting.type == "time_zone":
        return [(zone, zone.replace("_", " ")) for zone in time_zones()]
    if setting.type == "region":
        return [(code, f"{code} · {name}") for code, name in REGIONS.items()]
    choices = [(choice.value, translated(choice.label)) for choice in setting.choices]
    return choices if required or setting.default else [("", "—"), *choices]


def time_zones() -> list[str]:
    """Return the names of all time zones, UTC first."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]
