"""What is in the CRMs, as last seen. Written only by `records.store`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.connections.models import Connection


class Mirror(models.Model):
    """A module we keep a copy of. `version` counts what changed; it is taken inside the storing transaction, so its row
    lock orders commits and no checkpoint can jump a change."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="mirrors")
    module = models.CharField(_("module"), max_length=200)
    version = models.BigIntegerField(default=0)
    cursor = models.TextField(blank=True)  # the connector's; "" before the first complete reading
    reading = models.JSONField(default=dict)  # a full reading under way: where it is
    pulled_at = models.DateTimeField(_("last asked"), null=True)
    completed_at = models.DateTimeField(_("last read completely"), null=True)
    swept_at = models.DateTimeField(_("last swept for deletions"), null=True)  # when that sweep began
    sweep = models.JSONField(default=dict)  # a sweep under way: where it is
    records = models.PositiveIntegerField(_("records"), default=0)  # present ones
    codec = models.PositiveSmallIntegerField(
        default=0
    )  # of the last complete reading: an older one is read again in full
    analyzed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("mirror")
        verbose_name_plural = _("mirrors")
        constraints = [models.UniqueConstraint(fields=["connection", "module"], name="mirror_module")]

    def __str__(self) -> str:
        return f"{self.connection} · {self.module}"


class Copy(models.Model):
    """A record as last seen. `values` merges over what earlier answers carried: a field not carried keeps its last value."""

    class Deleted(models.TextChoices):
        NO = "", _("present")
        GONE = "gone", _("deleted, the CRM says so")
        MISSING = "missing", _("missing: a complete sweep did not find it")

    mirror = models.ForeignKey(
        Mirror, models.CASCADE, related_name="copies", db_index=False
    )  # copy_record begins with it
    record_id = models.CharField(max_length=200)
    values = models.JSONField()
    digest = models.BinaryField()  # blake2b-16 of the canonical values
    codec = models.PositiveSmallIntegerField()  # version of the spelling: a newer codec re-digests
    modified = models.CharField(max_length=30, blank=True)  # UTC ISO as the CRM told it, "" when it does not
    version = models.BigIntegerField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()  # when these values were first seen; an unchanged answer writes nothing
    deleted = models.CharField(max_length=10, blank=True, choices=Deleted, default=Deleted.NO)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("copy")
        verbose_name_plural = _("copies")
        constraints = [models.UniqueConstraint(fields=["mirror", "record_id"], name="copy_record")]
        indexes = [
            models.Index(fields=["mirror", "version"], name="copy_version"),
            models.Index(fields=["mirror", "-modified", "-record_id"], name="copy_newest", condition=Q(deleted="")),
        ]

    def __str__(self) -> str:
        return self.record_id


class SweptId(models.Model):
    """An id that the sweep under way has brought; they are forgotten when it ends."""

    pk = models.CompositePrimaryKey("mirror_id", "record_id")
    mirror = models.ForeignKey(Mirror, models.CASCADE, related_name="+", db_index=False)  # the key begins with it
    record_id = models.CharField(max_length=200)


class CopyChange(models.Model):
    """One change of a copy: field -> [before, after]. The first sight of a record is its copy's `first_seen`, no row here."""

    mirror = models.ForeignKey(
        Mirror, models.CASCADE, related_name="+", db_index=False
    )  # the constraint begins with it
    record_id = models.CharField(max_length=200)
    version = models.BigIntegerField()
    at = models.DateTimeField()
    changes = models.JSONField()
    deleted = models.CharField(max_length=10, blank=True)  # as Copy.deleted after this change
    run_id = models.BigIntegerField(null=True)  # our own write, or None when the CRM's side changed it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mirror", "record_id", "version"], name="copy_change_version")]
