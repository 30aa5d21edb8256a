"""Finds a mapping by the name a person typed. The rule: a name that is not there is answered with those that are."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.mappings.models import Mapping
from portal.ui.command import WrongUse


def mapping_named(name: str) -> Mapping:
    """Return the mapping of that name with its connections. Raises WrongUse naming those there are."""
    found = Mapping.objects.select_related("left_connection", "right_connection").filter(name=name).first()
    if found is None:
        known = ", ".join(Mapping.objects.values_list("name", flat=True)) or _("none yet")
        text = _("There is no mapping “%(name)s”. There are: %(known)s.")
        raise WrongUse(text % {"name": name, "known": known})
    return found
