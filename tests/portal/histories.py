"""One company's two CRMs through a bad week: people create, edit and delete on both sides at any moment, servers fail, workers are
killed, stopped and woken. The rule: whatever happened, once it is quiet both sides agree, nothing is lost and nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from connectors import connector_class
from connectors.sandbox.server import Sandbox
from connectors.types import JSON
from portal.connections.models import Connection, Lock
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.sync.approve import approve
from portal.sync.choices.decide import decide
from portal.sync.choices.options import choice_from
from portal.sync.reconciling import job as reconcile_job
from portal.sync.reconciling.compare import sums
from portal.sync.run import request_sync, work
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import expire_leases, start_again

SIDES = ("left", "right")
FIELDS = ("last", "first")
MOST_PEOPLE = 6
ROUNDS = 25  # of syncing until nothing is left to do; more is a mapping that never comes to rest


@dataclass(frozen=True)
class Crm:
    """How one vendor calls what a contact has, what its new records need, and what people's own always have."""

    slug: str
    module: str
    names: dict[str, str]  # "last", "first", "email" -> field
    needs: dict[str, JSON] = field(default_factory=dict)
    filled: dict[str, JSON] = field(default_factory=dict)


VTIGER = Crm("vtiger", "Contacts", {"last": "lastname", "first": "firstname", "email": "email"})
SIMPLY = Crm("simplycrm", "Contacts", VTIGER.names)
SIMPLE = Crm(
    "reallysimple",
    "contacts",
    {"last": "last", "first": "first", "email": "email"},
    {"accountid": 1001},
    {"accountid": 1001},
)
SARV = Crm("sarvcrm", "Contacts", {"last": "last_name", "first": "first_name", "email": "email1"})
OPEN = Crm("opencrm", "contact", VTIGER.names, {"assigned_user_id": "1"})


class Killed(BaseException):
    """The process died here."""


@dataclass
class Person:
    """Who was made by people: what they wrote on which side, in order. `gone` are the sides they deleted on."""

    wrote: dict[str, dict[str, list[str]]]
    gone: set[str] = field(default_factory=set)


