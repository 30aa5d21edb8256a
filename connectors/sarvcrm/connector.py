"""SarvCRM brought to the common interface. The rule: what a module holds comes from GetModuleFields, asked once and then kept,
so that a reading over nothing new is one call; a write answers with an id only, so the record is read again after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import ConnectorError, QueryError, RecordInvalid, RecordNotFound
from connectors.paging import only_fields
from connectors.query import Query, check, match_record
from connectors.sarvcrm import about, access, changes
from connectors.sarvcrm.client import PAGE, SLOT, Account, Question, SarvClient
from connectors.sarvcrm.codec import SarvCodec
from connectors.sarvcrm.modules import MODULES, USERS, module
from connectors.sarvcrm.operations import OPERATIONS, Desk, carry_out
from connectors.sarvcrm.reading import Reader, id_of, parse
from connectors.sarvcrm.schema import Described, described, kept, relation_to, remembered
from connectors.spelling import ASCII_DIGITS, canonical_boolean
from connectors.types import (
    JSON,
    Capabilities,
    ChangePage,
    Cursor,
    Explanation,
    FileContent,
    FileInfo,
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

OF_LINKS = ("qty", "unit_id")  # what the document's sample sends with a link
MOST_LINKS = 3000
NOTES, FILE_FIELD = "Notes", "filename"
MOST_BYTES = 20 * 1024 * 1024  # of a file; the vendor tells no limit, and refuses what is above its own (code 16)


class SarvConnector(Connector):
    """One user of one SarvCRM account."""

    slug: ClassVar[str] = "sarvcrm"
    label: ClassVar[str] = "SarvCRM"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        counts=False,
        changes_since=True,
        lists_owners=True,
        related=True,
        link=True,
        find_by_phone=True,
        upload=True,
        page_size=PAGE,
        max_upload=MOST_BYTES,
    )
    operations = OPERATIONS
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        portal = canonical_boolean(self.config["portal_user"] or "no")
        self.language = self.config["language"]
        account = Account(
            self.config["utype"].strip(),
            self.config["username"].strip(),
            self.secrets["password"],
            self.language,
            portal,
        )
        self.client = SarvClient(self.config["url"], account, context)
        self.codec = SarvCodec(self.config["time_zone"])
        self._keys = (*MODULES, *access.module_keys(self.config["extra_modules"], (*MODULES,)))
        self._described: dict[str, Described] = {}

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        if not self.context.sessions.get(
            SLOT
        ):  # sessions are few (code 60); without one it is tried even after a refusal
            self.client.login()
        readable, refused = access.probe(self._fields, self._keys, self.context)
        return access.identity(self.client, readable, refused, self.language, self.codec.zone)

    def modules(self) -> list[Module]:
        readable, _refused = access.probe(self._fields, self._keys, self.context)
        return [module(key, self.language) for key in readable]

    def describe(self, module: str) -> ModuleSchema:
        return self._fields(module).schema

    def _fields(self, key: str) -> Described:
        """Return the module's fields, asked once per connector. Raises QueryError for an unknown module."""
        self._known_module(key)
        found = self._described.get(key)
        if found is None:
            found = self._described[key] = described(key, self.client.module_fields(key), self.language)
            self.context.learned.set(f"fields of {key}", kept(found, frozenset()))
        return found

    def _known_module(self, key: str) -> None:
        if key not in (*self._keys, USERS):
            names = ", ".join(self._keys)
            raise QueryError(_("SarvCRM has no module “%(name)s”. Known are: %(names)s.", name=key[:60], names=names))

    def owners(self) -> list[Owner]:
        return access.owners(self.client, PAGE)

    def record_url(self, module: str, id: str) -> str | None:
        return self.client.page_of(module, id)

    # Reading

    def _reader(self, key: str) -> Reader:
        """Return a reader of the module, by the fields learned before where there are some."""
        self._known_module(key)
        learned = self.context.learned.get(f"fields of {key}")
        known, ignored = self._described.get(key), frozenset[str]()
        if isinstance(learned, dict):
            again, ignored = remembered(key, learned, self.language)
            known = known or again
        return Reader(
            self.client,
            self.codec,
            known or self._fields(key),
            ignored,
            lambda unknown: self._renew(key, unknown),
            self.context.learned,
        )

    def _renew(self, key: str, unknown: Set[str]) -> tuple[Described, Set[str]]:
        """Describe a module anew because its rows show unknown fields; those nobody describes are ignored from now on."""
        found = self._fields(key)
        ignored = unknown - set(found.schema.names)
        self.context.learned.set(f"fields of {key}", kept(found, ignored))
        return found, ignored

    def read(self, module: str, query: Query) -> Page:
        return self._reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._reader(module).explain(query)

    def get(self, module: str, id: str) -> Record:
        reader = self._reader(module)
        return reader.records([self.client.get(module, id)])[0]

    def get_many(self, module: str, ids: list[str]) -> list[Record]:
        """Ask for a page at a time, by `IN`."""
        found: list[Record] = []
        wanted = list(dict.fromkeys(id for id in ids if id.isascii() and id.isprintable() and id))
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            query = Query(access.by_id(part), limit=PAGE)
            while True:
                page = self.read(module, query)
                found += page.records
                if page.next_cursor is None or len(found) >= start + len(part):
                    break
                query = Query(query.filter, limit=PAGE, cursor=page.next_cursor)
        return found

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since, self.context)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), after)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        field = relation_to(self._fields(module), relation)
        reader = self._reader(relation)
        check(query.filter, query.order, reader.schema)
        place = parse(query.cursor) if query.cursor else parse("at 0 ")
        pushed, size = reader.sql.push(query.filter), min(PAGE, query.limit)
        order = reader.sql.order_by(query.order)
        asked = Question(pushed.sql, order, reader.fields_of(query), size, place.number)
        rows = self.client.relationship(module, id, field, asked).rows
        holds = match_record(query.filter, reader.schema)
        records = tuple(only_fields(record, query.fields) for record in reader.records(rows) if holds(record))
        return Page(records, f"at {place.number + len(rows)} {id_of(rows[-1])}" if rows else None)

    def find_by(self, kind: str, text: str) -> list[Record]:
        """Return who has that phone number; each carries `name` only."""
        if kind != "phone":
            self._unsupported(_("search by %(kind)s", kind=kind))
        number = text.strip().translate(ASCII_DIGITS)
        found = self.client.search_by_number("".join(c for c in number if c.isdecimal() or c == "+"))
        return [Record(str(row.get("module") or ""), id_of(row), {"name": row.get("name") or None}) for row in found]

    # Writing

    def create(self, module: str, values: Values) -> Record:
        schema = self.describe(module)
        needed = (f for f in schema.fields if f.required and f.default is None)  # the server fills in its presets
        missing = [f.name for f in needed if values.get(f.name) in (None, "", [])]
        if missing:
            fields = dict.fromkeys(missing, _("is required"))
            names, label = ", ".join(missing), schema.module.label
            sentence = _("Nothing was sent to %(module)s: needed are %(names)s.", module=label, names=names)
            raise RecordInvalid(sentence, fields=fields)
        id = self.client.create(module, self.codec.encode_values(schema, values))
        try:
            return self._stored(module, id)
        except RecordNotFound:  # created, and hidden from this user at once
            return Record(module, id, {})

    def update(self, module: str, id: str, values: Values) -> Record:
        wire = self.codec.encode_values(self.describe(module), values)
        self.client.update(module, id, wire)
        return self._stored(module, id)

    def _stored(self, module: str, id: str) -> Record:
        """Return the record as stored; when it cannot be read just now its id alone, so that no write is thought undone."""
        try:
            return self.get(module, id)
        except RecordNotFound:
            raise
        except ConnectorError:
            return Record(module, id, {})

    def delete(self, module: str, id: str) -> None:
        self._known_module(module)
        self.client.delete(module, id)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        """Make two records belong together. Whether SarvCRM adds to the links there are or replaces them is not documented, so
        those there are go along, each with what the link itself holds."""
        field = relation_to(self._fields(module), relation)
        there = self._linked(module, id, field)
        if other_id not in there:
            self.client.save_relationships(module, id, field, [*there.values(), other_id])

    def _linked(self, module: str, id: str, field: str) -> dict[str, JSON]:
        """Return id -> what to send of a link so that it stays as it is: the id, with quantity and unit where it has them."""
        found: dict[str, JSON] = {}
        while len(found) < MOST_LINKS:
            rows = self.client.relationship(module, id, field, Question(offset=len(found))).rows
            fresh = {id_of(row): row for row in rows if id_of(row) not in found}
            if not fresh:
                return found
            for other, row in fresh.items():
                more = {name: row[name] for name in OF_LINKS if row.get(name) not in (None, "")}
                found[other] = {"id": other, **more} if more else other
        sentence = _("More than %(most)s records are linked here already; add one in SarvCRM itself.", most=MOST_LINKS)
        raise RecordInvalid(sentence)

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        """Add a note with the file to the record: the document takes files with a new record only (multipart, by POST)."""
        self._known_module(module)
        if len(file.content) > MOST_BYTES:
            problem = _("is larger than %(limit)s MB", limit=MOST_BYTES // 2**20)
            sentence = _("The file %(name)s %(problem)s. Nothing was sent.", name=file.name[:100], problem=problem)
            raise RecordInvalid(sentence, fields={FILE_FIELD: problem})
        self.client.get(module, id)  # a note on a record that is not there would be found by nobody
        values = {"name": file.name, "parent_type": module, "parent_id": id}
        wire = self.codec.encode_values(self.describe(NOTES), values)
        note = self.client.create(NOTES, wire, {FILE_FIELD: (file.name, file.content, file.content_type)})
        return FileInfo(note, file.name, len(file.content), file.content_type)

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(Desk(self.client, self._fields), find_operation(self, operation), params)
