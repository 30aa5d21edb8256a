"""SarvCRM brought to the common interface. The rule: what a module holds comes from GetModuleFields, asked once and then kept,
so that a reading over nothing new is one call; a write answers with an id only, so the record is read again after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from functools import partial
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.body import Files
from connectors.context import Context
from connectors.errors import QueryError, RecordNotFound
from connectors.lessons import Lessons
from connectors.query import Condition, Op, Query
from connectors.sarvcrm import about, access, changes, notes, phones
from connectors.sarvcrm.account import account_of
from connectors.sarvcrm.answers import ERRORS
from connectors.sarvcrm.client import PAGE, SLOT, SarvClient
from connectors.sarvcrm.codec import SarvCodec
from connectors.sarvcrm.modules import MODULES, USERS, keys_in, module
from connectors.sarvcrm.operations import OPERATIONS, Desk, carry_out
from connectors.sarvcrm.pages import Pages
from connectors.sarvcrm.reading import Reader
from connectors.sarvcrm.related import MOST_LINKS, RelatedReader
from connectors.sarvcrm.relations import Relations
from connectors.sarvcrm.rows import is_id
from connectors.sarvcrm.schema import TYPES, Described, described, kept, remembered
from connectors.sarvcrm.writing import hidden
from connectors.types import (
    JSON,
    NUMBER_TYPES,
    Alteration,
    Capabilities,
    ChangePage,
    Cursor,
    Explanation,
    FieldType,
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
from connectors.values import complete
from connectors.wording import text as _


class SarvConnector(Connector):
    """One user of one SarvCRM account."""

    slug: ClassVar[str] = "sarvcrm"
    label: ClassVar[str] = "SarvCRM"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        shows_stored=False,  # it is read once more after a write
        counts=False,
        changes_since=True,
        lists_owners=True,
        related=True,
        link=True,
        unlink=True,  # where a field of one of the two holds it
        find_by_phone=True,
        comment=True,
        files=True,
        upload=True,
        page_size=PAGE,
        max_upload=notes.MOST_BYTES,
        create_calls=2,
        update_calls=2,
    )
    alters: ClassVar[tuple[Alteration, ...]] = (
        Alteration(NUMBER_TYPES, _("a number is rounded to the places of its field")),
    )
    operations = OPERATIONS
    errors = ERRORS
    field_types: ClassVar[Mapping[str, FieldType]] = TYPES
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES
    codec: SarvCodec

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        self.language = self.config["language"]
        self.client = SarvClient(self.config["url"], account_of(self.config, self.secrets), context)
        self.codec = SarvCodec(self.config["time_zone"])
        self._keys = (*MODULES, *keys_in(self.config["extra_modules"], (*MODULES,)))
        self._described: dict[str, Described] = {}
        self._lessons = Lessons(context.learned, context.clock)
        self._relations = Relations(self.client, self._fields, self.read, self._behind)

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        if not self.context.sessions.get(SLOT):  # sessions are few (code 60); without one, also after a refusal
            self.client.login()
        access.prove(self._asked, self._keys)
        return access.identity(self.client, self._keys, self._lessons, self.language, self.codec.zone)

    def modules(self) -> list[Module]:
        found = access.readable(self._asked, self._keys, self._lessons, self.context.max_parallel)
        return [module(key, self.language) for key in found]

    def describe(self, module: str) -> ModuleSchema:
        return self._fields(module).schema

    def _fields(self, key: str) -> Described:
        """Return the module's fields, asked once per connector. Raises QueryError for an unknown module."""
        self._known_module(key)
        return self._described.get(key) or self._asked(key)

    def _asked(self, key: str) -> Described:
        """Return the module's fields as the server tells them now; of others the same are ignored as before."""
        return self._renew(key, self._learned(key)[1])[0]

    def _known_module(self, key: str) -> None:
        if key not in (*self._keys, USERS):
            names = ", ".join(self._keys)
            raise QueryError(_("SarvCRM has no module “%(name)s”. Known are: %(names)s.", name=key[:60], names=names))

    def owners(self) -> list[Owner]:
        pages = Pages(partial(self.client.listing, USERS), USERS, self._lessons)
        users = described(USERS, {"id": {"type": "id"}}, self.language)  # no more than the id is filtered by
        return access.owners(RelatedReader(pages, self.codec, users, frozenset(), partial(self._renew, USERS)))

    def record_url(self, module: str, id: str) -> str | None:
        return self.client.page_of(module, id)

    # Reading

    def _reader(self, key: str) -> Reader:
        """Return a reader of the module's records."""
        pages = Pages(partial(self.client.listing, key), key, self._lessons)
        return Reader(pages, self.codec, *self._known(key), partial(self._renew, key))

    def _behind(self, module: str, id: str, field: str, other: str) -> RelatedReader:
        """Return a reader of the other module's records behind a relation of this record."""
        ask = partial(self.client.relationship, module, id, field)
        pages = Pages(ask, f"{other} of {module}", self._lessons)
        return RelatedReader(pages, self.codec, *self._known(other), partial(self._renew, other))

    def _known(self, key: str) -> tuple[Described, Set[str]]:
        """Return the module's fields, those learned before where there are some, and the names that are ignored."""
        self._known_module(key)
        again, ignored = self._learned(key)
        return self._described.get(key) or again or self._fields(key), ignored

    def _learned(self, key: str) -> tuple[Described | None, frozenset[str]]:
        """Return the module's fields as they were learned, None where they were not, and the names that are ignored."""
        learned = self.context.learned.get(fields_of(key))
        return remembered(key, learned, self.language) if isinstance(learned, dict) else (None, frozenset())

    def _renew(self, key: str, unknown: Set[str]) -> tuple[Described, Set[str]]:
        """Describe a module anew, as when its rows show unknown fields; those nobody describes are ignored from now on."""
        found = self._described[key] = described(key, self.client.module_fields(key), self.language)
        ignored = unknown - set(found.schema.names)
        self.context.learned.set(fields_of(key), kept(found, ignored))
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
        wanted = list(dict.fromkeys(filter(is_id, ids)))
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            found += self._all(module, Query(Condition("id", Op.IN, tuple(part)), limit=len(part)), len(part))
        return found

    def _all(self, module: str, query: Query, most: int) -> list[Record]:
        """Return the records of a query, page after page, until there are that many or no more."""
        found: list[Record] = []
        while True:
            page = self.read(module, query)
            found += page.records
            if page.next_cursor is None or len(found) >= most:
                return found
            query = replace(query, cursor=page.next_cursor)

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), after)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        return self._relations.related(module, id, relation, query)

    def find_by(self, kind: str, text: str) -> list[Record]:
        """Return who has that phone number; each carries `name` only."""
        if kind != "phone":
            self._unsupported(_("search by %(kind)s", kind=kind))
        return phones.having(self.client, text)

    # Writing

    def create(self, module: str, values: Values) -> Record:
        schema = self.describe(module)
        complete(schema, values)
        id = self.client.create(module, self.codec.encode_values(schema, values))
        try:
            return self._stored(module, id)
        except RecordNotFound:  # created, and hidden from this user at once
            return Record(module, id, {})

    def update(self, module: str, id: str, values: Values) -> Record:
        wire = self.codec.encode_values(self.describe(module), values)
        if not wire:
            return self.get(module, id)
        self.client.update(module, id, wire)
        try:
            return self._stored(module, id)
        except RecordNotFound as e:
            raise hidden(module, id, e) from e

    def delete(self, module: str, id: str) -> None:
        self._known_module(module)
        self.client.delete(module, id)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        self._relations.link(module, id, relation, other_id)

    def unlink(self, module: str, id: str, relation: str, other_id: str) -> None:
        self._relations.unlink(module, id, relation, other_id)

    def comment(self, module: str, id: str, text: str) -> None:
        """Add the text as a note (Notes) to the record: the vendor's own “Leave a Comment” is not documented."""
        self._add_note(module, id, text, None)

    # Files

    def files(self, module: str, id: str) -> list[FileInfo]:
        """Return the files of the notes that hang on a record."""
        self._known_module(module)
        self.client.get(module, id)
        there = Query(notes.on(module, id), fields=(notes.FILE_FIELD,), limit=PAGE)
        return list(notes.infos(self._all(notes.NOTES, there, MOST_LINKS)))

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        """Return the file of a note, by the call that the settings name. Raises Unsupported where they name none."""
        method = self.config["attachment_call"].strip()
        if not method:
            raise notes.unnamed(self.label)
        return notes.content(*self.client.attachment(method, notes.NOTES, file_id), file_id)

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        """Add a note with the file to the record: the document takes files with a new record only (multipart, by POST)."""
        notes.check_size(file)
        note = self._add_note(module, id, file.name, {notes.FILE_FIELD: (file.name, file.content, file.content_type)})
        return FileInfo(note, file.name, len(file.content), file.content_type)

    def _add_note(self, module: str, id: str, text: str, files: Files | None) -> str:
        """Create a note on the record and return its id."""
        self._known_module(module)
        schema = self.describe(notes.NOTES)
        values = notes.note_on(schema, module, id, text)
        self.client.get(module, id)  # a note on a record that is not there would be found by nobody
        return self.client.create(notes.NOTES, self.codec.encode_values(schema, values), files)

    # The rest

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(Desk(self.client, self._fields), find_operation(self, operation), params)


def fields_of(key: str) -> str:
    """Return the name under which the fields of a module are learned."""
    return f"fields of {key}"
