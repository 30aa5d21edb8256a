"""The connection form, built from what the connector declares. The rule: a secret goes in and never comes out again, and
one stored for a host is not sent to another: changing the host asks for all of them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from connectors.base import Connector
from connectors.types import Identity, Setting
from portal.connections.account import account_of, is_kept
from portal.connections.crypto import Sealed
from portal.connections.fields import field_of
from portal.connections.models import Connection

MOST_PARALLEL = 64  # each is a thread and a socket
SAME_DATA, OTHER_CRM = "yes", "no"
PREFIX = "setting_"  # before the name of a declared setting, so that none meets a column's


@dataclass(frozen=True, slots=True)
class Kept:
    """Secrets that may be left empty in the form, and the host settings they belong to."""

    secrets: Sealed = field(default_factory=Sealed)
    host: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, connector: type[Connector], connection: Connection | None) -> Kept:
        """Return what is stored; nothing for a new connection, or when no key opens it any more: then all is asked again."""
        if connection is None:
            return cls()
        try:
            return cls(connection.open_secrets(), host_of(connector, connection.settings))
        except ImproperlyConfigured:
            return cls()


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """All of one connection but `writable`, which has a page of its own. After validation, `instance.settings` and
    `secrets` hold what was entered; `asks_account` says that `same_data` had to be answered."""

    same_data = forms.ChoiceField(
        label=gettext_lazy("What is there now?"),
        choices=[
            (SAME_DATA, gettext_lazy("The same data, under a new address or with new credentials.")),
            (OTHER_CRM, gettext_lazy("Another CRM. All that is kept here of the old one’s records is forgotten.")),
        ],
        required=False,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Ids begin anew in every CRM: were the copies and links of one taken for another’s, wrong records would be"
            " overwritten. Forgotten are the copies and which records are linked; the mappings of this connection are"
            " paused, and find their partners anew when you resume them. Nothing changes in the CRMs themselves."
        ),
    )

    class Meta:
        model = Connection
        fields = ("name", "allow_http", "ca_bundle", "calls_per_minute", "calls_per_day", "max_parallel")
        help_texts = {
            "name": gettext_lazy("A short name of your own for this account: “sales”, “vtiger-berlin”."),
            "allow_http": gettext_lazy(
                "Off: only https, but for servers in CRM_ALLOWED_NETWORKS. On: passwords may cross the network readably."
            ),
            "calls_per_minute": gettext_lazy("Empty: no limit. A fifth of each limit is kept for people."),
            "calls_per_day": gettext_lazy("Empty: no limit. The day begins at midnight UTC."),
            "max_parallel": gettext_lazy("By all processes together. Fewer is gentler on the CRM, more is faster."),
        }
        widgets = {"ca_bundle": forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4, "spellcheck": "false"})}

    def __init__(self, connector: type[Connector], *args: Any, kept: Kept, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector = connector
        self.kept = kept
        self.secrets = Sealed()
        self.asks_account = False
        self.account = self._stored_account()
        self.fields["name"].widget.attrs["class"] = "vTextField"
        for name in ("calls_per_minute", "calls_per_day", "max_parallel"):
            self.fields[name].widget.attrs |= {"min": 1, "class": "vIntegerField"}
        for setting in connector.settings:
            self.fields[PREFIX + setting.name] = field_of(setting, kept=bool(kept.secrets.get(setting.name)))
            if not setting.secret:
                stored = self.instance.settings.get(setting.name)
                self.initial[PREFIX + setting.name] = setting.default if stored is None else stored

    @classmethod
    def of(
        cls,
        connector: type[Connector],
        before: Connection | None,
        columns: Mapping[str, Any],
        values: Mapping[str, str],
    ) -> ConnectionForm:
        """Return the form filled in by a command or a file: what is given over what is stored or the default."""
        instance = before or Connection(connector=connector.slug)
        data: dict[str, Any] = {name: getattr(instance, name) for name in cls.Meta.fields} | dict(columns)
        for setting in connector.settings:
            stored = instance.settings.get(setting.name)
            data[PREFIX + setting.name] = values.get(
                setting.name, "" if setting.secret else setting.default if stored is None else stored
            )
        return cls(connector, data, instance=instance, kept=Kept.of(connector, before))

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        settings = {s.name: data.get(PREFIX + s.name) or "" for s in self.connector.settings if not s.secret}
        entered = {s.name: data.get(PREFIX + s.name) or "" for s in self.connector.settings if s.secret}
        self._ask_again(settings, entered)
        self.secrets = Sealed({name: text or self.kept.secrets.get(name, "") for name, text in entered.items()})
        self.instance.settings = settings
        if self.account is not None and self.account != account_of(self.connector, {**settings, **self.secrets}):
            self.ask_account()
        return data

    @property
    def is_other_crm(self) -> bool:
        """Say whether the valid form makes the connection one to another CRM, of whose records nothing is kept."""
        return self.asks_account and self.cleaned_data.get("same_data") == OTHER_CRM

    def ask_account(self) -> None:
        """Ask whose data is there now, if any is kept here; the form is not valid until that is said."""
        self.asks_account = self.instance.pk is not None and is_kept(self.instance)
        if self.asks_account and not self.cleaned_data.get("same_data"):
            text = _("This may be another CRM now, and records of the old one are kept here. Say which it is.")
            self.add_error("same_data", text)

    def heed(self, told: Identity) -> bool:
        """Take in who the CRM says we are; ask when that is another account than it was. Return whether that is answered."""
        was = self.instance.identity.get("account")
        if was and told.account and was != told.account and not self.asks_account:
            self.ask_account()
        return self.is_valid()

    def clean_ca_bundle(self) -> str:
        text = str(self.cleaned_data["ca_bundle"]).strip()
        if text:
            try:
                ssl.create_default_context(cadata=text)
            except (ssl.SSLError, ValueError):
                raise ValidationError(
                    _("This is no list of certificates in PEM form (-----BEGIN CERTIFICATE-----).")
                ) from None
        return text

    def clean_calls_per_minute(self) -> int | None:
        return self._at_least_one("calls_per_minute")

    def clean_calls_per_day(self) -> int | None:
        return self._at_least_one("calls_per_day")

    def clean_max_parallel(self) -> int | None:
        value = self._at_least_one("max_parallel")
        if value is not None and value > MOST_PARALLEL:
            raise ValidationError(_("At most %(most)d."), params={"most": MOST_PARALLEL})
        return value

    def differing(self, before: Connection) -> list[str]:
        """Return the names of the form's fields that differ from a stored row."""
        names = [name for name in self.Meta.fields if getattr(before, name) != getattr(self.instance, name)]
        old = {**before.settings, **Kept.of(self.connector, before).secrets}
        new = {**self.instance.settings, **self.secrets}
        for s in self.connector.settings:
            if (old.get(s.name) or s.default) != (new.get(s.name) or s.default):
                names.append(PREFIX + s.name)
        return names

    def own_rows(self) -> list[forms.BoundField]:
        """Return the fields the connector declared, in its order, for the template."""
        return [self[PREFIX + setting.name] for setting in self.connector.settings]

    def _at_least_one(self, name: str) -> int | None:
        value: int | None = self.cleaned_data[name]
        if value is not None and value < 1:
            raise ValidationError(_("At least 1, or empty."))
        return value

    @sensitive_variables()
    def _stored_account(self) -> Sealed | None:
        """Return whose records the stored connection leads to; None for a new one."""
        if self.instance.pk is None:
            return None
        stored = Kept.of(self.connector, self.instance)
        return account_of(self.connector, {**self.instance.settings, **stored.secrets})

    @sensitive_variables()
    def _ask_again(self, settings: Mapping[str, str], entered: Mapping[str, str]) -> None:
        """Refuse stored secrets for another host than the one they were entered for."""
        if host_of(self.connector, settings) == dict(self.kept.host):
            return
        for name, text in entered.items():
            if self.kept.secrets.get(name) and not text:
                self.add_error(PREFIX + name, _("The address of the CRM was changed: enter this again."))


def host_of(connector: type[Connector], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that say where secrets are sent."""
    return {s.name: (settings.get(s.name) or s.default).rstrip("/") for s in connector.settings if s.is_host}


def setting_of(connector: type[Connector], name: str) -> Setting | None:
    """Return the declared setting of that name, or None."""
    return next((setting for setting in connector.settings if setting.name == name), None)
