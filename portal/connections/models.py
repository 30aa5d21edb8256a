"""Accounts at CRMs, and what was asked of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from connectors import CONNECTORS, connector_class
from portal.connections.crypto import Sealed, SealedField, SealedToken


class Connection(models.Model):
    """One account at one vendor: connector, settings, sealed secrets, limits. `name` is what commands and files use."""

    class Check(models.TextChoices):
        UNKNOWN = "unknown", _("not tested")
        OK = "ok", _("works")
        FAILED = "failed", _("failed")

    name = models.SlugField(_("name"), max_length=60, unique=True, allow_unicode=True)
    connector = models.CharField(_("CRM"), max_length=40)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    secrets = SealedField(_("credentials"), default=dict)
    writable = models.BooleanField(
        _("writing allowed"),
        default=False,
        help_text=_("Off: nothing in this CRM can be changed from here, by nobody."),
    )
    writable_changed_at = models.DateTimeField(_("writing allowed or forbidden at"), null=True, editable=False)
    writable_changed_by = models.CharField(
        _("writing allowed or forbidden by"), max_length=150, blank=True, default="", editable=False
    )
    allow_http = models.BooleanField(_("allow plain http"), default=False)
    ca_bundle = models.TextField(
        _("own CA certificates"), blank=True, help_text=_("PEM. Only for a server with a certificate of your own CA.")
    )
    calls_per_minute = models.PositiveIntegerField(_("calls per minute"), null=True, blank=True)
    calls_per_day = models.PositiveIntegerField(_("calls per day"), null=True, blank=True)
    max_parallel = models.PositiveSmallIntegerField(_("calls at the same time"), default=4)
    learned = models.JSONField(_("learned about this server"), default=dict, blank=True, editable=False)
    check_state = models.CharField(_("state"), max_length=10, choices=Check, default=Check.UNKNOWN, editable=False)
    check_message = models.TextField(blank=True, editable=False)
    checked_at = models.DateTimeField(_("last tested"), null=True, editable=False)
    identity = models.JSONField(default=dict, editable=False)
    token_expires_at = models.DateTimeField(_("credentials expire"), null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["name"]
        permissions = [("write_records", _("Can create, change and delete records in CRMs"))]

    def __str__(self) -> str:
        return self.name

    @property
    def crm(self) -> str:
        """Return the CRM's own name; the slug for a connector that is no longer there."""
        return connector_class(self.connector).label if self.connector in CONNECTORS else self.connector

    def open_secrets(self) -> Sealed:
        """Return the unsealed secrets."""
        value: Any = self.secrets
        return value.open() if isinstance(value, SealedToken) else Sealed(value)


class Session(models.Model):
    """A login kept for all processes, sealed. `slot` tells several sessions of one connection apart."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    slot = models.CharField(max_length=20)
    token = SealedField(default=dict)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "slot"], name="session_slot")]


class Lock(models.Model):
    """Who may log in now, or holds one of the places for calls at the same time. Expires by the database's clock."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    name = models.CharField(max_length=20)  # "login", "call-0", "call-1" …
    holder = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="connection_lock")]


class Spent(models.Model):
    """How many calls were made in a window of time; people and background work share it."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    window = models.CharField(max_length=6, choices=[("minute", "minute"), ("day", "day")])
    starts_at = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "window", "starts_at"], name="spent_window")]


class Call(models.Model):
    """One request that was sent: what, when, how it ended. Never a secret, never a value."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="calls", verbose_name=_("connection"))
    at = models.DateTimeField(_("at"))
    operation = models.CharField(_("operation"), max_length=60)
    method = models.CharField(_("method"), max_length=8)
    writes = models.BooleanField(_("writes"), default=False)
    status = models.PositiveSmallIntegerField(_("HTTP status"), default=0)  # 0: no answer came
    ms = models.PositiveIntegerField(_("ms"), default=0)
    sent_bytes = models.PositiveIntegerField(_("bytes sent"), default=0)
    received_bytes = models.PositiveIntegerField(_("bytes received"), default=0)
    error = models.CharField(_("error"), max_length=60, blank=True)
    purpose = models.CharField(_("purpose"), max_length=10, choices=[("person", _("a person")), ("sync", _("sync"))])
    run_id = models.BigIntegerField(_("run"), null=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        indexes = [
            models.Index(fields=["connection", "at"], name="call_connection_at"),
            models.Index(fields=["run_id"], name="call_run"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} · {self.at:%Y-%m-%d %H:%M:%S} UTC"


class KnownSchema(models.Model):
    """A module's fields as the CRM last described them; module "" holds the list of modules. `former`: as they were before the
    changes that are not over yet; `changes` counts the answers that were different; `doubted` is how many fields an answer
    held that was too short to be believed; in `notes` apps above keep how far they are with the changes."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    module = models.CharField(max_length=200)
    document = models.JSONField()
    read_at = models.DateTimeField()
    former = models.JSONField(null=True)
    changes = models.PositiveIntegerField(default=0)
    doubted = models.PositiveIntegerField(null=True)
    notes = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "module"], name="known_schema_module")]


class OwnerLabel(models.Model):
    """The name of an owner at a CRM, as the CRM tells it or as a person typed it."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="owner_labels", verbose_name=_("connection")
    )
    owner_id = models.CharField(_("owner id"), max_length=200)
    label = models.CharField(_("name"), max_length=200)
    typed = models.BooleanField(_("typed by a person"), default=False)

    class Meta:
        verbose_name = _("owner's name")
        verbose_name_plural = _("owners' names")
        constraints = [models.UniqueConstraint(fields=["connection", "owner_id"], name="owner_label_id")]

    def __str__(self) -> str:
        return self.label
