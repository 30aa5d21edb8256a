"""A record on the page of what waits, as far as our copies know it; no CRM is asked."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.types import TEXT_TYPES
from portal.records.display import words
from portal.records.models import Copy
from portal.records.names import label
from portal.sync.inbox.known import Known, Module, Place
from portal.sync.lines import record_url

FEW = 4  # values that tell one candidate from the other


@dataclass(frozen=True, slots=True)
class Shown:
    """A record: its module in words, what it is called, its address, when it was changed last and by whom, and whether it is
    still there; `told` are some values that tell it from its like."""

    place: str
    id: str
    name: str
    url: str
    modified: str = ""
    by: str = ""
    deleted: str = ""
    told: str = ""


def shown(place: Place, id: str, known: Known) -> Shown:
    """Return the record of that id as far as our copies know it."""
    module, copy = known.modules[place], known.copies.get((*place, id))
    text = f"{module.connection.name} · {module.schema.module.label if module.schema else place[1]}"
    url = record_url(module.connection, place[1], id)
    if copy is None:
        return Shown(text, id, id, url)
    name = label(copy.values, module.schema.label_fields if module.schema else (), id)
    deleted = str(copy.get_deleted_display()) if copy.deleted else ""
    return Shown(text, id, name, url, copy.modified, _modifier(module, copy), deleted, _told(module, copy))


def _modifier(module: Module, copy: Copy) -> str:
    field = module.modifier
    return words(field, copy.values.get(field.name), module.names) if field else ""


def _told(module: Module, copy: Copy) -> str:
    """Return the first values that a person would tell the record by, besides its name."""
    schema = module.schema
    if schema is None:
        return ""
    plain = [f for f in schema.fields if f.type in TEXT_TYPES and f.editable and f.name not in schema.label_fields]
    values = (words(field, copy.values.get(field.name), module.names) for field in plain)
    return ", ".join([value[:60] for value in values if value][:FEW])
