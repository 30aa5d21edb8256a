"""What a CRM in RAM keeps: records, what happened to them in which order, files, and the faults a test asks for. It holds
canonical values; every method may be called from any thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from connectors.errors import ConnectorError, QueryError, RecordNotFound
from connectors.spelling import instant
from connectors.types import (
    JSON,
    Change,
    Choice,
    Cursor,
    FieldSchema,
    FieldType,
    FileContent,
    Module,
    ModuleSchema,
    Owner,
    Record,
    Values,
)
from connectors.values import Codec
from connectors.wording import text as _

_STAMPS = (
    FieldSchema("created", "Created time", FieldType.DATETIME, editable=False),
    FieldSchema("modified", "Modified time", FieldType.DATETIME, editable=False),
    FieldSchema("owner", "Assigned to", FieldType.OWNER),
)
_STATUS = (Choice("New", "New"), Choice("In Progress", "Being worked on"), Choice("Done", "Done"))
_TAGS = (Choice("A", "Customer"), Choice("B", "Partner"), Choice("C", "Press"))
_LINE_FIELDS = (
    FieldSchema("product", "Product", required=True, max_length=80),
    FieldSchema("company", "Company", FieldType.REFERENCE, refers_to=("Accounts",)),
    FieldSchema("quantity", "Quantity", FieldType.DECIMAL),
    FieldSchema("price", "Price", FieldType.MONEY),
    FieldSchema("remark", "Remark", FieldType.LONGTEXT),
    FieldSchema("total", "Total", FieldType.MONEY, editable=False),
)
_CONTACT_FIELDS = (
    FieldSchema("lastname", "Last name", required=True, max_length=80),
    FieldSchema("firstname", "First name", max_length=40),
    FieldSchema("email", "E-mail", FieldType.EMAIL),
    FieldSchema("phone", "Phone", FieldType.PHONE),
    FieldSchema("website", "Website", FieldType.URL),
    FieldSchema("notes", "Notes", FieldType.LONGTEXT),
    FieldSchema("address/city", "City"),
    FieldSchema("children", "Children", FieldType.INTEGER),
    FieldSchema("height", "Height", FieldType.DECIMAL),
    FieldSchema("revenue", "Revenue", FieldType.MONEY),
    FieldSchema("discount", "Discount", FieldType.PERCENT),
    FieldSchema("optout", "No e-mails", FieldType.BOOLEAN),
    FieldSchema("birthday", "Birthday", FieldType.DATE),
    FieldSchema("calltime", "Best time to call", FieldType.TIME),
    FieldSchema("nextcall", "Next call", FieldType.DATETIME),
    FieldSchema("status", "Status", FieldType.CHOICE, choices=_STATUS),
    FieldSchema("tags", "Tags", FieldType.MULTICHOICE, choices=_TAGS),
    FieldSchema("account", "Account", FieldType.REFERENCE, refers_to=("Accounts",)),
    FieldSchema("lines", "Lines", FieldType.LINES, lines=_LINE_FIELDS),
    FieldSchema("extra", "Extra", FieldType.JSON),
    *_STAMPS,
)
_ACCOUNT_FIELDS = (
    FieldSchema("name", "Name", required=True, max_length=80),
    FieldSchema("phone", "Phone", FieldType.PHONE),
    FieldSchema("employees", "Employees", FieldType.INTEGER),
    *_STAMPS,
)


def _schema(module: Module, fields: tuple[FieldSchema, ...], *label_fields: str) -> ModuleSchema:
    return ModuleSchema(module, fields, label_fields, "modified", "created", "owner")


SCHEMAS = (
    _schema(Module("Contacts", "Contacts", "Contact"), _CONTACT_FIELDS, "firstname", "lastname"),
    _schema(Module("Accounts", "Accounts", "Account"), _ACCOUNT_FIELDS, "name"),
)


class MemoryCodec(Codec):
    """Canonical values as they are: the store is no server with a spelling of its own."""

    def encode_datetime(self, field: object, value: JSON) -> JSON:
        return value


@dataclass
class Fault:
    """One kind of request fails with this error the next `times` times; `after` it did its work, or before."""

    operation: str
    error: ConnectorError
    after: bool = False
    times: int = 1


@dataclass
class Store:
    """One CRM. `happened` tells the number of the last change of each record, deleted ones too. `password`, when set,
    must be that of the connection. `requests` counts all that reached it."""

    schemas: dict[str, ModuleSchema] = field(default_factory=lambda: {s.module.name: s for s in SCHEMAS})
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    happened: dict[tuple[str, str], int] = field(default_factory=dict)
    links: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    files: dict[tuple[str, str], list[FileContent]] = field(default_factory=dict)
    comments: list[tuple[str, str, str]] = field(default_factory=list)
    owners: list[Owner] = field(
        default_factory=lambda: [Owner("1", "Ada"), Owner("2", "Bo"), Owner("9", "Sales", "group")]
    )
    faults: list[Fault] = field(default_factory=list)
    password: str = ""
    requests: int = 0
    last_id: int = 0
    last_change: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, module: str, values: Values, id: str = "", *, now: datetime | None = None) -> Record:
        """Create the record, or change the fields given of the one with this id; no rule is checked."""
        with self.lock:
            stamp = instant(now or datetime.now(UTC))
            self.last_id += not id
            id = id or str(self.last_id)
            old = self.records.get((module, id))
            names = self.schemas[module].names
            kept: dict[str, JSON] = dict(old.values) if old else dict.fromkeys(names) | {"created": stamp, "owner": "1"}
            merged = {n: v for n, v in (kept | {"modified": stamp} | dict(values)).items() if n in names}
            record = self.records[module, id] = Record(module, id, merged, merged.get("modified"))
            self._note(module, id)
            return record

    def remove(self, module: str, id: str) -> None:
        """Delete the record."""
        with self.lock:
            del self.records[module, id]
            self._note(module, id)

    def fail(self, operation: str, error: ConnectorError, *, after: bool = False, times: int = 1) -> None:
        """Let the next requests of that operation fail, before or after they did their work."""
        with self.lock:
            self.faults.append(Fault(operation, error, after, times))

    def raise_fault(self, operation: str, *, after: bool) -> None:
        """Raise what a test asked for at this point of this operation."""
        with self.lock:
            for fault in self.faults:
                if (fault.operation, fault.after) == (operation, after) and fault.times > 0:
                    fault.times -= 1
                    raise fault.error

    def schema(self, module: str) -> ModuleSchema:
        """Return the module's fields. Raises QueryError."""
        if module not in self.schemas:
            names = ", ".join(self.schemas)
            raise QueryError(_("There is no module “%(module)s”. There are: %(names)s.", module=module, names=names))
        return self.schemas[module]

    def record(self, module: str, id: str) -> Record:
        """Return the record. Raises QueryError, RecordNotFound."""
        self.schema(module)
        if (module, id) not in self.records:
            raise RecordNotFound(_("%(module)s %(id)s does not exist, or was deleted.", module=module, id=id))
        return self.records[module, id]

    def of(self, module: str) -> list[Record]:
        """Return the records of a module."""
        with self.lock:
            return [record for (name, _), record in self.records.items() if name == module]

    def changed(self, module: str, after: int) -> list[tuple[int, Change]]:
        """Return what happened after the change of that number, each with its own: a record's last change only."""
        self.schema(module)
        with self.lock:
            return sorted(
                (number, Change(id, self.records.get((name, id))))
                for (name, id), number in self.happened.items()
                if name == module and number > after
            )

    def _note(self, module: str, id: str) -> None:
        self.last_change += 1
        self.happened[module, id] = self.last_change


_STORES: dict[str, Store] = {}
_LOCK = threading.Lock()


def store(name: str = "memory") -> Store:
    """Return the store of that name, made on first use."""
    with _LOCK:
        return _STORES.setdefault(name, Store())


def forget(name: str = "memory") -> None:
    """Begin that store anew."""
    with _LOCK:
        _STORES.pop(name, None)


def with_choices(field: FieldSchema, values: list[str]) -> FieldSchema:
    """Return the field with these choices too."""
    known = {choice.value for choice in field.choices}
    return replace(field, choices=field.choices + tuple(Choice(value, value) for value in values if value not in known))


def checked_id(schema: ModuleSchema, id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one."""
    if not (id.isascii() and id.isalnum()):
        raise RecordNotFound(_("“%(id)s” is not an id of %(module)s.", id=id[:40], module=schema.module.label))
    return id


def place(cursor: Cursor | None) -> int:
    """Return the number of the last change that was handed over. Raises QueryError for a cursor that is not ours."""
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
        raise QueryError(_("This cursor is not one of a CRM in RAM: read the module again from the beginning."))
    return int(cursor or 0)
