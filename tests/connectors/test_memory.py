"""The CRM in RAM keeps the whole contract, fails where it is told to, and shares its store by name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from connectors import connect
from connectors.context import Context
from connectors.errors import AuthError, QueryError, ReadOnly, RecordInvalid, RecordNotFound, Unavailable
from connectors.memory import MemoryConnector, Store, forget, store
from connectors.query import Query
from connectors.types import FileContent
from tests.connectors.contract import ConnectorContract, CountingObserver, Seeder

NAMES = (
    "O'Brien",
    "o'brien",
    "Müller",
    "Mu\u0308ller",
    "علی",
    "علي",
    "Ｗide",
    "<b>Bold</b>",
    "Straße",
    "ΑΣ",
    "İpek",
    "50% _x_",
)
START = datetime(2025, 3, 1, tzinfo=UTC)


def fill(crm: Store, records: int = 60, seed: int = 1) -> None:
    """Put contacts of every kind of value into the store, several in the same second, and a few accounts."""
    dice = random.Random(seed)
    for number in range(5):
        crm.put("Accounts", {"name": f"Account {number}"}, now=START)
    for number in range(records):
        day = START + timedelta(days=dice.randrange(30), seconds=dice.randrange(86400))
        values = {
            "lastname": dice.choice(NAMES) + dice.choice(["", f" {number}", " ۱۲"]),
            "firstname": dice.choice(["Ada", "ada", "Bo", None]),
            "email": f"{dice.choice('abc')}@example.org",
            "phone": dice.choice(["+44 20 7946 0018", "۰۲۱ ۱۲۳", None]),
            "notes": dice.choice(["line 1\nline 2", "text " * 50, None]),
            "address/city": dice.choice(["Tehrān", "York", None]),
            "children": dice.choice(["0", "2", "10", "n/a", None]),
            "height": dice.choice(["1.75", "-3", "1000000000000.5", None]),
            "revenue": dice.choice(["9.99", "10", "100", None]),
            "discount": dice.choice(["5", "12.5", None]),
            "optout": dice.choice([True, False, None]),
            "birthday": dice.choice(["1999-12-31", "2000-01-01", None]),
            "calltime": dice.choice(["09:30:00", "23:59:00", None]),
            "nextcall": dice.choice([day.strftime("%Y-%m-%dT%H:%M:%SZ"), None]),
            "status": dice.choice(["New", "In Progress", "gone from the list", None]),
            "tags": dice.choice([["A"], ["A", "B"], ["C"], None]),
            "account": dice.choice(["1", "2", "5", None]),
            "lines": dice.choice([[{"product": "x"}], None]),
            "extra": dice.choice([{"a": 1}, None]),
        }
        crm.put("Contacts", values, now=START + timedelta(seconds=number // 10))


class MemorySeeder(Seeder):
    """Changes the store behind the connector's back."""

    module, field = "Contacts", "lastname"
    needed: dict[str, object] = {}

    def __init__(self, crm: Store) -> None:
        self.store = crm

    def requests(self) -> int:
        return self.store.requests

    def put(self, text: str, id: str = "") -> str:
        return self.store.put(self.module, {self.field: text}, id).id

    def put_many(self, texts: Sequence[str]) -> list[str]:
        return [self.put(text) for text in texts]

    def remove(self, id: str) -> None:
        self.store.remove(self.module, id)

    def related(self) -> tuple[str, str, str, set[str]]:
        wanted = {r.id for r in self.store.of("Contacts") if r.values["account"] == "1"}
        return "Accounts", "1", "Contacts", wanted

    def linkable(self) -> tuple[str, str, str, str]:
        return "Accounts", "2", self.module, self.put("Child")

    def comments(self, id: str) -> list[str]:
        return [text for module, of, text in self.store.comments if (module, of) == (self.module, id)]

    def with_phone(self, number: str) -> str:
        return self.store.put(self.module, {self.field: "Caller", "phone": number}).id

    def pick_list(self) -> tuple[str, str]:
        return self.module, "status"


@pytest.fixture
def kept() -> Store:
    forget("contract")
    return store("contract")


@pytest.fixture
def memory(kept: Store) -> MemoryConnector:
    """An empty CRM in RAM."""
    return MemoryConnector({"store": "contract"}, {}, Context())


class TestMemory(ConnectorContract):
    """The contract."""

    @pytest.fixture
    def crm(self, kept: Store, context: Context) -> MemoryConnector:
        fill(kept)
        return MemoryConnector({"store": "contract"}, {}, context)

    @pytest.fixture
    def seeder(self, kept: Store) -> MemorySeeder:
        return MemorySeeder(kept)


def test_connections_with_the_same_store_share_their_records_and_others_do_not() -> None:
    for name in ("one", "two"):
        forget(name)
    first, same, other = (connect("memory", {"store": name}, {}, Context()) for name in ("one", "one", "two"))
    made = first.create("Accounts", {"name": "Acme"})
    assert same.get("Accounts", made.id).values["name"] == "Acme"
    with pytest.raises(RecordNotFound):
        other.get("Accounts", made.id)


