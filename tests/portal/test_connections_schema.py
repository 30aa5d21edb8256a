"""What a CRM said its modules and fields are, kept and asked for again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import AuthError, QueryError, Unavailable
from connectors.memory import store
from connectors.memory_store import SCHEMAS
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.connections.access import open_connector
from portal.connections.models import Call, Connection, KnownSchema
from portal.connections.schema import (
    drift_of,
    keep,
    kept_modules,
    module_schema,
    modules,
    schema_from_json,
    schema_to_json,
)

pytestmark = pytest.mark.django_db
NOW = timedelta(0)


def test_a_description_survives_being_kept_as_json() -> None:
    rich = ModuleSchema(
        Module("M", "Módule", deletable=False),
        (
            FieldSchema(
                "a/b", "A", FieldType.MULTICHOICE, True, False, (Choice("x", "X"),), default=["x"], section="s"
            ),
            FieldSchema("r", "R", FieldType.REFERENCE, refers_to=("M", "N"), max_length=3, unique=True, wire_type="w"),
        ),
        ("a/b",),
        modified_field="r",
    )
    for schema in (rich, *SCHEMAS):
        assert schema_from_json(schema_to_json(schema)) == schema


def test_a_fresh_description_costs_no_call(north: Connection) -> None:
    first = module_schema(north, "Contacts")
    assert module_schema(north, "Contacts") == first and Call.objects.count() == 1
    assert [m.name for m in modules(north)] == ["Contacts", "Accounts"]
    assert kept_modules(north) == modules(north) and Call.objects.count() == 2


def test_an_old_description_is_asked_for_again_with_the_connector_at_hand(north: Connection) -> None:
    module_schema(north, "Accounts")
    crm = store()
    crm.schemas["Accounts"] = replace(crm.schemas["Accounts"], fields=crm.schemas["Accounts"].fields[:-1])
    with open_connector(north, purpose="sync") as opened:
        assert "owner" not in module_schema(north, "Accounts", crm=opened, max_age=NOW).names
    assert Call.objects.filter(purpose="sync").count() == 1


@pytest.mark.parametrize("error", [Unavailable("down"), AuthError("no longer")])
def test_while_the_crm_cannot_be_asked_the_old_description_serves(north: Connection, error: Any) -> None:
    first = module_schema(north, "Contacts")
    store().fail("describe", error)
    assert module_schema(north, "Contacts", max_age=NOW) == first


def test_without_a_kept_one_whoever_asks_is_told_why_there_is_none(north: Connection) -> None:
    store().fail("describe", Unavailable("The server does not answer."))
    with pytest.raises(Unavailable):
        module_schema(north, "Contacts")
    with pytest.raises(QueryError, match="no module “Nothing”"):
        module_schema(north, "Nothing")


def test_a_document_of_another_format_is_asked_for_anew(north: Connection) -> None:
    first = module_schema(north, "Contacts")
    KnownSchema.objects.update(document={"format": 0, "fields": "otherwise"})
    assert module_schema(north, "Contacts") == first and kept_modules(north) == []


def test_what_a_module_was_before_is_kept_until_it_is_over(north: Connection) -> None:
    told = schema_from_json(schema_to_json(SCHEMAS[0]))
    assert keep(north, "Contacts", told) == told and drift_of(north, "Contacts") is None
    row = KnownSchema.objects.get(module="Contacts")
    row.former, row.changes = schema_to_json(replace(told, fields=told.fields[1:])), 1
    row.save()
    drift = drift_of(north, "Contacts")
    assert drift is not None and [change.kind for change in drift.changes] == ["field_new", "now_required"]


@pytest.mark.parametrize(("connector", "kept"), [("memory", False), ("opencrm", True)])
def test_a_field_is_gone_only_where_the_crm_itself_tells_its_fields(
    make_connection: Any, connector: str, kept: bool
) -> None:
    crm = make_connection("crm", connector=connector)
    told = schema_from_json(schema_to_json(SCHEMAS[0]))
    keep(crm, "contact", told)
    now = keep(crm, "contact", replace(told, fields=told.fields[:-1]))
    assert now is not None and (now.field("owner") is not None) == kept
