"""Two CRMs in memory and a mapping between them: what the sync's tests share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.memory import Store, forget, store
from connectors.types import JSON, Record
from portal.connections.models import Connection
from portal.ledger.lease import DatabaseClock
from portal.ledger.models import Entry, Lease, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.sync.run import carry_out, request_sync, work

RULES = (Rule("lastname", "lastname"), Rule("firstname", "firstname"), Rule("email", "email", may_clear=True))


class World:
    """`north` is copied to `south`; both hold Contacts."""

    def __init__(self, parallel: int = 1, **said: Any) -> None:
        self.connections = {
            name: Connection.objects.create(
                name=name, connector="memory", writable=True, settings={"store": store}, max_parallel=parallel
            )
            for name, store in (("north", "memory"), ("south", "other"))
        }
        self.mapping = self.say(**said)

    @property
    def north(self) -> Store:
        return store("memory")

    @property
    def south(self) -> Store:
        return store("other")

    def say(self, **said: Any) -> Mapping:
        """Save what the mapping says, and return it."""
        definition = Definition(
            "contacts",
            Side("north", "Contacts", said.pop("left_filter", "")),
            Side("south", "Contacts"),
            said.pop("direction", "left-to-right"),
            said.pop("match", (("email", "email"),)),
            said.pop("rules", RULES),
            **{"guards": {}, **said},
        )
        self.mapping = save_mapping(definition, user=None, actor="test")
        return self.mapping

    def sync(self, **how: Any) -> Run:
        """Run the mapping to its end in this process."""
        return carry_out(request_sync(self.mapping, actor="test", enqueue=False, **how))

    def slice(self) -> Run:
        """Carry out one slice."""
        return work(request_sync(self.mapping, actor="test", enqueue=False).pk)

    def add(self, crm: Store, *names: str) -> list[Record]:
        """Put people into a CRM: ada becomes Ada with ada@example.org."""
        return [crm.put("Contacts", person(name)) for name in names]


def person(name: str) -> dict[str, JSON]:
    """Return the values of somebody."""
    return {"lastname": name.capitalize(), "firstname": "Test", "email": f"{name}@example.org"}


def emails(crm: Store) -> list[str]:
    """Return the e-mail addresses in a CRM, sorted."""
    return sorted(record.values["email"] or "" for record in crm.of("Contacts"))


def entries(*states: str) -> Iterable[Entry]:
    """Return the entries nobody has taken up, of these states, oldest first."""
    found = Entry.objects.filter(superseded_by=None).order_by("id")
    return list(found.filter(state__in=states) if states else found)


def expire_leases() -> None:
    """Let time pass until every lease has run out."""
    Lease.objects.update(expires_at=DatabaseClock(-1))


def start_again() -> None:
    """Begin with empty CRMs and tables, within one test."""
    for table in (Mapping, Run, Connection, Lease):
        table.objects.all().delete()
    for name in ("memory", "other"):
        forget(name)
