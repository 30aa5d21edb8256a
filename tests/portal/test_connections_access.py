"""The one door to a CRM: what goes through it, what does not, and what is written down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from connectors.errors import ConfigError, ReadOnly, Unavailable
from connectors.memory import store
from connectors.query import Query
from portal.connections.access import open_connector, open_draft
from portal.connections.crypto import Sealed
from portal.connections.models import Call, Connection, Lock

pytestmark = pytest.mark.django_db


def calls_of(crm: Any) -> int:
    return int(crm.context.observer.calls)


def test_every_request_is_counted_and_written_down_without_its_values(north: Connection) -> None:
    with open_connector(north, purpose="person", run_id=7) as crm:
        crm.create("Contacts", {"lastname": "Marker-Value"})
        crm.read("Contacts", Query())
        assert calls_of(crm) == 2
    rows = [(c.operation, c.writes, c.status, c.purpose, c.run_id) for c in Call.objects.order_by("pk")]
    assert rows == [("create", True, 200, "person", 7), ("read", False, 200, "person", 7)]
    assert "Marker" not in str(list(Call.objects.values()))


def test_a_write_is_written_down_before_anything_else_can_happen_to_us(north: Connection) -> None:
    with open_connector(north, purpose="sync") as crm:
        crm.create("Contacts", {"lastname": "x"})
        assert [call.operation for call in Call.objects.all()] == ["create"]


def test_a_failed_request_is_written_down_with_its_error(north: Connection) -> None:
    store().fail("get", Unavailable("The server does not answer."))
    with pytest.raises(Unavailable), open_connector(north, purpose="sync") as crm:
        crm.get("Contacts", "1")
    assert Call.objects.get().error == "Unavailable"


def test_a_read_only_connection_refuses_a_write_before_anything_is_sent(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection("shut", writable=False)
    with open_connector(connection, purpose="person") as crm:
        with pytest.raises(ReadOnly, match="“shut” is read-only.*allow_writing shut"):
            crm.create("Contacts", {"lastname": "x"})
        with pytest.raises(ReadOnly):
            crm.call("empty_module", {"module": "Contacts"})
        assert crm.read("Contacts", Query()).records == () and calls_of(crm) == 1
    assert not store().records


def test_switching_writing_off_stops_a_connector_already_open_within_a_second(north: Connection) -> None:
    with open_connector(north, purpose="sync") as crm:
        crm.create("Contacts", {"lastname": "before"})
        Connection.objects.update(writable=False)
        crm.context.observer._read_at -= 1.01  # a second goes by
        with pytest.raises(ReadOnly):
            crm.create("Contacts", {"lastname": "after"})
    assert [r.values["lastname"] for r in store().of("Contacts")] == ["before"]


@pytest.mark.django_db(transaction=True)
def test_a_connection_deleted_meanwhile_is_told_and_loses_nobodys_answer(north: Connection) -> None:
    with open_connector(north, purpose="sync") as crm:
        crm.modules()
        Connection.objects.filter(pk=north.pk).delete()
        crm.context.observer._read_at -= 1.01
        with pytest.raises(ConfigError, match="deleted"):
            crm.modules()


@pytest.mark.django_db(transaction=True)
def test_no_crm_is_asked_inside_a_database_transaction(north: Connection) -> None:
    with open_connector(north, purpose="person") as crm:
        with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
            crm.modules()
        assert crm.modules() and calls_of(crm) == 1


def test_the_transaction_a_test_is_wrapped_in_does_not_count_but_one_inside_it_does(north: Connection) -> None:
    assert database.in_atomic_block
    with open_connector(north, purpose="person") as crm:
        assert crm.modules()
        with transaction.atomic(), pytest.raises(RuntimeError):
            crm.modules()


@pytest.mark.django_db(transaction=True)
def test_threads_of_one_connector_write_every_call_down(north: Connection) -> None:
    with open_connector(north, purpose="sync") as crm:
        threads = [threading.Thread(target=lambda: [crm.modules() for _ in range(40)]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert calls_of(crm) == 120
    assert Call.objects.count() == 120
    assert not Lock.objects.exclude(holder="").exists()


def test_calls_are_stored_in_batches_not_one_by_one(
    north: Connection, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with open_connector(north, purpose="sync") as crm:
        crm.modules()
        with django_assert_max_num_queries(12):
            for _ in range(100):
                crm.modules()
    assert Call.objects.count() == 101


def test_background_work_is_told_to_leave_places_for_people(make_connection: Callable[..., Connection]) -> None:
    connection = make_connection(max_parallel=5)
    with open_connector(connection, purpose="sync") as crm:
        assert crm.context.max_parallel == 4
    with open_connector(connection, purpose="person") as crm:
        assert crm.context.max_parallel == 5


def test_a_connection_that_is_only_being_tested_writes_nothing_and_leaves_nothing(db: None) -> None:
    with open_draft(Connection(name="new", connector="memory", writable=True), Sealed()) as crm:
        assert crm.check().account == "memory"
        with pytest.raises(ReadOnly):
            crm.create("Contacts", {"lastname": "x"})
    assert not Call.objects.exists() and not store().records


def test_the_file_with_own_certificates_lives_as_long_as_the_connector(
    make_connection: Callable[..., Connection],
) -> None:
    connection = make_connection(ca_bundle="-----BEGIN CERTIFICATE-----")
    with open_connector(connection, purpose="person") as crm:
        path = Path(crm.context.network.ca_bundle)
        assert path.read_text().startswith("-----BEGIN")
    assert not path.exists()
