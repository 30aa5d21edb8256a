"""`related_records NAME MODULE ID RELATION`: the records that hang on one, as the CRM has them now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.query import Query
from connectors.types import JSON, Record
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.records.as_json import record_as_json


class Command(ConnectionCommand):
    help = gettext_noop("List the records of another module that hang on a record, as the CRM has them now.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("id", help=_("The record's id in the CRM."))
        parser.add_argument("relation", help=_("The module of the records that hang on it."))
        parser.add_argument("--limit", type=int, default=50, help=_("At most so many."))

    def work(self, *, name: str, module: str, id: str, relation: str, limit: int, **options: Any) -> JSON:
        found: list[Record] = []
        with open_connector(connection_named(name), purpose="person") as crm:
            cursor: str | None = None
            while len(found) < limit:
                page = crm.related(module, id, relation, Query(limit=limit - len(found), cursor=cursor))
                found += page.records
                cursor = page.next_cursor
                if cursor is None:
                    break
        return [record_as_json(record) for record in found[:limit]]
