"""The simulated Vtiger's records and rules that all its operations share: ids, users, who may see what, how a row reads.

Facts are from a running Vtiger 8.0.0; a letter and number in a comment names the fact (A transport … I codes)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from html.entities import codepoint2name
from importlib.resources import files
from typing import Any

from connectors.sandbox.store import Row, Store
from connectors.sandbox.wire import Clock, escaped_json

JSON = Any
DENIED = "Permission to perform the operation is denied"
PAGE = 100


class WsError(Exception):
    """An application error: HTTP 200 with {"success": false, "error": {"message", "code"}} (A1)."""

    def __init__(self, code: str | int, message: str = DENIED) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class PhpFatal(Exception):
    """PHP died: HTTP 500 with an empty body (A2)."""


class RestrictedFile(Exception):
    """HTTP 200, text/html, "Sorry! Attempt to access restricted file." (A3)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the module's describe answer, and the column behind it. `width` is in characters, None for unlimited."""

    name: str
    type: str
    mandatory: bool
    editable: bool
    refers_to: tuple[str, ...]
    width: int | None
    decimals: int


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    prefix: str
    is_entity: bool
    fields: dict[str, Field]
    label_fields: tuple[str, ...]
    describe: dict[str, JSON]

    @property
    def number_field(self) -> str | None:
        """Return the field that is numbered by the server (contact_no), if any."""
        return next((n for n, f in self.fields.items() if n.endswith("_no") and not f.editable), None)


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    is_admin: bool
    is_active: bool
    access_key: str

    @property
    def ws_id(self) -> str:
        return f"19x{self.id}"


@cache
def data() -> dict[str, JSON]:
    """Return what was recorded of the real server's schema: listtypes, describes, relations, users and groups."""
    parsed: dict[str, JSON] = json.loads(files("connectors.sandbox.vtiger").joinpath("server.json").read_text("utf-8"))
    return parsed


