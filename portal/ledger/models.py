"""What was intended, sent and answered; and what is wrong now. Written only by `ledger.write` and `ledger.lease`.

The ledger lies below mappings and sync: it names a mapping by its uuid and a link by its number, never by a foreign key.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.connections.models import Connection


class Lease(models.Model):
    """Who works on something now ("mapping:<uuid>", "mirror:7"). `number` grows with every taking: a write made under an
    older number is refused (fencing). `expires_at` is by the database's clock; empty `host` means free."""

    name = models.CharField(max_length=80, unique=True)
    number = models.BigIntegerField(default=0)
    host = models.CharField(max_length=100, blank=True)
    boot_id = models.CharField(max_length=64, blank=True)
    pid = models.PositiveIntegerField(default=0)
    process_started = models.CharField(max_length=40, blank=True)
    taken_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One execution, from asking to its end. `state` is never a success by default."""

    class Kind(models.TextChoices):
        SYNC = "sync", _("sync")
        UNDO = "undo", _("undo")
        EDIT = "edit", _("edit")
        BULK = "bulk", _("bulk action")
        IMPORT = "import", _("import")
        WEBHOOK = "webhook", _("webhook")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        AWAITING_APPROVAL = "awaiting_approval", _("awaiting approval")
        POSTPONED = "postponed", _("postponed")
        INTERRUPTED = "interrupted", _("interrupted")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTLY_FAILED = "partly_failed", _("partly failed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (State.QUEUED, State.RUNNING, State.POSTPONED, State.INTERRUPTED)
    ENDED = (State.SUCCEEDED, State.PARTLY_FAILED, State.FAILED, State.CANCELLED)

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.QUEUED)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")  # a sync set's run
    sync_set = models.UUIDField(null=True)  # of a parent: whose run it is; its children have the mappings
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, related_name="undone_by")  # what it takes back
    keep_created = models.BooleanField(default=False)  # an undo that deletes nothing
    mapping = models.UUIDField(null=True)
    mapping_name = models.CharField(_("mapping"), max_length=100, blank=True)  # of a parent: the set's
    mapping_version = models.PositiveIntegerField(null=True)
    connection = models.ForeignKey(Connection, models.SET_NULL, null=True, related_name="+")  # kinds edit and bulk
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(_("started by"), max_length=150)  # a user name, "schedule", "command"
    trigger = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)
    not_before = models.DateTimeField(_("goes on at"), null=True)  # postponed until then
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approve_all = models.BooleanField(default=False)
    plan_only = models.BooleanField(default=False)  # stops at its plan, whatever the guards say
    anew = models.BooleanField(default=False)  # plans every linked record as if its source had changed
    stop_requested = models.BooleanField(default=False)
    phase = models.CharField(max_length=20, blank=True)  # "pull", "plan", "apply", "settle"
    position = models.JSONField(default=dict)  # where the next slice goes on
    done = models.PositiveIntegerField(default=0)  # progress of the phase
    total = models.PositiveIntegerField(null=True)
    counts = models.JSONField(default=dict)  # {"create": 3, …}
    pulled = models.PositiveIntegerField(default=0)  # records the CRMs sent: new, changed and unchanged ones
    calls = models.PositiveIntegerField(default=0)
    slices = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)  # worked, not waited
    message = models.TextField(blank=True)
    lease_number = models.BigIntegerField(default=0)
    beat_at = models.DateTimeField(null=True)  # last sign of life

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["mapping", "-id"], name="run_mapping"),
            models.Index(
                fields=["state"],
                name="run_open",
                condition=Q(state__in=["queued", "running", "postponed", "interrupted"]),
            ),
        ]
        constraints = [  # one open sync at a time per mapping, and per set: a second press of the button finds the first
            models.UniqueConstraint(
                fields=["mapping"],
                condition=Q(kind="sync", state__in=["queued", "running", "postponed", "interrupted"]),
                name="run_one_open_sync",
            ),
            models.UniqueConstraint(
                fields=["sync_set"],
                condition=Q(kind="sync", state__in=["queued", "running", "postponed", "interrupted"]),
                name="run_one_open_set",
            ),
            models.UniqueConstraint(
                fields=["mapping"],
                condition=Q(kind="undo", state__in=["queued", "running", "postponed", "interrupted"]),
                name="run_one_open_undo",
            ),
        ]

    def __str__(self) -> str:
        name = f"#{self.pk} {self.mapping_name or self.get_kind_display()}"
        if not self.undoes_id:
            return name
        return _("%(run)s, takes back #%(undone)d") % {"run": name, "undone": self.undoes_id}

    @property
    def is_plan(self) -> bool:
        """Say whether it stopped at its plan and nothing was approved yet: its counts are what it would do."""
        return self.state == Run.State.AWAITING_APPROVAL and self.approved_at is None


class Entry(models.Model):
    """What happened to one record in one run. Saved before the request, settled after it."""

    class Action(models.TextChoices):
        CREATE = "create", _("create")
        UPDATE = "update", _("update")
        DELETE = "delete", _("delete")
        SKIP = "skip", _("skip")
        CONFLICT = "conflict", _("conflict")
        BLOCKED = "blocked", _("blocked")
        APPEND = "append", _("add to the list")  # an entry that a pick list lacks: of no record

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        AWAITING = "awaiting", _("awaiting approval")
        SENT = "sent", _("sent")
        UNKNOWN = "unknown", _("outcome unknown")
        DONE = "done", _("done")
        STORED_DIFFERENTLY = "stored_differently", _("stored differently")
        FAILED = "failed", _("failed")
        PARKED = "parked", _("parked")
        BLOCKED = "blocked", _("blocked")
        CONFLICT = "conflict", _("conflict")
        REFUSED = "refused", _("refused")
        SKIPPED = "skipped", _("skipped")

    UNSETTLED = (State.PLANNED, State.SENT, State.UNKNOWN)
    WAITING = (
        State.FAILED,
        State.PARKED,
        State.BLOCKED,
        State.CONFLICT,
    )  # settled for this run; looked at again by later ones

    run = models.ForeignKey(Run, models.CASCADE, related_name="entries")
    number = models.PositiveIntegerField()  # order within the run
    action = models.CharField(_("action"), max_length=10, choices=Action)
    state = models.CharField(_("state"), max_length=20, choices=State)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")  # the target
    module = models.CharField(_("module"), max_length=200)
    record_id = models.CharField(_("record"), max_length=200, blank=True)  # "" until created
    source_connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="+")
    source_module = models.CharField(max_length=200, blank=True)
    source_id = models.CharField(_("from"), max_length=200, blank=True)
    label = models.CharField(max_length=200, blank=True)  # what a person calls the record
    mapping = models.UUIDField(null=True)
    mapping_version = models.PositiveIntegerField(null=True)
    link_id = models.BigIntegerField(null=True)
    rules = models.JSONField(default=list)  # uuids of the rules that made `intended`
    source_version = models.BigIntegerField(null=True)
    target_version = models.BigIntegerField(null=True)
    before = models.JSONField(default=dict)  # the target's values of the intended fields, as last seen
    intended = models.JSONField(default=dict)  # what we send
    base = models.JSONField(default=dict)  # rule uuid -> [left, right] to agree on once it is done
    stored = models.JSONField(default=dict)  # what the server then held
    reason = models.CharField(max_length=60, blank=True)  # a code: "no_match_key"
    message = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    superseded_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")  # a later entry took it up
    decision = models.JSONField(null=True)  # what a person chose about it while it waited: sync/choices/choice.py
    obeys = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")  # whose decision it carries out
    undoes = models.ForeignKey(  # what it takes back; indexed by entry_undoes
        "self", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    lease_number = models.BigIntegerField(default=0)
    actor = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="entry_number")]
        indexes = [
            models.Index(
                fields=["mapping", "state"],
                name="entry_open",
                condition=Q(superseded_by=None) & ~Q(state__in=["done", "skipped"]),
            ),
            models.Index(fields=["mapping", "id"], name="entry_decided", condition=Q(decision__isnull=False)),
            models.Index(fields=["connection", "module", "record_id"], name="entry_record"),
            models.Index(fields=["source_connection", "source_module", "source_id"], name="entry_source"),
            models.Index(fields=["undoes"], name="entry_undoes", condition=Q(undoes__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.module} {self.record_id or self.source_id}"


class AuditEntry(models.Model):
    """Who did what in the portal itself: changed a connection, allowed writing, approved a run. Never a secret."""

    at = models.DateTimeField(_("when"), auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("did"), max_length=60)
    object_type = models.CharField(_("kind of object"), max_length=60)
    object_id = models.CharField(max_length=200, blank=True)
    object_label = models.CharField(_("to"), max_length=200, blank=True)
    changes = models.JSONField(_("changes"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]


class Problem(models.Model):
    """Something that is wrong now: opened once, counted while it lasts, closed when it is over."""

    key = models.CharField(max_length=200)  # what makes it the same problem: "connection:3:auth"
    kind = models.CharField(_("kind"), max_length=40)
    connection = models.ForeignKey(
        Connection, models.CASCADE, null=True, related_name="problems", verbose_name=_("connection")
    )
    mapping = models.UUIDField(null=True)
    title = models.CharField(_("what is wrong"), max_length=200)
    detail = models.TextField(_("details"), blank=True)
    advice = models.TextField(_("what to do"), blank=True)
    opened_at = models.DateTimeField(_("since"), auto_now_add=True)
    last_seen_at = models.DateTimeField(_("last seen"), auto_now=True)
    times = models.PositiveIntegerField(_("times"), default=1)
    closed_at = models.DateTimeField(_("over since"), null=True)

    class Meta:
        verbose_name = _("problem")
        verbose_name_plural = _("problems")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["key"], condition=Q(closed_at=None), name="problem_open_once")]

    def __str__(self) -> str:
        return self.title
