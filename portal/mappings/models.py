"""Which records and fields become which. Every save is a new version; a run keeps the version it began with."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.connections.models import Connection


class Mapping(models.Model):
    """Two modules of two connections. What is said about them is in the versions; `version` is the live one, by which runs
    go: 0 as long as there is none. Later ones are drafts."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(_("name"), max_length=100, unique=True, allow_unicode=True)
    left_connection = models.ForeignKey(Connection, models.PROTECT, related_name="+", verbose_name=_("left connection"))
    left_module = models.CharField(_("left module"), max_length=200)
    right_connection = models.ForeignKey(
        Connection, models.PROTECT, related_name="+", verbose_name=_("right connection")
    )
    right_module = models.CharField(_("right module"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ACTIVE)
    paused_reason = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(_("live version"), default=0)
    every_minutes = models.PositiveIntegerField(_("every … minutes"), null=True, blank=True)
    cron = models.CharField(
        _("cron line"), max_length=100, blank=True, help_text=_("Instead of minutes: “0 7 * * 1-5”.")
    )
    schedule_paused = models.BooleanField(_("schedule paused"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("mapping")
        verbose_name_plural = _("mappings")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Say whether it may run at all: a version was made live once."""
        return self.version > 0


class MappingVersion(models.Model):
    """What a mapping says, as saved once; never changed afterwards."""

    class Direction(models.TextChoices):
        LEFT_TO_RIGHT = "left-to-right", _("left to right")
        RIGHT_TO_LEFT = "right-to-left", _("right to left")
        BOTH = "both", _("both ways")

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    direction = models.CharField(_("direction"), max_length=15, choices=Direction)
    match = models.JSONField(_("match key"), default=list)  # [{"left": "email", "right": "email"}]
    left_filter = models.TextField(_("left filter"), blank=True)
    right_filter = models.TextField(_("right filter"), blank=True)
    conflict_policy = models.CharField(max_length=10, default="left")  # left, right, newest, ask
    delete_policy = models.CharField(max_length=10, default="ignore")  # ignore, mark, delete
    leaving = models.CharField(max_length=10, default="stop")  # a linked record that leaves its filter: stop, keep
    left_marker = models.CharField(max_length=200, blank=True)  # where a new record's origin is written on that side
    right_marker = models.CharField(max_length=200, blank=True)
    guards = models.JSONField(
        null=True
    )  # None: the defaults; {}: off; {"creates": 50, "deletes": "5%", "changes": "20%"}
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)
    saved_at = models.DateTimeField(auto_now_add=True)
    live_at = models.DateTimeField(_("made live"), null=True)
    live_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["mapping", "number"], name="mapping_version_number")]


class FieldRule(models.Model):
    """What becomes of one field. `uuid` stays the same over versions, so that bases and ledger survive edits. One with an
    `outer` rule says what becomes of a field of each line."""

    class Source(models.TextChoices):
        VALUE = "value", _("fixed value")
        FIELD = "field", _("field")
        EXPRESSION = "expression", _("expression")
        REFERENCE = "reference", _("linked record")
        LINES = "lines", _("lines")

    version = models.ForeignKey(MappingVersion, models.CASCADE, related_name="rules")
    outer = models.ForeignKey("self", models.CASCADE, null=True, related_name="lines")
    uuid = models.UUIDField(default=uuid.uuid4)
    position = models.PositiveIntegerField(default=0)
    source = models.CharField(_("source"), max_length=12, choices=Source, default=Source.FIELD)
    left = models.CharField(_("left field"), max_length=200, blank=True)
    right = models.CharField(_("right field"), max_length=200, blank=True)
    value = models.JSONField(_("value"), null=True, blank=True)  # canonical, for source "value"
    expression = models.TextField(_("expression"), blank=True)
    linked = models.UUIDField(null=True)  # the mapping that says which referred record is which, for source "reference"
    table = models.UUIDField(null=True)  # the value table the value goes through
    direction = models.CharField(max_length=15, blank=True)  # "": as the mapping
    only_on_create = models.BooleanField(default=False)
    may_clear = models.BooleanField(_("may clear"), default=False)
    policy = models.CharField(max_length=10, blank=True)  # "": as the mapping
    compare = models.CharField(max_length=20, blank=True)  # normalisation for compare

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["version", "uuid"], name="field_rule_uuid")]


class ValueTable(models.Model):
    """Which value of one CRM is which of the other, by name; used by rules of any mapping."""

    class Unlisted(models.TextChoices):
        ERROR = "error", _("do not carry the record over")
        KEEP = "keep", _("keep the value as it is")
        DEFAULT = "default", _("use the default")
        APPEND = "append", _("add it to the other side’s list")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(_("name"), max_length=100, unique=True, allow_unicode=True)
    description = models.CharField(_("what it is for"), max_length=200, blank=True)
    unlisted = models.CharField(
        _("a value that stands in no row"), max_length=10, choices=Unlisted, default=Unlisted.ERROR
    )
    default_left = models.CharField(_("default on the left"), max_length=500, blank=True)
    default_right = models.CharField(_("default on the right"), max_length=500, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("value table")
        verbose_name_plural = _("value tables")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ValuePair(models.Model):
    """One row of a value table, as both CRMs store the value."""

    table = models.ForeignKey(ValueTable, models.CASCADE, related_name="pairs")
    position = models.PositiveIntegerField(default=0)
    left = models.CharField(_("left"), max_length=500, blank=True)
    right = models.CharField(_("right"), max_length=500, blank=True)

    class Meta:
        ordering = ["position", "id"]