@dataclass(frozen=True, slots=True)
class Custom:
    """A module that an administrator made: JSON of its description, and whether listtypes names it to who asks."""

    described: str
    listed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Installation:
    """What one server has otherwise than the recorded one: (module, what its ids begin with), (module, JSON that describes a
    field added there), custom modules, and (module, field, JSON of what its administrator changed about it; null for one taken
    away). Such things differ from one installation to the next. Each is made once, and is itself only."""

    prefixes: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    modules: tuple[Custom, ...] = ()
    changed: tuple[tuple[str, str, str], ...] = ()

    def of(self, module: str, fields: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
        """Return the module's fields as its administrator left them."""
        told = {name: json.loads(change) for at, name, change in self.changed if at == module}
        return [{**f, **(told.get(f["name"]) or {})} for f in fields if told.get(f["name"], True) is not None]


AS_RECORDED = Installation()
installation: ContextVar[Installation] = ContextVar("installation", default=AS_RECORDED)


def modules() -> dict[str, Module]:
    """Return the modules by name, in the order of listtypes, as the installation that is at work has them."""
    return _modules(installation.get())


@cache
def _modules(own: Installation) -> dict[str, Module]:
    prefixes, found = dict(own.prefixes), {}
    for name, described in data()["modules"].items():
        added = [json.loads(field) for module, field in own.fields if module == name]
        fields = [*described["fields"][:-1], *added, described["fields"][-1]]
        prefix = prefixes.get(name, described["idPrefix"])
        found[name] = _module(name, {**described, "fields": own.of(name, fields), "idPrefix": prefix})
    return found | {
        made["name"]: _module(made["name"], made) for made in (json.loads(c.described) for c in own.modules)
    }


def listed() -> dict[str, JSON]:
    """Return what listtypes tells of each module, by name."""
    found = {name: data()["information"][name] for name in data()["types"]}
    for custom in installation.get().modules:
        made = json.loads(custom.described)
        if custom.listed:
            found[made["name"]] = {"isEntity": True, "label": made["label"], "singular": made["label"]}
    return found


def _module(name: str, described: dict[str, JSON]) -> Module:
    widths, decimals = data()["widths"].get(name, {}), data()["decimals"].get(name, {})
    fields = {}
    for f in described["fields"]:
        kind = f["type"]["name"]
        width = widths.get(f["name"], None if kind in ("text", "multipicklist") else 255)
        refers = tuple(f["type"].get("refersTo", ()))
        fields[f["name"]] = Field(
            f["name"], kind, bool(f["mandatory"]), f["editable"], refers, width, decimals.get(f["name"], 3)
        )
    labels = tuple(filter(None, described["labelFields"].split(",")))
    return Module(name, described["idPrefix"], described["isEntity"], fields, labels, described)


def by_prefix() -> dict[int, Module]:
    """Return the modules by the number their ids begin with."""
    return _by_prefix(installation.get())


@cache
def _by_prefix(own: Installation) -> dict[int, Module]:
    return {int(m.prefix): m for m in _modules(own).values()}


def number_prefix(module: Module) -> str:
    """Return what the server's own numbers of the module begin with: CON12, TT3."""
    return "TT" if module.name == "HelpDesk" else module.name[:3].upper()


def int_cast(text: str) -> int:
    """Return what MySQL and PHP make of a text used as a number: its leading digits, else 0 (D2)."""
    found = re.match(r"\s*(\d+)", text)
    return int(found[1]) if found else 0


def html_encode(text: str) -> str:
    """Return the text as PHP's htmlentities(ENT_QUOTES) writes it: every HTML 4 entity by name, ' as &#039; (D4, E10)."""
    return "".join(
        "&#039;" if c == "'" else f"&{codepoint2name[ord(c)]};" if ord(c) in codepoint2name else c for c in text
    )


@dataclass(slots=True)
class Crm:
    """The state behind the operations. Callers hold `store.lock`."""

    store: Store
    clock: Clock
    switches: dict[str, JSON]

    def module(self, name: str, denied: str = DENIED) -> Module:
        """Module names are case-sensitive (A8). Raises ACCESS_DENIED for an unknown one, and one that is for nobody."""
        found = modules().get(name)
        if found is None or name in self.switches["denied"]:
            raise WsError("ACCESS_DENIED", denied)
        return found

    def next_id(self, module: Module) -> int:
        """Return a new id: one number range for all entity modules, one each for the others."""
        name = "crmid" if module.is_entity and module.name != "Users" else f"id:{module.name}"
        number: int = self.store.notes.get(name, 0) + 1
        self.store.note(name, number)
        return number

    def number(self, module: Module) -> str:
        count: int = self.store.notes.get(f"number:{module.name}", 0) + 1
        self.store.note(f"number:{module.name}", count)
        return f"{number_prefix(module)}{count}"

    def find(self, number: int) -> Row | None:
        """Return the entity record with that number, whatever its module, deleted or not."""
        for module in modules().values():
            if module.is_entity and module.name != "Users":
                row = self.store.table(module.name).rows.get(number)
                if row is not None:
                    return row
        return None

    def locate(self, ws_id: str, user: User) -> tuple[Module, Row, str]:
        """Return module, row and the id as the answer will spell it (D1, D2). Ids are cast as loosely as the real server does.

        Raises ACCESS_DENIED for missing, deleted, unreadable and garbage; INVALID_ID_ATTRIBUTE for another module's prefix.
        """
        prefix, _, rest = ws_id.partition("x")
        raw = rest.split("x")[0]
        module = by_prefix().get(int_cast(prefix))
        if module is None:
            raise WsError("ACCESS_DENIED", DENIED + " for id")
        if module.name == "Users" and not user.is_admin:
            raise WsError("ACCESS_DENIED")
        number = int_cast(raw)
        row = self.store.table(module.name).rows.get(number)
        if row is None and module.is_entity and module.name != "Users":
            row = self.find(number)
        if row is None or row.deleted:
            raise WsError("ACCESS_DENIED")
        if row.module != module.name:
            raise WsError("INVALID_ID_ATTRIBUTE", "Id specified is incorrect")
        if not self.may_read(user, row) or not self.may_see(module, row):
            raise WsError("ACCESS_DENIED", "Permission to read given object is denied")
        return module, row, f"{module.prefix}x{raw}"

    def may_read(self, user: User, row: Row) -> bool:
        """With private sharing a non-admin reads only own records; by default everybody reads all."""
        if user.is_admin or not self.switches["private_sharing"]:
            return True
        return bool(row.values.get("assigned_user_id", user.ws_id) == user.ws_id)

    def database_fails(self, narrowed: bool) -> bool:
        """Say whether the database fails now, which reads as no rows (C5); the switch says how many narrowed queries it meets."""
        fails = narrowed and self.switches["database_fails"] > 0
        self.switches["database_fails"] -= fails
        return fails

    def may_see(self, module: Module, row: Row) -> bool:
        """Say whether the row is shown at all; what is not shown is counted all the same."""
        unseen: list[str] = self.switches["unseen"].get(module.name, [])
        return not unseen or f"{module.prefix}x{row.id}" not in unseen

    def visible(self, module: Module, user: User, after: int | None = None) -> Iterator[Row]:
        """Yield the rows a query may return, by id: not deleted, readable, no converted leads (C14), no tasks without an
        activity type (D16)."""
        restricted = bool(self.switches["private_sharing"]) and not user.is_admin
        for row in self.store.table(module.name).living(after):
            if row.hidden.get("converted") or (restricted and not self.may_read(user, row)):
                continue
            if module.name == "Calendar" and row.values["activitytype"] != "Task":
                continue
            yield row

    def full(self, module: Module, row: Row, ws_id: str | None = None) -> dict[str, JSON]:
        """Return the record as retrieve, create and revise answer it: all fields, id, and the entity-encoded label (E10b)."""
        values = {**row.values, "id": ws_id or f"{module.prefix}x{row.id}"}
        if module.is_entity and module.name != "Users":
            values.update(row.hidden.get("extra", {}))
            values["label"] = html_encode(row.hidden.get("label", ""))
        return values

    def rendered(self, module: Module, row: Row) -> bytes:
        """Return the row as `SELECT *` shows it, as JSON, remembered until the row changes."""
        if row.rendered is None:
            shown = {k: v for k, v in row.values.items() if k != "id"}
            row.rendered = escaped_json({**shown, "id": f"{module.prefix}x{row.id}"})
        return row.rendered
