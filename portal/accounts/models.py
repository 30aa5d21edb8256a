"""Who works with the portal."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person. `columns` keeps, per "connection/module", the columns of a record list in the person's order."""

    language = models.CharField(_("language"), max_length=10, blank=True)
    calendar = models.CharField(
        _("calendar"),
        max_length=10,
        default="gregorian",
        choices=[("gregorian", _("Gregorian")), ("jalali", _("Jalali"))],
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    columns = models.JSONField(_("columns of record lists"), default=dict, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        pass
