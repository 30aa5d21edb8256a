"""Reads a filter as a person wrote it. The rule: the same text means the same records on screens, in commands and in mappings,
whoever reads it and whichever CRM is asked; so a day or a time without an offset is one of the portal's own zone."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from connectors.query import Filter, parse
from connectors.types import FieldType, ModuleSchema


def read_filter(text: str, schema: ModuleSchema) -> Filter | None:
    """Return the filter; None for an empty text. Raises QueryError with its `position`."""
    return parse(text, schema, zone=settings.TIME_ZONE)


def about_days() -> str:
    """Return in which zone a filter's days and times are."""
    text = _("Days and times in filters are those of %(zone)s; 2026-03-01T09:00+02:00 names its own offset.")
    return text % {"zone": settings.TIME_ZONE}


def has_moments(schema: ModuleSchema) -> bool:
    """Say whether it matters in which zone a day is."""
    return any(field.type is FieldType.DATETIME for field in schema.fields)
