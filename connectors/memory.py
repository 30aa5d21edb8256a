"""A CRM in RAM: the reference implementation of the interface, plain, and watched by the observer as any over HTTP.

Connections with the same `store` setting share their records. `store(name)` is the way behind the API's back: tests put
records there, make requests fail and look at what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from connectors.base import DEFAULT_OWNER, REGION, TIME_ZONE, Connector, find_operation
from connectors.context import Call, Context, Outcome
from connectors.errors import AuthError, ConnectorError, QueryError, RecordInvalid, RecordNotFound
from connectors.memory_store import MemoryCodec, Store, checked_id, forget, place, store, with_choices
from connectors.operations import checked
from connectors.paging import local_page
from connectors.query import Query, check, fold, to_text
from connectors.types import (
    JSON,
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
    Operation,
    Owner,
    Page,
    Parameter,
    Record,
    Setting,
    Values,
)
from connectors.wording import text as _

__all__ = ["MemoryConnector", "Store", "forget", "store"]

PAGE_SIZE = 100
MAX_UPLOAD = 1024 * 1024
MODULE = Parameter("module", _("Module"), required=True)


class MemoryConnector(Connector):
    """One account at a CRM in RAM."""

    slug = "memory"
    label = "Memory"
    settings = (
        Setting(
            "store", _("Store"), required=False, default="memory", is_host=True, help=_("Equal names share records.")
        ),
        Setting(
            "password", _("Password"), type="password", required=False, secret=True, help=_("If the store has one.")
        ),
        TIME_ZONE,
        REGION,
        DEFAULT_OWNER,
    )
    capabilities = Capabilities(
        tells_gone=True,
        changes_since=True,
        lists_owners=True,
        related=True,
        link=True,
        unlink=True,
        comment=True,
        files=True,
        upload=True,
        find_by_phone=True,
        appends_choices=True,
        parallel_pages=True,
        page_size=PAGE_SIZE,
        max_upload=MAX_UPLOAD,
    )
    operations = (
        Operation("count_records", _("Return how many records a module has"), (MODULE,), section="Memory"),
        Operation("empty_module", _("Delete all records"), (MODULE,), writes=True, section="Memory"),
    )
    likely_causes = (_("The store has a password and another one is set here."),)

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        self.codec = MemoryCodec(self.config["time_zone"])

    @property
    def _known(self) -> Store:
        return store(self.config["store"])

    def _wire(self, module: str, values: Values) -> Values:
        """Return the values in canonical spelling. Raises RecordInvalid before any request."""
        return self.codec.encode_values(self._known.schema(module), values)

    @contextmanager
    def _request(self, operation: str, *, writes: bool = False) -> Iterator[Store]:
        """Hand out the store for one request: allowed and noted by the observer, failing where a test wants it to."""
        observer, clock = self.context.observer, self.context.clock
        call = Call(operation, "MEMORY", safe=not writes, writes=writes)
        observer.before(call)
        started, error = clock.monotonic(), ""
        try:
            crm = self._known
            with crm.lock:
                crm.requests += 1
                crm.raise_fault(operation, after=False)
                self._log_in(crm)
                yield crm
                crm.raise_fault(operation, after=True)
        except ConnectorError as e:
            error = type(e).__name__
            raise
        finally:
            outcome = Outcome(400 if error else 200, (clock.monotonic() - started) * 1000, error=error)
            observer.after(call, outcome)

    def _log_in(self, crm: Store) -> None:
        if crm.password and crm.password != self.secrets["password"]:
            raise AuthError(_("The store refuses this password. Set the one it has."))

    # Who and what is there

    def check(self) -> Identity:
        with self._request("check") as crm:
            modules = tuple(schema.module for schema in crm.schemas.values())
            return Identity(self.config["store"], user="memory", version="1", time_zone="UTC", modules=modules)

    def modules(self) -> list[Module]:
        with self._request("modules") as crm:
            return [schema.module for schema in crm.schemas.values()]

    def describe(self, module: str) -> ModuleSchema:
        with self._request("describe") as crm:
            return crm.schema(module)

    def owners(self) -> list[Owner]:
        with self._request("owners") as crm:
            return list(crm.owners)

    # Reading

    def read(self, module: str, query: Query) -> Page:
        local_page((), query, self._known.schema(module))  # what is asked for is there: raises QueryError
        with self._request("read") as crm:
            query = replace(query, limit=min(query.limit, PAGE_SIZE))
            return local_page(crm.of(module), query, crm.schema(module))

    def explain(self, module: str, query: Query) -> Explanation:
        check(query.filter, query.order, self._known.schema(module))
        return Explanation(pushed=to_text(query.filter), local="", calls=1)

    def count(self, module: str, query: Query) -> int | None:
        with self._request("count") as crm:
            return local_page(crm.of(module), replace(query, limit=1, cursor=None), crm.schema(module)).total

    def get(self, module: str, id: str) -> Record:
        with self._request("get") as crm:
            return crm.record(module, id)

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        done = place(since)
        while True:
            with self._request("changes") as crm:
                newer = crm.changed(module, done)
            page = newer[:PAGE_SIZE]
            done = page[-1][0] if page else done
            yield ChangePage(tuple(change for _, change in page), str(done), len(newer))
            if len(newer) == len(page):
                return

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        last = after or ""
        while True:
            with self._request("ids") as crm:
                crm.schema(module)
                found = sorted(r.id for r in crm.of(module) if r.id > last)[:PAGE_SIZE]
            if not found:
                return
            yield found
            last = found[-1]

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        with self._request("related") as crm:
            crm.record(module, id)
            schema = crm.schema(relation)
            pointing = [f.name for f in schema.fields if f.type is FieldType.REFERENCE and module in f.refers_to]
            found = [
                record
                for record in crm.of(relation)
                if any(record.values.get(name) == id for name in pointing)
                or frozenset({(module, id), (relation, record.id)}) in crm.links
            ]
            return local_page(found, query, schema)

    def find_by(self, kind: str, text: str) -> list[Record]:
        if kind != "phone":
            return super().find_by(kind, text)
        with self._request("find_by") as crm:
            return [
                r for r in crm.records.values() if self._digits(text) in self._digits(str(r.values.get("phone") or ""))
            ]

    def _digits(self, phone: str) -> str:
        return "".join(c for c in fold(phone) if c.isdigit())

    # Writing

    def create(self, module: str, values: Values) -> Record:
        needed = {f.name: None for f in self._known.schema(module).fields if f.required}
        wire = self._wire(module, needed | dict(values))
        with self._request("create", writes=True) as crm:
            return crm.put(module, wire, now=self.context.clock.now())

    def update(self, module: str, id: str, values: Values) -> Record:
        wire = self._wire(module, values)
        if not wire:
            return self.get(module, id)
        checked_id(self._known.schema(module), id)
        with self._request("update", writes=True) as crm:
            crm.record(module, id)
            return crm.put(module, wire, id, now=self.context.clock.now())

    def delete(self, module: str, id: str) -> None:
        checked_id(self._known.schema(module), id)
        with self._request("delete", writes=True) as crm:
            crm.record(module, id)
            crm.remove(module, id)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        checked_id(self._known.schema(module), id)
        checked_id(self._known.schema(relation), other_id)
        with self._request("link", writes=True) as crm:
            crm.links.add(self._pair(crm, module, id, relation, other_id))

    def unlink(self, module: str, id: str, relation: str, other_id: str) -> None:
        with self._request("unlink", writes=True) as crm:
            crm.links.discard(self._pair(crm, module, id, relation, other_id))

    def _pair(self, crm: Store, module: str, id: str, relation: str, other_id: str) -> frozenset[tuple[str, str]]:
        return frozenset((r.module, r.id) for r in (crm.record(module, id), crm.record(relation, other_id)))

    def comment(self, module: str, id: str, text: str) -> None:
        checked_id(self._known.schema(module), id)
        with self._request("comment", writes=True) as crm:
            crm.record(module, id)
            crm.comments.append((module, id, text))

    def append_choices(self, module: str, field: str, values: list[str]) -> None:
        told = self._known.schema(module).field(field)
        if told is None or told.type not in (FieldType.CHOICE, FieldType.MULTICHOICE):
            raise QueryError(_("There is no pick list “%(field)s” in %(module)s.", field=field, module=module))
        with self._request("append_choices", writes=True) as crm:
            schema = crm.schema(module)
            fields = tuple(with_choices(f, values) if f.name == field else f for f in schema.fields)
            crm.schemas[module] = replace(schema, fields=fields)

    # Files and the rest

    def files(self, module: str, id: str) -> list[FileInfo]:
        with self._request("files") as crm:
            return [self._info(number, file) for number, file in enumerate(self._files(crm, module, id))]

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        with self._request("download") as crm:
            for number, file in enumerate(self._files(crm, module, id)):
                if str(number) == file_id:
                    return file
            raise RecordNotFound(_("%(module)s %(id)s has no file %(file_id)s.", module=module, id=id, file_id=file_id))

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        if len(file.content) > MAX_UPLOAD:
            most, name = f"{MAX_UPLOAD:,}", file.name
            raise RecordInvalid(_("“%(name)s” is larger than %(most)s bytes. Nothing was sent.", name=name, most=most))
        checked_id(self._known.schema(module), id)
        with self._request("upload", writes=True) as crm:
            files = self._files(crm, module, id)
            files.append(file)
            return self._info(len(files) - 1, file)

    def _files(self, crm: Store, module: str, id: str) -> list[FileContent]:
        crm.record(module, id)
        return crm.files.setdefault((module, id), [])

    def _info(self, number: int, file: FileContent) -> FileInfo:
        return FileInfo(str(number), file.name, len(file.content), file.content_type)

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        declared = find_operation(self, operation)
        module = str(checked(declared, params)["module"])
        self._known.schema(module)
        with self._request(operation, writes=declared.writes) as crm:
            found = crm.of(module)
            if declared.writes:
                for record in found:
                    crm.remove(module, record.id)
            return {"module": module, "count": len(found)}
