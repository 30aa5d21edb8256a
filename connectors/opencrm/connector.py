"""OpenCRM brought to the common interface. The rule: the server checks nothing, so everything is checked here; and it deletes
for ever the product lines it is not sent, so all of them are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import (
    ProtocolError,
    QueryError,
    RecordNotFound,
    Unsupported,
)
from connectors.opencrm import about, access, changes, phones, twins
from connectors.opencrm.answers import ERRORS
from connectors.opencrm.catalog import (
    ALIASES,
    KINDS,
    LINES,
    OWN_TYPES,
    PHONED,
    module,
    own_fields,
    schema,
    with_named_types,
)
from connectors.opencrm.client import Keys, OpenCrmClient, checked_id
from connectors.opencrm.codec import OpenCrmCodec
from connectors.opencrm.lines import merged, nothing_left_out
from connectors.opencrm.operations import OPERATIONS, Desk, carry_out
from connectors.opencrm.pages import PAGE
from connectors.opencrm.pushdown import push
from connectors.opencrm.reading import Reader
from connectors.opencrm.rows import Row
from connectors.opencrm.writing import hidden, holds, unclear
from connectors.query import Query, check
from connectors.types import (
    JSON,
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

NEW = "0"


class OpenCrmConnector(Connector):
    """One OpenCRM system, as its administrator."""

    slug: ClassVar[str] = "opencrm"
    label: ClassVar[str] = "OpenCRM"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        delete=False,
        describes_itself=False,
        changes_since=True,
        lists_owners=True,
        link=True,
        find_by_phone=True,
        parallel_pages=True,
        page_size=PAGE,
    )
    operations = OPERATIONS
    errors = ERRORS
    catalog = tuple(schema(name, (), {}) for name in KINDS)
    field_types: ClassVar[Mapping[str, FieldType]] = {name: FieldType(name) for name in OWN_TYPES}
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        config = self.config
        key, passkey = self.secrets["key"].strip(), self.secrets["passkey"].strip()
        keys = Keys(key, passkey, config["auth"], config["code"].strip())
        self.client = OpenCrmClient(config["url"], keys, context, user_agent=config["user_agent"])
        self.codec = OpenCrmCodec(config["time_zone"])
        self._own = own_fields(config["extra_fields"])

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        return access.identity(self.client, self.context, self.codec.zone)

    def modules(self) -> list[Module]:
        lacking = self.context.learned.get(access.LACKING) or ()
        return [module(name) for name in KINDS if name not in lacking]

    def describe(self, module: str) -> ModuleSchema:
        return self._schema(module, self._seen(module))

    def owners(self) -> list[Owner]:
        return [access.owner(row) for row in self.client.listing("get_user_list").rows]

    def _schema(self, name: str, seen: Collection[str]) -> ModuleSchema:
        own = self._own.get(name, {})
        return with_named_types(schema(name, seen, own), own)

    def _seen(self, name: str) -> list[str]:
        """Return the names of fields seen in records; one record is asked for when none was seen yet."""
        self._known_module(name)
        seen = self.context.learned.get(fields_of(name))
        if seen is None:
            seen = []
            for row in self.client.listing(f"get_{name}_list_full", limit_start=0, limit_end=1).rows[:1]:
                seen = self._learn(name, row)
        return list(seen)

    def _known_module(self, name: str) -> None:
        if name not in KINDS:
            names = ", ".join(KINDS)
            raise QueryError(_("OpenCRM has no module “%(name)s”. Known are: %(names)s.", name=name[:60], names=names))

    def _learn(self, name: str, seen: Collection[str]) -> list[str]:
        learned = sorted(seen)
        self.context.learned.set(fields_of(name), learned)
        return learned

    # Reading

    def _reader(self, name: str) -> Reader:
        seen = self._seen(name)
        learned = self.context.learned

        def renew(shown: Collection[str]) -> ModuleSchema:
            return self._schema(name, self._learn(name, shown))

        return Reader(self.client, self.codec, self._schema(name, seen), learned, seen, renew)

    def read(self, module: str, query: Query) -> Page:
        return self._reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._reader(module).explain(query)

    def count(self, module: str, query: Query) -> int | None:
        reader = self._reader(module)
        check(query.filter, (), reader.schema)
        pushed = push(query.filter, reader.schema, reader.trusts)
        return self.client.count(module, query_string=pushed.query_string) if pushed.exact else None

    def get(self, module: str, id: str) -> Record:
        reader = self._reader(module)
        return reader.record(self.client.get(module, checked_id(module, id)))

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since, self.context)

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
        names = [one.name for one in self.modules() if one.name in PHONED]
        return phones.having(map(self._reader, names), text, self.context.max_parallel)

    # Writing

    def refuse_twin(self, module: str, values: Values) -> None:
        reader = self._reader(module)
        complete(reader.schema, values)
        self.codec.encode_values(reader.schema, values)  # what cannot be sent is told before anything is looked up
        twins.refuse_twin(reader, values)

    def create(self, module: str, values: Values) -> Record:
        described = self.describe(module)
        complete(described, values)
        wire, lines = self._encoded(described, NEW, values)
        id = self.client.edit(module, NEW, wire, lines)
        try:
            record = self._stored(module, id)
        except RecordNotFound as e:
            raise unclear() from e
        if not holds(described, record.values, wire):
            raise unclear()
        return record

    def update(self, module: str, id: str, values: Values) -> Record:
        described = self.describe(module)
        wire, lines = self._encoded(described, checked_id(module, id), values)
        if not wire and lines is None:
            return self.get(module, id)
        self.client.edit(module, id, wire, lines)
        try:
            return self._stored(module, id)
        except RecordNotFound as e:
            raise hidden(module, id, e) from e

    def _encoded(self, described: ModuleSchema, id: str, values: Values) -> tuple[dict[str, JSON], list[Row] | None]:
        """Return the fields to send, and all product lines where some were given; those of the record are read first."""
        wire = self.codec.encode_values(described, values)
        if LINES not in wire:
            return wire, None
        given = wire.pop(LINES)
        if not given:
            if id == NEW:
                return wire, None
            raise nothing_left_out()
        return wire, merged([] if id == NEW else self._lines(described.module.name, id), given)

    def _lines(self, name: str, id: str) -> list[Row]:
        """Return the product lines a record has. Raises ProtocolError where it does not tell them all."""
        lines = self.client.get(name, id).get(LINES)
        if not isinstance(lines, list) or not all(isinstance(line, dict) and line.get("lineid") for line in lines):
            told = _(
                "OpenCRM did not tell the record's product lines and their ids: changing one would lose the others."
            )
            raise ProtocolError(told)
        return lines

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        """Make two records belong together. Both are read first: whether the server looks is not documented."""
        pairs = ((module, id), (relation, other_id))
        for name, own in pairs:
            self._known_module(name)
            checked_id(name, own)
        for name, own in pairs:
            self.client.get(name, own)
        self.client.link(id, other_id)

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(Desk(self.client, self._write_by_name), find_operation(self, operation), params)

    def _write_by_name(self, endpoint: str, name: str, id: str, values: Mapping[str, JSON]) -> str:
        """Edit by the call of exactly that name, with everything checked as in any other write."""
        named = {ALIASES.get(field, field): value for field, value in values.items()}
        described = self.describe(name)
        wire, lines = self._encoded(described, id, named)
        if id == NEW:
            complete(described, named)
        return self.client.edit_by(endpoint, name, id, wire, lines)


def fields_of(name: str) -> str:
    """Return the name under which the fields seen in a module's records are learned."""
    return f"fields of {name}"
