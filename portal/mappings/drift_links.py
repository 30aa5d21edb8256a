"""Where a Problem about a module's fields leads: to the rules, the filters and the value tables that a person has to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.connections.models import KnownSchema
from portal.ledger.links import Link
from portal.ledger.models import Problem
from portal.mappings.drift import KIND, LEADS, STOPPED, TOUCHED, key_of
from portal.mappings.models import Mapping, ValueTable


def links(problems: Sequence[Problem]) -> dict[int, list[Link]]:
    """Return the pages of the mappings that each problem names, by the problem's number."""
    named = {problem.pk: [problem.mapping] if problem.mapping else [] for problem in problems}
    concerned = [p for p in problems if p.kind == KIND and p.closed_at is None]
    rows = KnownSchema.objects.filter(connection__in=[p.connection_id for p in concerned], former__isnull=False)
    noted = {key_of(row.connection, row.module): row.notes for row in rows.select_related("connection")}
    leads: dict[int, Dict[str, JSON]] = {}
    for problem in concerned:
        notes = noted.get(problem.key, {})
        named[problem.pk] = [UUID(uuid) for uuid, how in notes.items() if how in (STOPPED, TOUCHED)]
        leads[problem.pk] = notes.get(LEADS) or {}
    wanted = {uuid for uuids in named.values() for uuid in uuids}
    mappings = {mapping.uuid: mapping for mapping in Mapping.objects.filter(uuid__in=wanted)} if wanted else {}
    tables = _tables(leads.values())
    return {
        pk: [
            *(_rules(mappings[uuid]) for uuid in uuids if uuid in mappings),
            *(
                _filter(mapping)
                for uuid, mapping in mappings.items()
                if str(uuid) in leads.get(pk, {}).get("filters", ())
            ),
            *(tables[uuid] for uuid in leads.get(pk, {}).get("tables", ()) if uuid in tables),
        ]
        for pk, uuids in named.items()
    }


def _rules(mapping: Mapping) -> Link:
    text = _("Open the mapping %(name)s") % {"name": mapping.name}
    return Link(mapping.name, reverse("mappings:change", args=[mapping.name]), text)


def _filter(mapping: Mapping) -> Link:
    text = _("Open the filters of %(name)s") % {"name": mapping.name}
    return Link(_("filters"), reverse("mappings:policies", args=[mapping.name]), text)


def _tables(leads: Iterable[Dict[str, JSON]]) -> dict[str, Link]:
    """Return number of a value table -> the link to it."""
    wanted = {uuid for found in leads for uuid in found.get("tables", ())}
    rows = ValueTable.objects.filter(uuid__in=wanted) if wanted else ()
    text = _("Open the value table %(name)s")
    return {
        str(row.uuid): Link(row.name, reverse("mappings:table", args=[row.name]), text % {"name": row.name})
        for row in rows
    }
