"""The words of the interface as data: what a connector declares and what it hands over. Values are canonical JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

JSON = Any  # what a vendor sent, or a canonical value: None, bool, str, or a list/dict of those
Values = Mapping[str, JSON]


class FieldType(StrEnum):
    """What a field holds. Beside each: the one canonical spelling of a value (None when empty, never "")."""

    TEXT = "text"  # "Acme"
    LONGTEXT = "longtext"  # "line 1\nline 2"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    INTEGER = "integer"  # "42": numbers are text, so that no float ever rounds them
    DECIMAL = "decimal"  # "12.5": plain, no exponent, no trailing zeros, "-0" is "0"
    MONEY = "money"
    PERCENT = "percent"
    BOOLEAN = "boolean"  # true / false
    DATE = "date"  # "2024-02-29"
    TIME = "time"  # "23:59:00"
    DATETIME = "datetime"  # "2024-02-29T23:59:00Z", always UTC
    CHOICE = "choice"  # the choice's value
    MULTICHOICE = "multichoice"  # ["A", "B"], in the vendor's order
    REFERENCE = "reference"  # the other record's id: "11x100"
    OWNER = "owner"  # the user's or group's id
    ID = "id"
    FILE = "file"
    LINES = "lines"  # list of objects: the lines of a sales document
    JSON = "json"  # anything else, kept as it came


TEXT_TYPES = frozenset(
    {FieldType.TEXT, FieldType.LONGTEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.FILE}
)
NUMBER_TYPES = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.PERCENT})
DAY_TYPES = frozenset({FieldType.DATE, FieldType.DATETIME})
POINTER_TYPES = frozenset({FieldType.REFERENCE, FieldType.OWNER})


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a pick list: what is stored, and what a person reads."""

    value: str
    label: str


SettingType = Literal["text", "url", "password", "longtext", "choice", "boolean", "time_zone", "region"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing a connection must store. `secret` ones are sealed and write-only; `is_host` says changing it asks for
    the secrets again; `is_account` that another value may lead to another customer's records at the same host; `help` tells where to find it in that CRM."""

    name: str
    label: str
    type: SettingType = "text"
    required: bool = True
    secret: bool = False
    is_host: bool = False
    is_account: bool = False
    default: str = ""
    choices: tuple[Choice, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field of a module. `refers_to` are module names; `max_length` is characters, None when the vendor does not
    tell; `section` is the vendor's block; `lines` are the fields of one line, of a field of lines."""

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    editable: bool = True
    choices: tuple[Choice, ...] = ()
    refers_to: tuple[str, ...] = ()
    max_length: int | None = None
    unique: bool = False
    default: JSON = None
    section: str = ""
    help: str = ""
    wire_type: str = ""  # the vendor's own name of the type, for messages and for the codec
    lines: tuple[FieldSchema, ...] = ()


@dataclass(frozen=True, slots=True)
class Module:
    """A kind of record. The four booleans say what this account may do with it."""

    name: str
    label: str
    singular: str = ""
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    readable: bool = True


@dataclass(frozen=True, slots=True)
class ModuleSchema:
    """A module and its fields, in the vendor's order."""

    module: Module
    fields: tuple[FieldSchema, ...]
    label_fields: tuple[str, ...] = ()  # what names a record: ("firstname", "lastname")
    modified_field: str | None = None
    created_field: str | None = None
    owner_field: str | None = None

    def field(self, name: str) -> FieldSchema | None:
        """Return the field of that exact name, or None."""
        return next((f for f in self.fields if f.name == name), None)

    @property
    def default_owner(self) -> dict[str, JSON]:
        """Return {owner field: whom a new record belongs to}; empty when nobody is named."""
        found = self.field(self.owner_field) if self.owner_field else None
        return {found.name: found.default} if found and found.editable and found.default is not None else {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the field names, in order."""
        return tuple(f.name for f in self.fields)


@dataclass(frozen=True, slots=True)
class Record:
    """One row. `values` holds the fields this answer *carried*: absent is not empty. `modified` is UTC ISO or None."""

    module: str
    id: str
    values: Values
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a read. `next_cursor` is opaque and None at the end; `total` only where the vendor told it."""

    records: tuple[Record, ...]
    next_cursor: str | None = None
    total: int | None = None


Cursor = str  # the connector's own text; nobody else looks inside


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one record: it has these values now, or the vendor itself says it is gone."""

    id: str
    record: Record | None = None

    @property
    def gone(self) -> bool:
        """Say whether the vendor reported the record as deleted."""
        return self.record is None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes, and where to go on once they are *stored*. A cursor may be saved only together with its page."""

    changes: tuple[Change, ...]
    cursor: Cursor
    total: int | None = None  # how many the whole reading will bring, where known


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query would be carried out: `pushed` in the vendor's own query text, `local` in ours ("" when nothing)."""

    pushed: str
    local: str
    calls: int | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are at the vendor. `expires_at` is UTC ISO, for credentials that run out; `notes` are for a person."""

    account: str
    user: str = ""
    version: str = ""
    time_zone: str = ""  # what the server proposes, IANA name, "" when it does not tell
    expires_at: str | None = None
    modules: tuple[Module, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who can own records: a user or a group."""

    id: str
    label: str
    kind: Literal["user", "group"] = "user"
    active: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """A saved filter at the vendor's."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file that hangs on a record. `size` is bytes, None when unknown."""

    id: str
    name: str
    size: int | None = None
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file's bytes."""

    name: str
    content: bytes
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A received HTTP request, for `parse_webhook`."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor can do. Each flag is a question in plain English; the portal shows or hides by the answer."""

    create: bool = True  # May records be created?
    update: bool = True  # May records be changed?
    delete: bool = True  # May records be deleted?
    describes_itself: bool = True  # Does the server tell its modules and fields?
    counts: bool = True  # Does it tell how many records match, without reading them?
    shows_stored: bool = True  # Does the answer to a write show the record as it was stored by this very write?
    tells_gone: bool = False  # Does it report deleted records by itself?
    changes_since: bool = False  # Can it be asked for what changed since a cursor?
    lists_owners: bool = False  # Can users and groups be listed?
    views: bool = False  # Are there saved filters?
    related: bool = False  # Can related records be listed?
    link: bool = False  # Can two records be linked?
    unlink: bool = False  # Can a link be undone?
    comment: bool = False  # Can a comment be added?
    files: bool = False  # Can files be listed and downloaded?
    upload: bool = False  # Can files be uploaded?
    find_by_phone: bool = False  # Is there a search by phone number?
    appends_choices: bool = False  # Can entries be added to a pick list?
    parallel_pages: bool = False  # May several pages of one module be fetched at the same time?
    webhooks: bool = False  # Does the vendor send us requests?
    page_size: int = 100  # How many records does the largest page hold?
    max_upload: int = 0  # How large may a file be, in bytes?
    create_calls: int = 1  # How many calls does it cost to create a record?
    update_calls: int = 1  # How many to change one?
    delete_calls: int = 1  # How many to delete one?


@dataclass(frozen=True, slots=True)
class Alteration:
    """How this server may keep a value of these types otherwise than it was sent, without a word; told before anything is sent."""

    types: frozenset[FieldType]
    what: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    label: str = ""
    type: Literal["text", "integer", "boolean", "json", "list", "secret", "file"] = "text"
    required: bool = False
    help: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A documented call that the common interface does not cover. `section` is the heading in the vendor's document;
    `admin_only` ones, the raw call first of all, are for administrators of the portal."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    writes: bool = False
    section: str = ""
    errors: tuple[str, ...] = field(default=())
    admin_only: bool = False
