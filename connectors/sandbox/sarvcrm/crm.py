"""The records of the simulated SarvCRM: found, named, shown, kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.sarvcrm import numbers
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.query import Compiler
from connectors.sandbox.sarvcrm.schema import MODULES, Field, Module
from connectors.sandbox.sarvcrm.values import STAMP, shown
from connectors.sandbox.store import Row, Store
from connectors.sandbox.wire import Clock

JSON = Any
ADMIN = "1"


class Crm:
    """All records of one account, with the switches of vendor.SarvCrm."""

    def __init__(self, store: Store, clock: Clock, switches: dict[str, JSON]) -> None:
        self.store, self.clock, self.switches = store, clock, switches
        self._rows: dict[str, dict[str, Row]] = {}  # by module and id, of the modules that were looked into
        self._whole: dict[JSON, dict[str, JSON]] = {}  # records as shown, until anything is written

    def begin(self) -> None:
        """Look into the store anew."""
        self._whole.clear()
        self._rows.clear()

    def _rows_of(self, module: str) -> dict[str, Row]:
        if module not in self._rows:
            kept = self.store.table(module).rows.values()
            self._rows[module] = {str(row.values.get("id")): row for row in kept}
        return self._rows[module]

    def module(self, name: str) -> Module:
        """Raises SarvError 404/20 for a module that is not there, 403/40 for one that is denied."""
        if name not in MODULES or name in self.switches["not_here"]:
            raise SarvError("404/20")
        if name in self.switches["denied"]:
            raise SarvError("403/40")
        return MODULES[name]

    def find(self, module: str, record_id: str) -> Row | None:
        row = self._rows_of(module).get(record_id)
        return None if row is None or row.deleted else row

    def row(self, module: Module, record_id: str) -> Row:
        """Raises SarvError 400/22."""
        row = self.find(module.name, record_id)
        if row is None:
            raise SarvError("400/22")
        return row

    def any_row(self, module: str, record_id: str) -> Row:
        """Return the row, deleted or not. Raises KeyError."""
        return self._rows_of(module)[record_id]

    def living(self, module: Module) -> list[Row]:
        return list(self.store.table(module.name).living())

    def new(self, module: Module, record_id: str = "", user: str = ADMIN) -> Row:
        """Return a row with nothing in it but who and when; save() keeps it."""
        number: int = self.store.notes.get("next", 1)
        self.store.note("next", number + 1)
        now = self.clock_text()
        by = {"created_by": user, "modified_user_id": user, "date_entered": now, "date_modified": now}
        owner = {"assigned_user_id": user} if "assigned_user_id" in module.fields else {}
        return Row(module.name, number, {"id": record_id or new_id(self.store.notes["seed"], number), **by, **owner})

    def save(self, *rows: Row) -> None:
        self._whole.clear()
        for row in rows:
            module = MODULES.get(row.module)
            if module is not None:
                complete(module, row.values)
            self._rows_of(row.module)[str(row.values.get("id"))] = row
        self.store.save(rows)

    def clock_text(self) -> str:
        """Return the present in UTC, as it is kept."""
        return datetime.fromtimestamp(self.clock.seconds(), UTC).strftime(STAMP)

    @property
    def zone(self) -> tzinfo:
        return self.clock.zone

    def compiler(self, module: Module) -> Compiler:
        zone = ZoneInfo(self.switches["database_zone"])

        def local(text: str) -> str:
            return datetime.strptime(text, STAMP).replace(tzinfo=UTC).astimezone(zone).strftime(STAMP)

        same = self.switches["database_zone"] == "UTC"
        return Compiler(module, frozenset(self.switches["no_column"]), str if same else local)

    def name_of(self, module: str, record_id: str | None) -> str:
        row = self._rows_of(module).get(record_id or "")
        return str(row.values.get("name") or "") if row else ""

    def show(self, module: Module, row: Row, wanted: list[str]) -> dict[str, JSON]:
        """Return the record as an answer has it: the fields wanted, of those there are; all without any wanted."""
        key = (module.name, row.id, self.zone, self.switches["multienum_as"])
        whole = self._whole.get(key)
        if whole is None:
            whole = self._whole[key] = {field.name: self._shown(field, row) for field in module.fields.values()}
        return {name: whole[name] for name in wanted if name in whole} if wanted else dict(whole)

    def _shown(self, field: Field, row: Row) -> JSON:
        values = row.values
        if field.name == "deleted":
            return str(int(row.deleted))
        if field.type in ("relate", "assigned_user_name"):
            return self.name_of(field.target, values.get(field.id_name))
        if field.type == "parent":
            return self.name_of(str(values.get("parent_type")), values.get("parent_id"))
        if field.type == "fullname":
            return values.get("name") or ""
        return shown(field, values.get(field.name), self.zone, self.switches["multienum_as"] == "carets")


def complete(module: Module, values: dict[str, JSON]) -> None:
    """Fill in what follows from other values: a person's name, the fields of the numbers."""
    if module.is_person:
        values["name"] = " ".join(filter(None, (values.get("first_name"), values.get("last_name"))))
    elif "document_name" in module.fields:
        values["name"] = values.get("document_name")
    if module.has_numbers:
        values["numbers"] = numbers.kept(values.get("numbers"))
        values.update(numbers.derived(values["numbers"]))


def new_id(seed: JSON, number: int) -> str:
    """Return a UUID in the vendor's shape, the same for the same seed and number."""
    text = hashlib.md5(f"{seed}:{number}".encode()).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
