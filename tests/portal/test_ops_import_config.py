"""`import_config`: idempotent by name, all or nothing, and clear about what is wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from django.core.management import CommandError, call_command

from connectors.memory import store
from portal.connections.models import Connection
from portal.mappings.models import Mapping

DOCUMENT: dict[str, Any] = {
    "connections": [
        {
            "name": "north",
            "connector": "memory",
            "writable": True,
            "settings": {"store": "memory"},
            "secrets": {"password": "env:NORTH_PASSWORD"},
        },
        {"name": "south", "connector": "memory", "settings": {"store": "other"}, "calls_per_minute": 60},
    ],
    "mappings": [
        {
            "name": "contacts",
            "left": {"connection": "north", "module": "Contacts"},
            "right": {"connection": "south", "module": "Contacts"},
            "direction": "left-to-right",
            "match": [{"left": "email", "right": "email"}],
            "fields": [{"left": "lastname", "right": "lastname"}, {"left": "email", "right": "email"}],
            "guards": False,
            "schedule": {"minutes": 15},
        }
    ],
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTH_PASSWORD", "s3cret-in-the-environment")


def run(tmp_path: Path, document: Any) -> tuple[dict[str, Any], str]:
    file = tmp_path / "portal.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    out, err = io.StringIO(), io.StringIO()
    call_command("import_config", str(file), json=True, stdout=out, stderr=err)
    return orjson.loads(out.getvalue()), err.getvalue()


def test_everything_is_set_up_once_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first, _ = run(tmp_path, DOCUMENT)
    assert first["connections"] == {"north": "created", "south": "created"}
    assert first["mappings"] == {"contacts": "created"}
    north = Connection.objects.get(name="north")
    assert north.writable and north.open_secrets()["password"] == "s3cret-in-the-environment"
    assert not Connection.objects.get(name="south").writable
    second, _ = run(tmp_path, DOCUMENT)
    assert second["connections"] == {"north": "unchanged", "south": "unchanged"}
    assert second["mappings"] == {"contacts": "unchanged"}
    assert (Connection.objects.count(), Mapping.objects.get().version) == (2, 1)


def test_a_connection_that_the_file_changes_is_updated_and_the_others_are_unchanged(tmp_path: Path) -> None:
    run(tmp_path, DOCUMENT)
    for path, value in (("connections.1.calls_per_minute", 30), ("connections.1.writable", True)):
        report, _ = run(tmp_path, changed(path, value))
        assert report["connections"] == {"north": "unchanged", "south": "updated"}


def test_a_secret_in_the_file_is_taken_with_a_warning_that_does_not_repeat_it(tmp_path: Path) -> None:
    literal = {"connections": [{**DOCUMENT["connections"][0], "secrets": {"password": "readable-password"}}]}
    report, said = run(tmp_path, literal)
    assert "connections[0].secrets.password stands readably in the file" in said
    assert "readable-password" not in said + orjson.dumps(report).decode()


def changed(path: str, value: Any) -> dict[str, Any]:
    document = orjson.loads(orjson.dumps(DOCUMENT))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed("connections.0.colour", "red"), "connections[0]: unknown key “colour”"),
        (changed("connections.0.settings.password", "x"), "“password” is a secret: give it under secrets."),
        (changed("connections.0.secrets", {"store": "x"}), "“store” is no secret: give it under settings."),
        (changed("connections.0.secrets", {"password": "env:NOWHERE"}), "the environment has no variable NOWHERE"),
        (changed("connections.0.connector", "siebel"), "There is no connector “siebel”"),
        (changed("connections.1.name", "north"), "“north” stands here twice."),
        (changed("connections.1.calls_per_minute", "many"), "calls_per_minute"),
        (changed("mappings.0.left.connection", "west"), "mappings[0].left.connection: there is no connection “west”."),
        (changed("mappings.0.left.module", "Nope"), "mappings[0].left: “north” could not describe “Nope”"),
        (changed("mappings.0.fields.0.left", "lastnam"), "has no field “lastnam”. Did you mean “lastname”?"),
        (changed("mappings.0.fields.0", {"left": "phone", "right": "phone"}), "no rule fills them: lastname"),
        (changed("mappings.0.direction", "sideways"), "mappings[0].direction"),
        ("- just\n- a list", "expected an object"),
        ("{unfinished: [", "is neither YAML nor JSON"),
        ("!!python/object/apply:os.system ['true']", "is neither YAML nor JSON"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_saved(
    tmp_path: Path, document: Any, message: str
) -> None:
    with pytest.raises(CommandError) as e:
        run(tmp_path, document)
    assert message in str(e.value)
    assert e.value.returncode == 2
    assert not Connection.objects.exists() and not Mapping.objects.exists()


def test_a_crm_that_refuses_the_password_stops_the_import(tmp_path: Path) -> None:
    store("memory").password = "another"
    with pytest.raises(CommandError, match="refuses this password"):
        run(tmp_path, DOCUMENT)
    assert not Connection.objects.exists()


def test_a_file_that_is_not_there_is_wrong_use() -> None:
    with pytest.raises(CommandError) as e:
        call_command("import_config", "/nowhere/portal.yaml")
    assert e.value.returncode == 2
