"""Which records are one, and what both sides last agreed on."""

from __future__ import annotations

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "mirror"], name="checkpoint_once")]
