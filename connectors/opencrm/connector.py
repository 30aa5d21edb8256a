"""OpenCRM brought to the common interface. The rule: the server checks nothing, so everything is checked here; and it deletes
for ever the product lines it is not sent, so all of them are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import (
    ConnectorError,
    ProtocolError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
)
from connectors.opencrm import about, access, changes, twins
from connectors.opencrm.answers import ERRORS
from connectors.opencrm.catalog import ALIASES, KINDS, LINES, OWN_TYPES, module, own_fields, schema, with_named_types
from connectors.opencrm.client import Keys, OpenCrmClient
from connectors.opencrm.codec import OpenCrmCodec, is_id
from connectors.opencrm.lines import merged, nothing_left_out
from connectors.opencrm.operations import OPERATIONS, Desk, carry_out
from connectors.opencrm.pages import PAGE
from connectors.opencrm.pushdown import push
from connectors.opencrm.reading import Reader
from connectors.opencrm.rows import Row
from connectors.query import Query, check
from connectors.types import (
    JSON,
    TEXT_TYPES,
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
        page_size=PAGE,
    )
    operations = OPERATIONS
    errors = ERRORS
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
        if name not in KINDS:
            names = ", ".join(KINDS)
            raise QueryError(_("OpenCRM has no module “%(name)s”. Known are: %(names)s.", name=name, names=names))
        seen = self.context.learned.get(fields_of(name))
        if seen is None:
            seen = []
            for row in self.client.listing(f"get_{name}_list_full", limit_start=0, limit_end=1).rows[:1]:
                seen = self._learn(name, row)
        return list(seen)

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
        return reader.record(self.client.get(module, checked_id(module, id)), id)

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since, self.context)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), after)

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
        return self._stored(described, id, wire, is_new=True)

    def update(self, module: str, id: str, values: Values) -> Record:
        described = self.describe(module)
        wire, lines = self._encoded(described, checked_id(module, id), values)
        self.client.edit(module, id, wire, lines)
        return self._stored(described, id, wire, is_new=False)

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

    def _stored(self, described: ModuleSchema, id: str, wire: Mapping[str, JSON], *, is_new: bool) -> Record:
        """Return the record just written. The answer told its id only, so it is read; one that is not there, or is another,
        may have been written all the same. Raises ProtocolError with `maybe_done`."""
        name = described.module.name
        try:
            row = self.client.get(name, id)
        except RecordNotFound as e:
            raise (unclear() if is_new else hidden(name, id)) from e
        except ConnectorError:
            return Record(name, id, {})  # written for certain; what it holds was not told
        if is_new and not holds(described, row, wire):
            raise unclear()
        try:
            return self._reader(name).record(row, id)
        except ConnectorError:  # its fields could not be looked up: written for certain all the same
            return Record(name, id, {})

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        for name in (module, relation):
            self._seen(name)
        self.client.link(checked_id(module, id), checked_id(relation, other_id))

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


def complete(described: ModuleSchema, values: Values) -> None:
    """Raise RecordInvalid when a new record would lack a field that it must have: the server would take it without a word."""
    missing = [f.name for f in described.fields if f.required and f.editable and values.get(f.name) is None]
    if missing:
        fields, names = dict.fromkeys(missing, _("is required")), ", ".join(missing)
        label = described.module.label
        sentence = _("Nothing was sent to %(module)s: needed are %(names)s.", module=label, names=names)
        raise RecordInvalid(sentence, fields=fields)


def checked_id(module: str, id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one: "0" would create a record."""
    if not is_id(id):
        told = _("“%(id)s” is not an id of %(name)s in OpenCRM, which are numbers.", id=id[:40], name=module)
        raise RecordNotFound(told)
    return id


def holds(described: ModuleSchema, row: Row, wire: Mapping[str, JSON]) -> bool:
    """Say whether a row is the record just created: most of the texts sent are in it. An id cut off on the way names another."""
    sent = [f.name for f in described.fields if f.type in TEXT_TYPES and wire.get(f.name) and f.name in row]
    same = [name for name in sent if words(row[name]) == words(wire[name])]
    return len(same) * 2 >= len(sent)


def words(value: JSON) -> list[str]:
    """Return a text's beginning as words, the same however a server treats blanks and long texts."""
    return str(value or "").lower()[:100].split()


def unclear() -> ProtocolError:
    """Return the error for a create whose answer names no record that could be it."""
    sentence = _("OpenCRM answered with an id that is not the new record's: whether it was created is not known.")
    return ProtocolError(sentence, maybe_done=True)


def hidden(module: str, id: str) -> ProtocolError:
    """Return the error for a record that took a change and cannot be read after it."""
    sentence = _(
        "OpenCRM took the change of %(name)s %(id)s and then showed no such record: look there whether it was deleted meanwhile.",
        name=module,
        id=id,
    )
    return ProtocolError(sentence, maybe_done=True)
