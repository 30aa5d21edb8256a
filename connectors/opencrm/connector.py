"""OpenCRM brought to the common interface. The rule: the server checks nothing, so everything is checked here; and it deletes
for ever the product lines it is not sent, so all of them are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from functools import partial
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import QueryError, RecordNotFound, Unsupported
from connectors.lessons import Lessons
from connectors.opencrm import about, access, changes, phones, twins
from connectors.opencrm.account import account_of
from connectors.opencrm.answers import ERRORS
from connectors.opencrm.client import PAGE, OpenCrmClient, Question, checked_id
from connectors.opencrm.codec import OpenCrmCodec
from connectors.opencrm.lines import exactly, lines_of, merged, nothing_left_out
from connectors.opencrm.modules import MODULES, module
from connectors.opencrm.operations import OPERATIONS, Desk, carry_out
from connectors.opencrm.reading import Reader
from connectors.opencrm.rows import NEW, Row
from connectors.opencrm.schema import ALIASES, LINES, OWN_TYPES, own_fields, schema
from connectors.opencrm.writing import hidden, holds, unclear
from connectors.query import Query
from connectors.types import (
    JSON,
    TEXT_TYPES,
    Alteration,
    Capabilities,
    ChangePage,
    Cursor,
    Explanation,
    FieldType,
    Identity,
    Module,
    ModuleSchema,
    Owner,
    Page,
    Record,
    Setting,
    Values,
)
from connectors.values import complete
from connectors.wording import text as _


class OpenCrmConnector(Connector):
    """One OpenCRM system, as its administrator."""

    slug: ClassVar[str] = "opencrm"
    label: ClassVar[str] = "OpenCRM"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        shows_stored=False,  # it is read once more after a write
        delete=False,
        describes_itself=False,
        changes_since=True,
        lists_owners=True,
        link=True,
        find_by_phone=True,
        parallel_pages=True,
        page_size=PAGE,
        create_calls=2,
        update_calls=2,
        delete_calls=0,
    )
    alters: ClassVar[tuple[Alteration, ...]] = (
        Alteration(TEXT_TYPES, _("a text longer than its column in the CRM is cut, which the CRM does not tell")),
    )
    operations = OPERATIONS
    errors = ERRORS
    catalog = tuple(schema(name, (), {}) for name in MODULES)
    field_types: ClassVar[Mapping[str, FieldType]] = {name: FieldType(name) for name in OWN_TYPES}
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES
    codec: OpenCrmCodec

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        self.client = OpenCrmClient(self.config["url"], account_of(self.config, self.secrets), context)
        self.codec = OpenCrmCodec(self.config["time_zone"])
        self._own = own_fields(self.config["extra_fields"])
        self._lessons = Lessons(context.learned, context.clock)

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        access.readable(self.client, self._lessons, self.context.max_parallel)
        return access.identity(self.client, self._lessons, self.codec.zone)

    def modules(self) -> list[Module]:
        lacking = self._lessons.recent(access.LACKING)
        return [module(name) for name in MODULES if name not in lacking]

    def describe(self, module: str) -> ModuleSchema:
        return self._fields(module, self._seen(module))

    def _fields(self, name: str, seen: Collection[str]) -> ModuleSchema:
        """Return the module's fields, when these were seen in records."""
        return schema(name, seen, self._own.get(name, {}))

    def _seen(self, name: str) -> Set[str]:
        """Return the names of fields seen in records; one record is asked for when none was seen yet."""
        self._known_module(name)
        learned = self.context.learned.get(fields_of(name))
        if learned is not None:
            return frozenset(learned)
        rows = self.client.listing(name, Question(start=0, end=1)).rows
        return self._learn(name, rows[0].keys()) if rows else frozenset()

    def _known_module(self, name: str) -> None:
        if name not in MODULES:
            names = ", ".join(MODULES)
            raise QueryError(_("OpenCRM has no module “%(name)s”. Known are: %(names)s.", name=name[:60], names=names))

    def owners(self) -> list[Owner]:
        return access.owners(self.client)

    # record_url: neither the document nor public code shows the address of a record's screen, so none is guessed

    # Reading

    def _reader(self, name: str) -> Reader:
        """Return a reader of the module's records."""
        seen = self._seen(name)
        return Reader(self.client, self.codec, self._fields(name, seen), seen, partial(self._renew, name))

    def _learn(self, name: str, seen: Set[str]) -> Set[str]:
        self.context.learned.set(fields_of(name), sorted(seen))
        return seen

    def _renew(self, name: str, seen: Set[str]) -> ModuleSchema:
        """Describe a module anew, as when its rows show fields that were not seen before."""
        return self._fields(name, self._learn(name, seen))

    def read(self, module: str, query: Query) -> Page:
        return self._reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._reader(module).explain(query)

    def count(self, module: str, query: Query) -> int | None:
        return self._reader(module).count_of(query)

    def get(self, module: str, id: str) -> Record:
        reader = self._reader(module)
        return reader.record(self.client.get(module, id))

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), after)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        """Links are made (edit_record_link) and cannot be read: no call of the document lists them. Raises Unsupported."""
        raise Unsupported(
            _(
                "OpenCRM does not tell which records are linked. Those of another module that name this one in a field are found"
                " there by a filter, such as accountid = 1001."
            )
        )

    def find_by(self, kind: str, text: str) -> list[Record]:
        """Return who has that phone number, among companies, contacts and leads."""
        if kind != "phone":
            self._unsupported(_("search by %(kind)s", kind=kind))
        readers = (self._reader(one.name) for one in self.modules() if one.name in phones.PHONED)
        return phones.having(readers, text, self.context.max_parallel)

    # Writing

    def refuse_twin(self, module: str, values: Values) -> None:
        reader = self._reader(module)
        complete(reader.schema, values)
        self.codec.encode_values(reader.schema, values)  # what cannot be sent is told before anything is looked up
        twins.refuse_twin(reader, values)

    def create(self, module: str, values: Values) -> Record:
        schema = self.describe(module)
        complete(schema, values)
        wire, lines = self._encoded(schema, NEW, values)
        id = self.client.create(module, wire, lines)
        try:
            record = self._stored(module, id)
        except RecordNotFound as e:
            raise unclear() from e
        if not holds(schema, record.values, wire):
            raise unclear()
        return record

    def update(self, module: str, id: str, values: Values) -> Record:
        wire, lines = self._encoded(self.describe(module), id, values)
        if not wire and lines is None:
            return self.get(module, id)
        self.client.update(module, id, wire, lines)
        try:
            return self._stored(module, id)
        except RecordNotFound as e:
            raise hidden(module, id, e) from e

    def with_whole_lines(self, module: str, id: str, values: Values) -> Values:
        if LINES not in values:
            return values
        return {**values, LINES: exactly(lines_of(self.client.get(module, id)), values[LINES] or [])}

    def _encoded(self, schema: ModuleSchema, id: str, values: Values) -> tuple[dict[str, JSON], list[Row] | None]:
        """Return the fields to send, and all product lines where some were given; those of the record are read first."""
        wire = self.codec.encode_values(schema, values)
        if LINES not in wire:
            return wire, None
        given = wire.pop(LINES)
        if not given:
            if id == NEW:
                return wire, None
            raise nothing_left_out()
        return wire, merged([] if id == NEW else lines_of(self.client.get(schema.module.name, id)), given)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        """Make two records belong together. Both are read first: whether the server looks is not documented."""
        for name, own in ((module, id), (relation, other_id)):
            self._known_module(name)
            checked_id(own)
        self.client.get(module, id)
        self.client.get(relation, other_id)
        self.client.link(id, other_id)

    # The rest

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(Desk(self.client, self._write_by_name), find_operation(self, operation), params)

    def _write_by_name(self, endpoint: str, name: str, id: str, values: Mapping[str, JSON]) -> str:
        """Edit by the call of exactly that name, with everything checked as in any other write."""
        named = {ALIASES.get(field, field): value for field, value in values.items()}
        schema = self.describe(name)
        wire, lines = self._encoded(schema, id, named)
        if id == NEW:
            complete(schema, named)
        return self.client.edit(endpoint, name, id, wire, lines)


def fields_of(name: str) -> str:
    """Return the name under which the fields seen in a module's records are learned."""
    return f"fields of {name}"
