"""Which records are one, what both sides last agreed on, what was looked at before anything was sent, and which mappings run
together."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.mappings.models import Mapping
from portal.records.models import Mirror


class Link(models.Model):
    """These two records are one, for ever. Shared by all mappings of the pair of modules, whichever side they call left:
    here `left_mirror` is always the one with the smaller number. An empty id is a create under way (intent first)."""

    class State(models.TextChoices):
        PENDING = "pending", _("being created")
        LINKED = "linked", _("linked")
        RETIRED = "retired", _("retired")  # undone: neither made, deleted nor matched again until a person says so

    left_mirror = models.ForeignKey(Mirror, models.CASCADE, related_name="+")
    left_id = models.CharField(max_length=200, blank=True)
    right_mirror = models.ForeignKey(Mirror, models.CASCADE, related_name="+")
    right_id = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.LINKED)
    made_by_entry = models.BigIntegerField(null=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["left_mirror", "left_id", "right_mirror"], condition=~Q(left_id=""), name="link_left_once"
            ),
            models.UniqueConstraint(
                fields=["right_mirror", "right_id", "left_mirror"], condition=~Q(right_id=""), name="link_right_once"
            ),
            models.CheckConstraint(condition=~(Q(left_id="") & Q(right_id="")), name="link_has_a_side"),
            models.CheckConstraint(condition=Q(left_mirror__lt=F("right_mirror")), name="link_sides_in_order"),
        ]


class Base(models.Model):
    """What both sides last agreed on for one mapping: rule uuid -> [value of the mapping's left side, of its right side],
    each as its own server stores it."""

    link = models.ForeignKey(Link, models.CASCADE, related_name="bases")
    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="+")
    values = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "mapping"], name="base_once")]


class Checkpoint(models.Model):
    """The mirror version up to which a mapping was carried out. `mapping_version`: a newer one plans everything again."""

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="checkpoints")
    mirror = models.ForeignKey(Mirror, models.CASCADE, related_name="+")
    version = models.BigIntegerField(default=0)
    mapping_version = models.PositiveIntegerField(default=0)
    keyed = models.BigIntegerField(default=0)  # the mirror version up to which match keys are known
    reset_at = models.DateTimeField(null=True)  # when a person had what was agreed on forgotten

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "mirror"], name="checkpoint_once")]


class MatchKey(models.Model):
    """By what a record would be recognised, as one mapping sees it: found by index, not by reading the mirror. `due`: plan
    the record again though its copy did not change, because a holder of its key did or because its time has come."""

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="+")
    mirror = models.ForeignKey(Mirror, models.CASCADE, related_name="+")
    record_id = models.CharField(max_length=200)
    key = models.CharField(max_length=32, blank=True)  # digest of the normalised key; "" for none or a deleted record
    inside = models.BooleanField(default=True)  # passes its side's filter
    due = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "mirror", "record_id"], name="match_key_record")]
        indexes = [
            models.Index(fields=["mapping", "key"], name="match_key_key", condition=~Q(key="")),
            models.Index(fields=["mapping", "mirror"], name="match_key_due", condition=Q(due=True)),
        ]


class Preview(models.Model):
    """What was found in the copies of both sides by one version of a mapping, counted: what a run would do with every record
    (kind "plan"; the last few are kept), or which records may be one ("matches"; the last). `stamp` says as of what, and
    `read_at` when each CRM had last been asked. A running one whose lease is free has died."""

    class Kind(models.TextChoices):
        PLAN = "plan", _("preview")
        MATCHES = "matches", _("match review")

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting for a worker")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="previews")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PLAN)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    samples = models.JSONField(default=dict)  # kind -> some of these records
    stamp = models.JSONField(default=dict)
    read_at = models.JSONField(default=dict)  # side -> UTC ISO
    stop_requested = models.BooleanField(default=False)
    message = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)  # how often somebody began with it

    class Meta:
        ordering = ["-pk"]

    OPEN = (State.QUEUED, State.RUNNING)

    @property
    def goes_on(self) -> bool:
        """Say whether it has not ended, as far as is written down."""
        return self.state in self.OPEN


class SyncSet(models.Model):
    """Mappings that run together, as one plan with one approval. In which order follows from what refers to what."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(_("name"), max_length=100, unique=True, allow_unicode=True)
    mappings = models.ManyToManyField(Mapping, related_name="sync_sets", verbose_name=_("mappings"))
    every_minutes = models.PositiveIntegerField(_("every … minutes"), null=True, blank=True)
    cron = models.CharField(_("cron line"), max_length=100, blank=True)
    schedule_paused = models.BooleanField(_("schedule paused"), default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("sync set")
        verbose_name_plural = _("sync sets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Unmatched(models.Model):
    """A record that a review found without one sure partner; `best` is the score of its likeliest one, 0 for none."""

    class Why(models.TextChoices):
        NONE = "none", _("no partner by the match key")
        SEVERAL = "several", _("several records hold its match key")
        TAKEN = "taken", _("its match key belongs to a linked record")
        WITHOUT = "without", _("no match key")

    review = models.ForeignKey(Preview, models.CASCADE, related_name="unmatched")
    side = models.CharField(max_length=5)  # left, right
    record_id = models.CharField(max_length=200)
    label = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=10, choices=Why)
    best = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "side", "record_id"], name="unmatched_record")]
        indexes = [models.Index(fields=["review", "side", "-best", "id"], name="unmatched_best")]


class MatchCandidate(models.Model):
    """Two records that may be one: one of each side, or (`within`) doubles of one. Each review writes anew what is open; what a
    person said stays."""

    class State(models.TextChoices):
        OPEN = "open", _("to decide")
        ACCEPTED = "accepted", _("one")
        REJECTED = "rejected", _("not the same")
        UNLIKE = "unlike", _("same key, yet unlike")  # a run takes them for one

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="+")
    within = models.CharField(max_length=5, blank=True)  # "", left, right
    left_id = models.CharField(max_length=200)
    right_id = models.CharField(max_length=200)
    score = models.PositiveSmallIntegerField()  # 0 to 100
    reasons = models.JSONField(default=list)  # codes of what speaks for it
    doubts = models.JSONField(default=list)  # and against it
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    review = models.ForeignKey(Preview, models.SET_NULL, null=True, related_name="+")  # that found it last
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mapping", "within", "left_id", "right_id"], name="match_candidate_once")
        ]
        indexes = [
            models.Index(fields=["mapping", "within", "right_id"], name="match_candidate_right"),
            models.Index(fields=["mapping", "within", "state", "-score"], name="match_candidate_score"),
        ]


class Reconciliation(models.Model):
    """How two sides compared, read afresh; the last few of a mapping are kept. `counts`: kind -> reason -> records; `listed`: the
    first of those that are not equal; `place` is how far the comparison has come. One that is open and whose lease is free goes on by
    itself."""

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="reconciliations")
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=Preview.State, default=Preview.State.QUEUED)
    phase = models.CharField(max_length=10, blank=True)  # "left", "right": being read; "compare"
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    place = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    listed = models.JSONField(default=list)
    stop_requested = models.BooleanField(default=False)
    message = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # a CRM asked to wait
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)  # worked, not waited
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(state__in=["queued", "running"]), name="reconciliation_one_open"
            )
        ]

    @property
    def goes_on(self) -> bool:
        """Say whether it has not ended."""
        return self.state in Preview.OPEN
