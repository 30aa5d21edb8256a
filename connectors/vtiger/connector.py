"""Vtiger brought to the common interface. The rule: the server's own description decides what there is, an id is checked
before it is sent, and a record is changed by `revise`, which touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import (
    AccessDenied,
    RecordNotFound,
)
from connectors.paging import local_page
from connectors.query import Query
from connectors.types import (
    JSON,
    NUMBER_TYPES,
    TEXT_TYPES,
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
from connectors.vtiger import about, changes, documents, inventory, related, vtql
from connectors.vtiger.answers import ERRORS, OF_NO_ANSWER
from connectors.vtiger.client import ID, VtigerClient, checked_id, folded
from connectors.vtiger.codec import VtigerCodec
from connectors.vtiger.modules import Modules, names_in
from connectors.vtiger.operations import OPERATIONS, carry_out
from connectors.vtiger.owners import Owners
from connectors.vtiger.reading import Reader
from connectors.vtiger.related import Relations
from connectors.vtiger.schema import DEFAULTS, TYPES
from connectors.wording import text as _

AMBIGUOUS = frozenset({"ACCESS_DENIED", "INVALID_ID_ATTRIBUTE"})


class VtigerConnector(Connector):
    """One user of one Vtiger, version 7 or 8."""

    slug: ClassVar[str] = "vtiger"
    label: ClassVar[str] = "Vtiger"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        changes_since=True,
        tells_gone=False,  # `sync` tells, where it works, of this user's own records only: the sweep is needed anyway
        lists_owners=True,
        related=True,
        link=True,
        comment=True,
        files=True,
        upload=True,
        parallel_pages=True,
        page_size=vtql.PAGE,
        max_upload=documents.MAX_UPLOAD,
    )
    alters: ClassVar[tuple[Alteration, ...]] = (
        Alteration(TEXT_TYPES, _("a text longer than its column in the CRM is cut, which the CRM does not tell")),
        Alteration(TEXT_TYPES, _("a text that looks like a script is kept with other signs, and so may be emoji")),
        Alteration(NUMBER_TYPES, _("a number is rounded to the decimals of the user whose key is used")),
    )
    operations = OPERATIONS
    errors = (*ERRORS, *OF_NO_ANSWER)
    field_types: ClassVar[Mapping[str, FieldType]] = TYPES
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES
    codec: VtigerCodec

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        self.client = VtigerClient(
            self.label, self.config["url"], self.config["username"], self.secrets["access_key"], context
        )
        self.codec = VtigerCodec(self.config["time_zone"], context.learned)
        self._modules = Modules(self.client, self.codec, context.learned, names_in(self.config["extra_modules"]))
        self._relations = Relations(self.client)
        self._owners = Owners(self.client, self._modules.reader)

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        told = self.client.login()
        modules, refused = self._modules.offered()
        works = changes.try_sync(self.client, [module.name for module in modules], int(told.get("serverTime") or 1))
        self.context.learned.set(changes.SYNC_WORKS, works)
        return Identity(
            account=self.client.root,
            user=str(told.get("username") or self.config["username"]),
            version=str(told.get("vtigerVersion") or ""),
            modules=tuple(modules),
            notes=tuple(about.notes(told, works, self.config["time_zone"], refused)),
        )

    def modules(self) -> list[Module]:
        return self._modules.offered()[0]

    def describe(self, module: str) -> ModuleSchema:
        return self._modules.described(module).schema

    # Reading

    def read(self, module: str, query: Query) -> Page:
        return self._modules.reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._modules.reader(module).explain(query)

    def count(self, module: str, query: Query) -> int | None:
        return self._modules.reader(module).count_of(query)

    def get(self, module: str, id: str) -> Record:
        with self._telling_missing((module, id)) as (plain,):
            return self._modules.reader(module).record(self.client.retrieve(plain))

    def get_many(self, module: str, ids: list[str]) -> list[Record]:
        reader = self._modules.reader(module)
        own = [plain for plain in map(folded, ids) if ID.fullmatch(plain) and reader.described.owns(plain)]
        found: list[Record] = []
        for start in range(0, len(own), vtql.PAGE):
            wanted = vtql.one_of("id", own[start : start + vtql.PAGE])
            found += reader.records(reader.rows(((wanted,),)).rows)
        return found

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        reader = self._modules.reader(module) if since is None else self._modules.remembering_reader(module)
        return changes.changes(reader, since, self.context)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._modules.remembering_reader(module), self.context, after)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        other, label = self._modules.reader(relation), self._relations.label(module, relation)
        name, asked = related.gone_on_by(other, module, query)
        with self._telling_missing((module, id)) as (plain,):
            if name:
                return related.page_by(name, other, plain, asked)
            rows, more = self.client.begun_relation(plain, relation, label)
            if more and (name := related.leading_field(other, module, plain, rows)):
                return related.page_by(name, other, plain, query)
            if more:
                rows = self.client.whole_relation(plain, relation)
        return local_page(map(other.record, rows), query, other.schema)

    def owners(self) -> list[Owner]:
        return self._owners.everyone()

    def record_url(self, module: str, id: str) -> str | None:
        number = folded(id).partition("x")[2]
        return (
            f"{self.client.root}index.php?module={module}&view=Detail&record={number}" if number.isdecimal() else None
        )

    # Writing

    def create(self, module: str, values: Values) -> Record:
        reader = self._modules.reader(module)
        element = self._element(reader, values)
        stored = self.client.create(module, element)
        self.codec.learn(element, stored)
        return reader.record(stored)

    def update(self, module: str, id: str, values: Values) -> Record:
        reader = self._modules.reader(module)
        sent = self._wire(reader.schema, values)
        with self._telling_missing((module, id)) as (plain,):
            stored = self.client.revise(plain, sent) if sent else self.client.retrieve(plain)
        self.codec.learn(sent, stored)
        return reader.record(stored)

    def delete(self, module: str, id: str) -> None:
        with self._telling_missing((module, id)) as (plain,):
            self.client.delete(plain)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        label = self._relations.label(module, relation)
        with self._telling_missing((module, id), (relation, other_id)) as (plain, other):
            self.client.add_related(plain, other, label)

    def comment(self, module: str, id: str, text: str) -> None:
        record = self.get(module, id)  # a comment on nothing would be stored without a word (D7)
        self.create("ModComments", {"commentcontent": text, "related_to": record.id})

    # Files

    def files(self, module: str, id: str) -> list[FileInfo]:
        if module == documents.DOCUMENTS:
            with self._telling_missing((module, id)) as (plain,):
                return documents.infos([self.client.retrieve(plain)])
        label = self._relations.label(module, documents.DOCUMENTS)
        with self._telling_missing((module, id)) as (plain,):
            rows, more = self.client.begun_relation(plain, documents.DOCUMENTS, label)
            return documents.infos(self.client.whole_relation(plain, documents.DOCUMENTS) if more else rows)

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        with self._telling_missing((documents.DOCUMENTS, file_id)) as (plain,):
            return documents.download(self.client, plain)

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        documents.check_size(file)
        self._relations.label(module, documents.DOCUMENTS)  # before anything is stored
        record = self.get(module, id)
        folder = f"{self._modules.described(documents.FOLDERS).prefix}x1"  # the default folder, which cannot be deleted
        info = documents.upload(self.client, file, folder)
        self.link(module, record.id, documents.DOCUMENTS, info.id)
        return info

    # The rest

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(self.client, find_operation(self, operation), params)

    def _element(self, reader: Reader, values: Values) -> dict[str, JSON]:
        """Return a new record in the server's spelling, with what it would miss: the owner, a task's type."""
        schema = reader.schema
        defaults = {name: value for name, value in DEFAULTS.get(schema.module.name, {}).items() if schema.field(name)}
        if schema.owner_field:
            defaults[schema.owner_field] = self.client.user_id()
        defaults |= inventory.first_product(schema, values)
        given = {name: value for name, value in values.items() if value is not None or name not in defaults}
        return self._wire(schema, {**defaults, **given})

    def _wire(self, schema: ModuleSchema, values: Values) -> dict[str, JSON]:
        """Return values in the server's spelling. Raises RecordInvalid, also for an owner who does not exist: with one
        the server stores a record that it can never show again, and answers "Sorry!" (A3, G13)."""
        wire = self.codec.encode_values(schema, values)
        if schema.owner_field in wire:
            self._owners.check(str(schema.owner_field), wire[schema.owner_field])
        return wire

    @contextmanager
    def _telling_missing(self, *records: tuple[str, str]) -> Iterator[list[str]]:
        """Lend the ids of these (module, id) in their one form, for one request about them.

        The server says the same of a missing record as of a forbidden one (D1): raises RecordNotFound for one that no
        query finds or that cannot be in its module, AccessDenied when all of them are there.
        """
        plain = [self._own_id(module, id) for module, id in records]
        try:
            yield plain
        except RecordNotFound as e:
            if e.code not in AMBIGUOUS:
                raise
            told = {"code": e.code, "vendor_message": e.vendor_message}
            for (module, _given), id in zip(records, plain, strict=True):
                if not self._modules.reader(module).rows(((vtql.one_of("id", [id]),),), columns=("id",)).rows:
                    sentence = _("%(module)s has no record %(id)s (any more).", module=module, id=id)
                    raise RecordNotFound(sentence, **told) from e
            names = ", ".join(plain)
            sentence = _("%(crm)s does not allow this user to do this with %(names)s.", crm=self.label, names=names)
            raise AccessDenied(sentence, **told) from e

    def _own_id(self, module: str, id: str) -> str:
        """Return the id in its one form. Raises RecordNotFound when it is another module's: the server would not mind."""
        plain, described = checked_id(id), self._modules.described(module)
        if not described.owns(plain):
            prefix = f"{described.prefix}x"
            raise RecordNotFound(
                _(
                    "%(module)s has no record %(id)s: its ids begin with %(prefix)s.",
                    module=module,
                    id=plain,
                    prefix=prefix,
                )
            )
        return plain