def test_a_wrong_password_is_refused_and_the_right_one_is_not_shown(kept: Store) -> None:
    kept.password = "open sesame"
    with pytest.raises(AuthError) as refusal:
        MemoryConnector({"store": "contract"}, {"password": "guess"}, Context()).check()
    assert "sesame" not in str(refusal.value)
    crm = MemoryConnector({"store": "contract"}, {"password": "open sesame"}, Context())
    assert crm.check().account == "contract"
    assert "sesame" not in repr(crm)


def test_a_fault_before_the_write_leaves_nothing_and_one_after_it_leaves_the_record(
    kept: Store, memory: MemoryConnector
) -> None:
    kept.fail("create", Unavailable("cut"))
    kept.fail("create", Unavailable("cut", maybe_done=True), after=True)
    for expected in (0, 1):
        with pytest.raises(Unavailable):
            memory.create("Accounts", {"name": "Acme"})
        assert len(kept.of("Accounts")) == expected
    memory.create("Accounts", {"name": "Acme"})
    assert len(kept.of("Accounts")) == 2


def test_every_request_is_told_once_with_its_outcome(kept: Store) -> None:
    observer = CountingObserver()
    crm = MemoryConnector({"store": "contract"}, {}, Context(observer=observer))
    crm.create("Accounts", {"name": "Acme"})
    with pytest.raises(RecordNotFound):
        crm.get("Accounts", "none")
    assert [(call.operation, call.writes) for call in observer.calls] == [("create", True), ("get", False)]
    assert [(outcome.status, outcome.error) for outcome in observer.outcomes] == [(200, ""), (400, "RecordNotFound")]


def test_links_make_records_related_until_they_are_undone(kept: Store, memory: MemoryConnector) -> None:
    account, contact = kept.put("Accounts", {"name": "Acme"}), kept.put("Contacts", {"lastname": "Lee"})
    memory.link("Accounts", account.id, "Contacts", contact.id)
    assert [r.id for r in memory.related("Accounts", account.id, "Contacts", Query()).records] == [contact.id]
    assert [r.id for r in memory.related("Contacts", contact.id, "Accounts", Query()).records] == [account.id]
    memory.unlink("Contacts", contact.id, "Accounts", account.id)
    assert memory.related("Accounts", account.id, "Contacts", Query()).records == ()
    with pytest.raises(RecordNotFound):
        memory.link("Accounts", account.id, "Contacts", "none")


def test_files_come_back_as_they_were_given_and_large_ones_are_not_sent(kept: Store, memory: MemoryConnector) -> None:
    id = kept.put("Contacts", {"lastname": "Lee"}).id
    info = memory.upload("Contacts", id, FileContent("a.txt", b"\x00\xff", "text/plain"))
    assert memory.files("Contacts", id) == [info]
    assert memory.download("Contacts", id, info.id) == FileContent("a.txt", b"\x00\xff", "text/plain")
    with pytest.raises(RecordNotFound):
        memory.download("Contacts", id, "7")
    with pytest.raises(RecordInvalid):
        memory.upload("Contacts", id, FileContent("b", b"x" * (memory.capabilities.max_upload + 1)))
    assert len(memory.files("Contacts", id)) == 1


def test_a_phone_is_found_by_its_digits_in_any_script(kept: Store, memory: MemoryConnector) -> None:
    id = kept.put("Contacts", {"lastname": "Lee", "phone": "+98 ۲۱ ۱۲۳۴"}).id
    kept.put("Contacts", {"lastname": "Nobody"})
    assert [record.id for record in memory.find_by("phone", "21-1234")] == [id]


def test_appended_choices_may_be_written(kept: Store, memory: MemoryConnector) -> None:
    id = kept.put("Contacts", {"lastname": "Lee"}).id
    with pytest.raises(RecordInvalid):
        memory.update("Contacts", id, {"status": "Lost"})
    memory.append_choices("Contacts", "status", ["Lost", "New"])
    assert memory.update("Contacts", id, {"status": "Lost"}).values["status"] == "Lost"
    field = memory.describe("Contacts").field("status")
    assert field is not None and [c.value for c in field.choices].count("New") == 1


def test_operations_are_carried_out_and_the_writing_one_is_announced_as_such(kept: Store) -> None:
    observer = CountingObserver()
    crm = MemoryConnector({"store": "contract"}, {}, Context(observer=observer))
    kept.put("Accounts", {"name": "Acme"})
    assert crm.call("count_records", {"module": "Accounts"}) == {"module": "Accounts", "count": 1}
    observer.read_only = True
    with pytest.raises(ReadOnly):
        crm.call("empty_module", {"module": "Accounts"})
    observer.read_only = False
    crm.call("empty_module", {"module": "Accounts"})
    assert kept.of("Accounts") == []


def test_a_cursor_of_somebody_else_is_a_query_error(memory: MemoryConnector) -> None:
    for cursor in ("nonsense", "[]", "7", '["1", 2]'):
        with pytest.raises(QueryError):
            memory.read("Contacts", Query(cursor=cursor))


def test_a_comment_is_kept_with_its_record(kept: Store, memory: MemoryConnector) -> None:
    id = kept.put("Contacts", {"lastname": "Lee"}).id
    memory.comment("Contacts", id, "called")
    assert kept.comments == [("Contacts", id, "called")]
