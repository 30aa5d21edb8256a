"""Finds what a command names: a connection by its name, a value in the environment. Wrong use says what there is."""

from __future__ import annotations

import os
from collections.abc import Mapping

from django.utils.translation import gettext as _

from portal.connections.models import Connection
from portal.ui.command import WrongUse

FROM_ENVIRONMENT = "env:"


def connection_named(name: str) -> Connection:
    """Return the connection. Raises WrongUse naming the ones there are."""
    found = Connection.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Connection.objects.values_list("name", flat=True)) or _("none yet")
        raise WrongUse(_("There is no connection “%(name)s”. There are: %(known)s.") % {"name": name, "known": known})
    return found


def resolved(value: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the value, or the environment's for `env:NAME`. Raises WrongUse when that is not set or empty."""
    if not value.startswith(FROM_ENVIRONMENT):
        return value
    variable = value.removeprefix(FROM_ENVIRONMENT)
    if not environment.get(variable):
        raise WrongUse(_("The environment has no variable “%(variable)s”, or it is empty.") % {"variable": variable})
    return environment[variable]
