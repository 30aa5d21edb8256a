"""When somebody wants a mail about the calls to a CRM. Written by people in the admin, never by the portal itself."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.connections.models import Connection


class CallAlert(models.Model):
    """A mail when a connection's calls of a period reach a part of a number, or when so many of them failed."""

    class Kind(models.TextChoices):
        USAGE = "usage", _("calls in all")
        FAILED = "failed", _("failed calls")

    class Period(models.TextChoices):
        HOUR = "hour", _("an hour")
        DAY = "day", _("a day")
        MONTH = "month", _("a month")

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="alerts", verbose_name=_("connection"), db_index=False
    )
    kind = models.CharField(_("what is counted"), max_length=10, choices=Kind, default=Kind.USAGE)
    calls = models.PositiveIntegerField(
        _("calls"), validators=[MinValueValidator(1)], help_text=_("The CRM’s limit, or how many may fail.")
    )
    period = models.CharField(
        _("in"), max_length=10, choices=Period, default=Period.DAY, help_text=_("Periods begin by the clock in UTC.")
    )
    percent = models.PositiveSmallIntegerField(
        _("at … %"), default=80, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("mail to")
    )
    address = models.EmailField(_("or to this address"), blank=True)

    class Meta:
        verbose_name = _("call alert")
        verbose_name_plural = _("call alerts")
        ordering = ["connection__name", "kind", "period"]
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "period"], name="call_alert_once")]

    def __str__(self) -> str:
        return f"{self.connection} · {self.get_kind_display()} · {self.get_period_display()}"

    @property
    def threshold(self) -> int:
        """Return the number of calls from which on it is told, at least one."""
        return max(1, -(-self.calls * self.percent // 100))

    @property
    def recipient(self) -> str:
        """Return the address to write to, "" when its user has none any more."""
        return self.address or (self.user.email if self.user else "")

    def clean(self) -> None:
        if not self.recipient:
            raise ValidationError(_("Choose a user who has an e-mail address, or give an address."))
