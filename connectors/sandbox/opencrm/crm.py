"""One simulated account: its store, clock and switches, and what all end points need of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.sandbox.opencrm.schema import FIRST_ID, Module
from connectors.sandbox.store import Row, Store
from connectors.sandbox.wire import Clock

JSON = Any


@dataclass(frozen=True, slots=True)
class Crm:
    store: Store
    clock: Clock
    switches: dict[str, JSON]

    def row(self, module: Module, number: JSON) -> Row | None:
        """Return the module's living record of this id, None where there is none."""
        text = str(number or "").strip()
        row = self.store.table(module.name).rows.get(int(text)) if text.isdecimal() else None
        return None if row is None or row.deleted else row

    def next_id(self, name: str = "crmid") -> int:
        """Return a new number of a sequence: "crmid" for records of every module; others begin with 1."""
        number: int = self.store.notes.get(name, FIRST_ID if name == "crmid" else 1)
        self.store.note(name, number + 1)
        return number