def histories(sandbox: Sandbox, left: Crm, right: Crm) -> type[RuleBasedStateMachine]:
    """Return the machine for these two vendors."""
    crms = {"left": left, "right": right}
    accounts = {side: Account(sandbox, crm.slug) for side, crm in crms.items()}
    sides, people_there = st.sampled_from(SIDES), st.integers(0, MOST_PEOPLE - 1)
    edits = st.tuples(sides, people_there, st.sampled_from(FIELDS))
    moments = st.lists(st.tuples(st.integers(1, 30), edits), max_size=3)

    class History(RuleBasedStateMachine):
        @initialize(policy=st.sampled_from(("left", "right", "newest", "ask")), deletes=st.sampled_from(("ignore", "delete")), width=st.sampled_from((1, 4)))  # fmt: skip
        def begin(self, policy: str, deletes: str, width: int) -> None:
            start_again()
            sandbox.meanwhile = None
            accounts["left"].control("POST", "reset")
            for side, crm in crms.items():
                for row in accounts[side].control("GET", "records", module=crm.module):
                    accounts[side].control("POST", "mutate", action="delete", module=crm.module, id=row["id"])
            self.deletes, self.people, self.words = deletes, [], 0
            self.mapping = a_mapping(accounts, crms, policy, deletes, width)

        # What people do

        def word(self) -> str:
            self.words += 1
            return f"word {self.words}"

        @precondition(lambda self: len(self.people) < MOST_PEOPLE)
        @rule(side=sides)
        def create(self, side: str) -> None:
            self.put([side])

        @precondition(lambda self: len(self.people) < MOST_PEOPLE)
        @rule()
        def create_on_both(self) -> None:
            self.put(list(SIDES))

        def put(self, on: list[str]) -> None:
            email = f"p{len(self.people)}@example.org"
            person = Person({})
            for side in on:
                person.wrote[side] = {name: [self.word()] for name in FIELDS}
                crm = crms[side]
                values = {crm.names[n]: v for n, [v] in person.wrote[side].items()} | {crm.names["email"]: email}
                mutate(side, "create", values=values | crm.filled)
            self.people.append(person)

        @rule(edit=edits)
        def edit(self, edit: tuple[str, int, str]) -> None:
            side, number, name = edit
            row = self.row(side, number)
            if row is not None:
                word = self.word()
                mutate(side, "update", id=row["id"], values={crms[side].names[name]: word})
                self.people[number].wrote.setdefault(side, {}).setdefault(name, []).append(word)

        @rule(side=sides, number=people_there)
        def delete(self, side: str, number: int) -> None:
            row = self.row(side, number)
            if row is not None:
                mutate(side, "delete", id=row["id"])
                self.people[number].gone.add(side)

        def row(self, side: str, number: int) -> JSON:
            """Return the living record of that person on that side, None where there is none."""
            found = rows(side).get(f"p{number}@example.org", []) if number < len(self.people) else []
            return found[0] if found else None

        @rule(winner=sides)
        def choose(self, winner: str) -> None:
            """A person looks at the first conflict that waits."""
            self.choose_all(winner, most=1)

        def choose_all(self, winner: str, most: int = 1000) -> None:
            waiting = Entry.objects.filter(superseded_by=None, reason="both_changed", decision__isnull=True)
            choices = [(entry, choice_from([winner], entry)) for entry in waiting.order_by("pk")[:most]]
            if choices:
                decide(choices, user=None, actor="somebody", enqueue=False)

        # What goes wrong

        @rule(side=sides, kind=st.sampled_from(("time_out", "cut_after", "cut_before", "http_500", "http_502_html", "session_expired", "overlapping_page")), after=st.integers(0, 12))  # fmt: skip
        def fail(self, side: str, kind: str, after: int) -> None:
            more = {"applied": True, "ms": 1} if kind == "time_out" else {}
            accounts[side].control("POST", "faults", fault=kind, after=after, **more)

        @rule(moments=moments)
        def sync(self, moments: list[tuple[int, tuple[str, int, str]]]) -> None:
            with self.meanwhile(moments):
                self.slice()

        @rule(at=st.integers(1, 150), moments=moments)
        def sync_and_be_killed(self, at: int, moments: list[tuple[int, tuple[str, int, str]]]) -> None:
            def die(number: int) -> None:
                if number >= at:
                    raise Killed

            with self.meanwhile(moments):
                self.slice(die)

        @rule(at=st.integers(1, 150))
        def sync_and_be_overtaken(self, at: int) -> None:
            """Stopped past its lease, while another carries on; then woken."""
            done: list[bool] = []

            def sleep(number: int) -> None:
                if number >= at and not done and not connection.in_atomic_block:
                    done.append(True)
                    run_out()
                    other = threading.Thread(target=self.other_worker)
                    other.start()
                    other.join()

            self.slice(sleep)

        @rule()
        def apply_all_again(self) -> None:
            """A person has everything planned as if it had changed, and approves what that comes to."""
            if Run.objects.filter(state__in=Run.OPEN).exists():
                return
            run = work(request_sync(self.mapping, actor="test", anew=True, enqueue=False).pk)
            if run.state == Run.State.AWAITING_APPROVAL:
                work(approve(run, actor="test", enqueue=False).pk)

        def other_worker(self) -> None:
            try:
                self.slice()
            finally:
                connection.close()

        # How it is carried out

        @contextmanager
        def meanwhile(self, moments: list[tuple[int, tuple[str, int, str]]]) -> Iterator[None]:
            """Have people edit when the so-many-th request was carried out and is not answered yet."""
            count, lock = 0, threading.Lock()

            def happen(vendor: str, operation: str) -> None:
                nonlocal count
                with lock:
                    count += 1
                    due = [edit for at, edit in moments if at == count]
                for edit in due:
                    self.edit(edit)

            sandbox.meanwhile = happen
            try:
                yield
            finally:
                sandbox.meanwhile = None

        def slice(self, at_statement: Callable[[int], None] | None = None) -> None:
            run = request_sync(self.mapping, actor="test", approve_all=True, enqueue=False)
            Run.objects.filter(pk=run.pk).update(not_before=None)
            number = 0

            def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
                nonlocal number
                number += 1
                if at_statement is not None:
                    at_statement(number)
                return execute(sql, params, many, context)

            try:
                with connection.execute_wrapper(count):
                    work(run.pk)
            except Killed:
                run_out()

        # What must hold in the end

        def teardown(self) -> None:
            if not hasattr(self, "mapping"):
                return
            accounts["left"].control("DELETE", "faults")
            self.settle()
            self.nothing_is_open()
            self.both_sides_agree()
            self.the_comparison_says_so()
            self.what_is_edited_on_a_quiet_day_arrives()

        def settle(self) -> None:
            for _round in range(ROUNDS):
                pass_time()
                self.choose_all("left")
                before = Entry.objects.count()
                self.slice()
                run = Run.objects.latest("pk")
                if run.state == Run.State.SUCCEEDED and Entry.objects.count() == before and run.slices == 1:
                    return
            raise AssertionError(f"It never comes to rest: {told()}")

        def nothing_is_open(self) -> None:
            waiting = (Entry.State.CONFLICT, Entry.State.BLOCKED)
            over = (Entry.State.DONE, Entry.State.STORED_DIFFERENTLY, Entry.State.SKIPPED, *waiting)
            left = Entry.objects.filter(superseded_by=None).exclude(state__in=over)
            assert not left.exists(), f"{list(left.values())}\n{told()}"

        def both_sides_agree(self) -> None:
            now = {side: rows(side) for side in SIDES}
            waits = {e.source_id for e in Entry.objects.filter(superseded_by=None, state__in=("conflict", "blocked"))}
            for number, person in enumerate(self.people):
                found = {side: now[side].get(f"p{number}@example.org", []) for side in SIDES}
                assert all(len(there) <= 1 for there in found.values()), f"doubled: {found}\n{told()}"
                living = [side for side in SIDES if found[side]]
                if not person.gone:
                    assert len(living) == 2, f"lost: {person} {found}\n{told()}"
                elif self.deletes == "delete" and len(living) == 1:
                    assert waits, f"deleted on one side and nobody is asked: {person}\n{told()}"
                self.values_are_peoples(person, {side: found[side][0]["values"] for side in living})

        def the_comparison_says_so(self) -> None:
            row = reconcile_job.start(self.mapping, user=None, actor="test", enqueue=False)
            while row.goes_on:
                row = reconcile_job.work(row.pk) or row
            living = {side: sum(map(len, rows(side).values())) for side in SIDES}
            counts = sums(row.counts)
            assert row.state == "done" and counts["differ"] == 0, f"{row.message} {row.counts} {row.listed}\n{told()}"
            told_of = {side: counts["equal"] + counts[f"{side}_only"] for side in SIDES}
            assert told_of == living, f"{row.counts}\n{told()}"

        def what_is_edited_on_a_quiet_day_arrives(self) -> None:
            """One side of each pair is edited, and nothing else happens: that is what both then hold."""
            edited = {}
            for number, person in enumerate(self.people):
                if not person.gone:
                    side, name = SIDES[number % 2], FIELDS[number // 2 % 2]
                    self.edit((side, number, name))
                    edited[number, name] = f"word {self.words}"
            self.settle()
            for (number, name), word in edited.items():
                held = {side: self.row(side, number)["values"][crms[side].names[name]] for side in SIDES}
                assert set(held.values()) == {word}, f"{word} became {held}\n{told()}"

        def values_are_peoples(self, person: Person, values: dict[str, JSON]) -> None:
            """Each field holds what people wrote last on one of the sides, the same on both; what they wrote before they deleted
            one may have arrived at the other or not."""
            for name in FIELDS:
                words = [wrote[name] for wrote in person.wrote.values() if name in wrote]
                written = {word for each in words for word in (each if person.gone else each[-1:])}
                there = {side: held[crms[side].names[name]] for side, held in values.items()}
                assert set(there.values()) <= written, f"{name} is {there}, written were {written}\n{told()}"
                assert len(set(there.values())) <= 1, f"{name} differs: {there}\n{told()}"

    def mutate(side: str, action: str, **what: JSON) -> JSON:
        return accounts[side].control("POST", "mutate", action=action, module=crms[side].module, **what)

    def rows(side: str) -> dict[str, list[JSON]]:
        """Return e-mail -> the living records that hold it."""
        found: dict[str, list[JSON]] = {}
        for row in accounts[side].control("GET", "records", module=crms[side].module):
            found.setdefault(row["values"][crms[side].names["email"]], []).append(row)
        return found

    return History


def a_mapping(accounts: dict[str, Account], crms: dict[str, Crm], policy: str, deletes: str, width: int) -> Mapping:
    """Connect both and say that contacts are kept in step both ways."""
    for side, crm in crms.items():
        given, kept = accounts[side].secrets, {s.name for s in connector_class(crm.slug).settings if s.secret}
        settings = {name: value for name, value in given.items() if name not in kept}
        secrets = {name: value for name, value in given.items() if name in kept}
        how = {"writable": True, "max_parallel": width, "settings": settings, "secrets": secrets}
        Connection.objects.create(name=side, connector=crm.slug, **how)
    left, right = crms["left"], crms["right"]
    rules = [Rule(left.names[name], right.names[name]) for name in (*FIELDS, "email")]
    rules += [Rule("", name, "value", str(value)) for name, value in right.needs.items()]
    rules += [Rule(name, "", "value", str(value)) for name, value in left.needs.items()]
    match = ((left.names["email"], right.names["email"]),)
    said = {"conflict_policy": policy, "delete_policy": deletes, "guards": {}}
    definition = Definition("contacts", Side("left", left.module), Side("right", right.module), "both", match, tuple(rules), **said)  # fmt: skip
    return save_mapping(definition, user=None, actor="test")


def run_out() -> None:
    """Let time pass until whatever a worker held has run out: leases, and places for calls."""
    expire_leases()
    Lock.objects.all().delete()


def pass_time() -> None:
    """Let every pause be over, and have a person retry what was parked."""
    now = timezone.now()
    Entry.objects.filter(state__in=(Entry.State.UNKNOWN, Entry.State.FAILED)).update(next_try=now)
    Entry.objects.filter(state=Entry.State.PARKED).update(state=Entry.State.FAILED, attempts=0, next_try=now)


def told() -> str:
    """Return the ledger, for whoever has to find out what went wrong."""
    columns = ("run_id", "action", "state", "connection__name", "record_id", "source_id", "reason", "before", "intended", "stored", "superseded_by_id")  # fmt: skip
    lines = [f"run {run.pk} {run.state} {run.message}" for run in Run.objects.order_by("pk")]
    lines += [str(row) for row in Entry.objects.order_by("pk").values_list("pk", *columns)]
    return "\n".join(lines)
