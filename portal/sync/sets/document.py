"""Documents that describe sync sets, read as strictly as those of mappings, and written as they are read."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.mappings.document import BadDocument, list_of, mapping_of, read_schedule, text_of
from portal.mappings.export import schedule_document
from portal.sync.sets.save import SaidSet

SET_KEYS = ("name", "mappings", "schedule")
NAME = re.compile(r"[-\w]{1,100}")  # what the model's slug field takes


def read_set(document: JSON, place: str) -> SaidSet:
    """Return the sync set that a document describes. Raises BadDocument with the place of what is wrong."""
    found: dict[str, Any] = mapping_of(document, place, SET_KEYS, ("name",))
    name = text_of(found["name"], f"{place}.name")
    if not NAME.fullmatch(name):
        text = _("“%(name)s” is no name: letters, digits, “-” and “_” only, 100 at most.") % {"name": name}
        raise BadDocument(f"{place}.name", text)
    listed = list_of(found.get("mappings"), f"{place}.mappings")
    names = frozenset(text_of(one, f"{place}.mappings[{number}]") for number, one in enumerate(listed))
    if not names:
        raise BadDocument(f"{place}.mappings", _("a sync set needs at least one mapping."))
    return SaidSet(name, names, read_schedule(found.get("schedule"), f"{place}.schedule"))


def set_document(said: SaidSet) -> dict[str, JSON]:
    """Return the sync set as a document."""
    schedule = schedule_document(said.schedule)
    return {"name": said.name, "mappings": sorted(said.mappings), **({"schedule": schedule} if schedule else {})}
