"""`why ID FIELD`: which run, rule and source value put this value there, or who else did."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.mappings.named import mapping_named
from portal.records.models import Copy, Mirror
from portal.sync.why.answer import field_named, schema_of, why
from portal.sync.why.words import as_json
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = gettext_noop(
        "Say why a field of a record holds what it holds: which run, mapping version and rule put it there, from which record and value, "
        "and who started it; or that it was edited in the CRM, or is not ours. Told from what is written down: no CRM is asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help=_("The record's id, of either side."))
        parser.add_argument("field", help=_("The field's name or label."))
        parser.add_argument("--mapping", help=_("Look only in the modules of this mapping."))
        parser.add_argument("--connection", help=_("Look only in this connection."))
        parser.add_argument("--module", help=_("Look only in this module."))

    def work(
        self, *, id: str, field: str, mapping: str | None, connection: str | None, module: str | None, **options: Any
    ) -> JSON:
        mirrors = _mirrors(mapping, connection, module)
        copy = _copy(id, mirrors)
        schema = schema_of(copy)
        name = field_named(schema, copy, field)
        if name is None:
            known = ", ".join(sorted({*copy.values, *(schema.names if schema else ())}))
            raise WrongUse(
                _("“%(field)s” is not a field of it. There are: %(known)s.") % {"field": field, "known": known}
            )
        return as_json(why(copy, name))

    def show(self, result: JSON, **options: Any) -> None:
        value = _("empty") if result["value"] is None else result["value"]
        self.stdout.write(f"{result['connection']} · {result['module']} {result['id']}: {result['field']} = {value}")
        for sentence in result["text"]:
            self.stdout.write(f"  {sentence}")


def _mirrors(mapping: str | None, connection: str | None, module: str | None) -> QuerySet[Mirror]:
    mirrors = Mirror.objects.all()
    if mapping:
        found = mapping_named(mapping)
        left = Q(connection=found.left_connection, module=found.left_module)
        mirrors = mirrors.filter(left | Q(connection=found.right_connection, module=found.right_module))
    mirrors = mirrors.filter(connection__name=connection) if connection else mirrors
    return mirrors.filter(module=module) if module else mirrors


def _copy(id: str, mirrors: QuerySet[Mirror]) -> Copy:
    """Return our copy of the record. Raises WrongUse where there is none, or where several records have that id."""
    copies = list(Copy.objects.select_related("mirror__connection").filter(mirror__in=mirrors, record_id=id)[:20])
    if not copies:
        raise WrongUse(_("We have no copy of a record “%(id)s” there.") % {"id": id})
    if len(copies) > 1:
        text = _("“%(id)s” is known in several places. Say which with --connection and --module: %(places)s.")
        raise WrongUse(text % {"id": id, "places": ", ".join(str(copy.mirror) for copy in copies)})
    return copies[0]
