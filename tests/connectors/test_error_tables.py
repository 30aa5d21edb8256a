"""What the connectors' tables say of a server's refusals is what their clients make of them: row by row, as an answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from connectors import OFFERED, connector_class
from connectors.context import Call
from connectors.errors import ConnectorError, ErrorMeaning
from connectors.http import Answer
from connectors.opencrm import answers as opencrm
from connectors.reallysimple import answers as reallysimple
from connectors.sarvcrm import answers as sarvcrm
from connectors.simplycrm import answers as simplycrm
from connectors.vtiger import answers as vtiger

READ, WRITE = Call("list", "GET", safe=True), Call("create", "POST", safe=False, writes=True)
# What an operation of webservice.php is called, where that decides.
OPERATIONS = {
    "": "query",
    "reading": "query",
    "writing": "create",
    "a record": "retrieve",
    "logging in": "getchallenge",
}


def call_of(row: ErrorMeaning) -> Call:
    return WRITE if row.when == "writing" else READ


def answer(row: ErrorMeaning, body: Any) -> Answer:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(row.status, {}, content, not call_of(row).safe)


def of_reallysimple(row: ErrorMeaning) -> ConnectorError:
    told = {name: text for name, text in (("message", row.message), ("code", row.code)) if text}
    id = "7" if row.when == "a record" else ""
    return reallysimple.failure(call_of(row), answer(row, told), "contacts", id)


def of_opencrm(row: ErrorMeaning) -> ConnectorError:
    body = {"error": row.message} if row.message else b""
    return raised(opencrm.result, call_of(row), answer(row, body), "Contacts", "7" if row.when == "a record" else "")


def of_sarvcrm(row: ErrorMeaning) -> ConnectorError:
    if row.message == "MySQL Error":
        return raised(sarvcrm.result, call_of(row), answer(row, b"MySQL Error 1054"))
    told = {"status": row.status, "message": row.message, "data": [], **({"code": row.code} if row.code else {})}
    return raised(sarvcrm.result, call_of(row), answer(row, told))


def of_vtiger(row: ErrorMeaning) -> ConnectorError:
    return raised(vtiger.result, "Vtiger", OPERATIONS[row.when], answer(row, of_webservice(row)))


def of_simplycrm(row: ErrorMeaning) -> ConnectorError:
    return raised(simplycrm.result, "Simply CRM", OPERATIONS[row.when], answer(row, of_webservice(row)))


def of_webservice(row: ErrorMeaning) -> Any:
    if not row.code or row.code == "SORRY":
        return row.message.encode()
    return {"success": False, "error": {"code": row.code, "message": row.message}}


def raised(deed: Callable[..., Any], *given: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        deed(*given)
    return caught.value


CLIENTS: dict[str, Callable[[ErrorMeaning], ConnectorError]] = {
    "opencrm": of_opencrm,
    "reallysimple": of_reallysimple,
    "sarvcrm": of_sarvcrm,
    "simplycrm": of_simplycrm,
    "vtiger": of_vtiger,
}
ROWS = [(slug, row) for slug in OFFERED for row in connector_class(slug).errors]


@pytest.mark.parametrize(("slug", "row"), ROWS, ids=lambda value: str(value)[:60])
def test_a_refusal_is_the_error_its_row_says(slug: str, row: ErrorMeaning) -> None:
    error = CLIENTS[slug](row)
    assert type(error) is row.error
    assert str(error) and (not row.code or error.code == row.code)


@pytest.mark.parametrize("slug", OFFERED)
def test_every_connector_has_a_table_in_which_no_row_stands_twice(slug: str) -> None:
    rows = connector_class(slug).errors
    assert rows
    assert len({(row.status, row.code, row.message, row.when) for row in rows}) == len(rows)
    assert all(inspect.isclass(row.error) and row.error.__doc__ for row in rows)
