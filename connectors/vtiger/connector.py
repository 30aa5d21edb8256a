"""Vtiger brought to the common interface. The rule: the server's own description decides what there is, an id is checked
before it is sent, and a record is changed by `revise`, which touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from connectors.base import REGION, TIME_ZONE, Connector, find_operation
from connectors.context import Context
from connectors.errors import (
    AccessDenied,
    ConnectorError,
    QueryError,
    RecordInvalid,
    RecordNotFound,
)
from connectors.paging import local_page
from connectors.query import Query
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
from connectors.vtiger import changes, documents, owners, vtql
from connectors.vtiger.client import VtigerClient, checked
from connectors.vtiger.codec import VtigerCodec
from connectors.vtiger.operations import OPERATIONS, carry_out
from connectors.vtiger.reading import Reader
from connectors.vtiger.schema import DEFAULTS, Described, described


class VtigerConnector(Connector):
    """One user of one Vtiger, version 7 or 8."""

    slug: ClassVar[str] = "vtiger"
    label: ClassVar[str] = "Vtiger"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "url", "Address", type="url", is_host=True,
            help="Where you open Vtiger in the browser: https://crm.example.com or https://example.com/vtiger.",
        ),
        Setting("username", "User name", help="The name you log in with, not the e-mail address."),
        Setting(
            "access_key", "Access key", type="password", secret=True,
            help="In Vtiger: My Preferences, at the bottom, “Access Key”. It is not the password.",
        ),
        TIME_ZONE,
        REGION,
    )  # fmt: skip
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
    operations = OPERATIONS
    credentials_help: ClassVar[str] = (
        "Log in to Vtiger as the user the portal shall act as, open My Preferences and copy the Access Key. Only records "
        "that this user may see are read; to see the deletions of all users' records the portal compares the ids."
    )
    likely_causes: ClassVar[tuple[str, ...]] = (
        "The access key was copied from another user, or the password was given instead of it.",
        "The user name is spelt differently, or the user is inactive.",
        "The address is not the one at which Vtiger opens in a browser.",
        "The server accepts API requests only from addresses on its list, and this portal's is not on it.",
    )

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        self.client = VtigerClient(self.config["url"], self.config["username"], self.secrets["access_key"], context)
        self.codec = VtigerCodec(self.config["time_zone"], context.learned)
        self._described: dict[str, Described] = {}
        self._relations: dict[str, dict[str, JSON]] = {}
        self._owner_ids: frozenset[str] | None = None

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        told = self.client.login()
        modules = tuple(self.modules())
        works = self._sync_works(modules, int(told.get("serverTime") or 1))
        self.context.learned.set(changes.SYNC_WORKS, works)
        return Identity(
            account=self.client.root,
            user=str(told.get("username") or self.config["username"]),
            version=str(told.get("vtigerVersion") or ""),
            modules=modules,
            notes=tuple(notes(told, works, self.config["time_zone"])),
        )

    def _sync_works(self, modules: Sequence[Module], now: int) -> bool:
        """Ask once: on PHP 8 `sync` dies with an empty HTTP 500 (F1)."""
        names = [module.name for module in modules]
        try:
            self.client.sync("Contacts" if "Contacts" in names else names[0], now)
        except (ConnectorError, IndexError):
            return False
        return True

    def modules(self) -> list[Module]:
        told = self.client.listtypes()
        known = told.get("information") or {}
        return [_module(str(name), known.get(name) or {}) for name in told.get("types") or []]

    def describe(self, module: str) -> ModuleSchema:
        return self._module(module).schema

    def _module(self, module: str) -> Described:
        """Return what the server says of a module, asked once per connector. Raises QueryError for an unknown one."""
        if module not in self._described:
            told = self.client.describe(module)
            self._described[module] = described(told, self.codec, self.client.user_id())
        return self._described[module]

    # Reading

    def _reader(self, module: str) -> Reader:
        return Reader(self.client, self.codec, self._module(module))

    def read(self, module: str, query: Query) -> Page:
        return self._reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._reader(module).explain(query)

    def count(self, module: str, query: Query) -> int | None:
        reader = self._reader(module)
        pushed = reader.pushed(query)
        return reader.count(pushed.groups) if pushed.exact else None

    def get(self, module: str, id: str) -> Record:
        reader = self._reader(module)
        with self._telling_missing(reader, id) as plain:
            return reader.record(self.client.retrieve(plain))

    def get_many(self, module: str, ids: list[str]) -> list[Record]:
        reader = self._reader(module)
        own = [plain for plain in map(checked, ids) if own_id(reader.described, plain)]
        found: list[Record] = []
        for start in range(0, len(own), vtql.PAGE):
            wanted = vtql.one_of("id", own[start : start + vtql.PAGE])
            found += map(reader.record, reader.rows(((wanted,),)).rows)
        return found

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since, self.context)

    def ids(self, module: str) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), self.context)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        reader, other = self._reader(module), self._reader(relation)
        with self._telling_missing(reader, id) as plain:
            rows = self.client.retrieve_related(plain, relation, self._relation(module, relation))
        return local_page(map(other.record, rows), query, other.schema)

    def owners(self) -> list[Owner]:
        users = owners.users(self._reader("Users"))
        us = Owner(self.client.user_id(), self.config["username"])
        found = [*(users if users is not None else [us]), *owners.groups(self._reader("Groups"))]
        self._owner_ids = frozenset(owner.id for owner in found) if users is not None else frozenset()
        return found

    def record_url(self, module: str, id: str) -> str | None:
        return f"{self.client.root}index.php?module={module}&view=Detail&record={checked(id).partition('x')[2]}"

    # Writing

    def create(self, module: str, values: Values) -> Record:
        reader = self._reader(module)
        element = self._element(reader, values)
        stored = self.client.create(module, element)
        self.codec.learn(element, stored)
        return reader.record(stored)

    def update(self, module: str, id: str, values: Values) -> Record:
        reader = self._reader(module)
        sent = self._wire(reader.schema, values)
        with self._telling_missing(reader, id) as plain:
            if not sent:
                return reader.record(self.client.retrieve(plain))
            stored = self.client.revise(plain, sent)
        self.codec.learn(sent, stored)
        return reader.record(stored)

    def delete(self, module: str, id: str) -> None:
        with self._telling_missing(self._reader(module), id) as plain:
            self.client.delete(plain)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        label = self._relation(module, relation)
        with self._telling_missing(self._reader(module), id) as plain:
            self.client.add_related(plain, other_id, label)

    def comment(self, module: str, id: str, text: str) -> None:
        with self._telling_missing(self._reader(module), id) as plain:
            self.create("ModComments", {"commentcontent": text, "related_to": plain})

    # Files

    def files(self, module: str, id: str) -> list[FileInfo]:
        with self._telling_missing(self._reader(module), id) as plain:
            if module == documents.DOCUMENTS:
                return documents.infos([self.client.retrieve(plain)])
            label = self._relation(module, documents.DOCUMENTS)
            return documents.infos(self.client.retrieve_related(plain, documents.DOCUMENTS, label))

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        with self._telling_missing(self._reader(documents.DOCUMENTS), file_id) as plain:
            return documents.download(self.client, plain)

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        label = self._relation(module, documents.DOCUMENTS)
        folder = f"{self._module(documents.FOLDERS).prefix}x1"  # the default folder, which cannot be deleted
        with self._telling_missing(self._reader(module), id) as plain:
            info = documents.upload(self.client, file, folder)
            self.client.add_related(plain, info.id, label)
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
        given = {name: value for name, value in values.items() if value is not None or name not in defaults}
        return self._wire(schema, {**defaults, **given})

    def _wire(self, schema: ModuleSchema, values: Values) -> dict[str, JSON]:
        """Return values in the server's spelling. Raises RecordInvalid, also for an owner who does not exist: with one
        the server stores a record that it can never show again, and answers "Sorry!" (A3, G13)."""
        wire = self.codec.encode_values(schema, values)
        owner = wire.get(schema.owner_field or "")
        if owner and owner != self.client.user_id():
            known = self._owner_ids
            if known is None:
                known = frozenset(owner.id for owner in self.owners()) and self._owner_ids
            if known and owner not in known:
                problem = f"{owner} is no user or group of this Vtiger"
                raise RecordInvalid(f"The owner {problem}.", fields={str(schema.owner_field): problem})
        return wire

    def _relation(self, module: str, relation: str) -> str:
        """Return the label of the relation that leads from a module to another. Raises QueryError."""
        if module not in self._relations:
            self._relations[module] = self.client.relatedtypes(module).get("information") or {}
        known = self._relations[module]
        for label, told in known.items():
            if relation in (told.get("name"), label):
                return label
        raise QueryError(f"{module} has no relation “{relation}”. It has: {', '.join(known) or 'none'}.")

    @contextmanager
    def _telling_missing(self, reader: Reader, id: str) -> Iterator[str]:
        """Lend the id in its one form; what the server says of a missing record is the same as of a forbidden one (D1).

        Raises RecordNotFound when it is missing, or is a record of another module; AccessDenied when a query finds it.
        """
        plain = checked(id)
        if not own_id(reader.described, plain):
            raise RecordNotFound(
                f"{reader.schema.module.label} has no record {plain}: its ids begin with {reader.described.prefix}x."
            )
        try:
            yield plain
        except RecordNotFound as e:
            if reader.rows(((vtql.one_of("id", [plain]),),), columns=("id",)).rows:
                raise AccessDenied(
                    f"Vtiger does not allow this with {plain}.", code=e.code, vendor_message=e.vendor_message
                ) from e
            raise RecordNotFound(
                f"{reader.schema.module.label} has no record {plain} (any more).",
                code=e.code,
                vendor_message=e.vendor_message,
            ) from e


def own_id(module: Described, id: str) -> bool:
    """Say whether that id can be one of the module's. The server takes a contact's id for any module (D2)."""
    return not module.prefix or id.partition("x")[0] == module.prefix


def notes(told: Mapping[str, JSON], sync_works: bool, zone: str) -> list[str]:
    """Return what a person should know about this server."""
    own = f" ({told['time_zone']} is only the zone of this user)" if told.get("time_zone") else ""
    said = [
        f"Vtiger does not tell the time zone of its server{own}. Its times are read as {zone}; if they are wrong, change the setting."
    ]
    if not sync_works:
        said.append("This server cannot tell what was deleted, so deletions are found by comparing all ids.")
    return said


def _module(name: str, told: Mapping[str, JSON]) -> Module:
    entity = str(told.get("isEntity", True)).lower() in ("1", "true")
    return Module(
        name,
        str(told.get("label") or name),
        str(told.get("singular") or ""),
        creatable=entity,
        updatable=entity,
        deletable=entity,
    )
