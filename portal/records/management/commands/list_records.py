"""`list_records NAME MODULE`: records from the mirror where one is kept, else from the CRM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.base import Connector
from connectors.errors import QueryError
from connectors.query import Filter, Order, Query, parse_order, unlisted
from connectors.query.names import find_field
from connectors.types import JSON, ModuleSchema, Record
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.connections.schema import module_schema
from portal.records.as_json import record_as_json
from portal.records.changelist import Asked, default_columns
from portal.records.models import Mirror
from portal.records.page import mirror_page
from portal.ui.command import WrongUse
from portal.ui.wording import translated

CHUNK = 1_000  # copies read from a mirror at once
WIDEST = 32  # characters of a column


class Command(ConnectionCommand):
    help = gettext_noop("List a module's records, from the mirror if there is one, else from the CRM.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        said = _('Such as: status = New and lastname contains "o\'brien". Days and times are those of TIME_ZONE.')
        parser.add_argument("--filter", default="", help=said)
        parser.add_argument(
            "--order",
            default="",
            help=_("Such as: lastname, -modified (descending). Unless given: newest first, live as the CRM has them."),
        )
        parser.add_argument(
            "--search", default="", help=_("Words that must all occur, as in the search box of the list.")
        )
        parser.add_argument(
            "--limit", type=int, default=100, help=_("At most so many records (default 100); 0 for all.")
        )
        parser.add_argument("--fields", help=_("Names of fields with commas between; all of them unless given."))
        parser.add_argument("--live", action="store_true", help=_("Ask the CRM even where a mirror is kept."))

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(_with_value("--order", argv))

    def work(self, *, name: str, module: str, live: bool, limit: int, **options: Any) -> JSON:
        if limit < 0:
            raise WrongUse(_("--limit takes 0 (all) or a positive number."))
        connection = connection_named(name)
        schema = module_schema(connection, module)
        condition = Asked(filter=options["filter"], search=options["search"]).filters(schema)
        for note in unlisted(condition, schema):
            self.say(translated(note))
        order = _order(options["order"], schema)
        fields = _fields(options["fields"], schema)
        mirror = Mirror.objects.filter(connection=connection, module=module, completed_at__isnull=False).first()
        if mirror is not None and not live:
            self.tell_age(mirror)
            found = _from_mirror(mirror, schema, condition, order, min(limit or CHUNK, CHUNK))
            return self.printed(found, fields, limit)
        with open_connector(connection, purpose="person") as crm:
            return self.printed(_from_crm(crm, module, condition, order, limit), fields, limit)

    def tell_age(self, mirror: Mirror) -> None:
        """Say that these are copies, and of when."""
        at = timezone.localtime(mirror.pulled_at or mirror.completed_at)
        self.say(_("From the mirror as of %(when)s; --live asks the CRM.") % {"when": f"{at:%Y-%m-%d %H:%M %Z}"})

    def printed(self, found: Iterable[Record], fields: list[str] | None, limit: int) -> JSON:
        """Return the records to print, and say so when there may be more."""
        records = [record_as_json(record, fields) for record in islice(found, limit or None)]
        if limit and len(records) == limit:
            self.say(_("The first %(limit)d; there may be more: --limit 0 lists all.") % {"limit": limit})
        return records

    def show(self, result: JSON, *, name: str, module: str, **options: Any) -> None:
        schema = module_schema(connection_named(name), module)
        columns = _fields(options["fields"], schema) or default_columns(schema)
        rows = [["id", *columns]]
        rows += [[r["id"], *(_cell(r["values"].get(column)) for column in columns)] for r in result]
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            self.stdout.write("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _with_value(option: str, argv: list[str]) -> list[str]:
    """Return the words with “--order -modified” as “--order=-modified”: argparse takes the minus for another option's."""
    at = argv.index(option) + 1 if option in argv else len(argv)
    if argv[at:] and re.fullmatch(r"-\w.+", argv[at]):
        return [*argv[: at - 1], f"{option}={argv[at]}", *argv[at + 1 :]]
    return argv


def _order(text: str, schema: ModuleSchema) -> tuple[Order, ...]:
    try:
        return parse_order(text, schema) if text else ()
    except QueryError as e:  # its place is one in this text, not in the filter
        raise QueryError(f"--order: {translated(e)}", position=e.position) from e


def _fields(text: str | None, schema: ModuleSchema) -> list[str] | None:
    names = [find_field(name.strip(), schema).name for name in (text or "").split(",") if name.strip()]
    return names or None


def _from_mirror(
    mirror: Mirror, schema: ModuleSchema, condition: Filter | None, order: tuple[Order, ...], size: int
) -> Iterator[Record]:
    cursor: str | None = ""
    while cursor is not None:
        page = mirror_page(mirror, schema, condition, order, cursor, size, counted=0)
        yield from page.records
        cursor = page.next


def _from_crm(
    crm: Connector, module: str, condition: Filter | None, order: tuple[Order, ...], limit: int
) -> Iterator[Record]:
    size = min(limit or crm.capabilities.page_size, crm.capabilities.page_size)
    cursor: str | None = None
    while True:
        page = crm.read(module, Query(condition, order, limit=size, cursor=cursor))
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def _cell(value: JSON) -> str:
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    line = " ".join(text.split())
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
