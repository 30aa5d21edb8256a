"""The simulated Vtiger is believed as far as recorded exchanges with a real Vtiger 8.0.0 pin it: each is put to it as it was put
to the real one, and status, envelope, error and the spelling of every value must agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.replay import Replay
from tests.connectors.sandbox_client import Account

FOLDER = Path(__file__).parent / "exchanges" / "vtiger"

_SHAPE = (
    "holds only the beginning of the answer, or several requests; the behaviour has a test in test_sandbox_vtiger.py"
)
_COLUMNS = "shows columns of the inventory tables that describe does not list (discount_percent, quantity, LineItems_FinalDetails)"
_REQUEST = "the request was not recorded whole; the behaviour has a test in test_sandbox_vtiger.py"
# What the sandbox does not claim to know, and why. Everything else in the folder is claimed.
UNCLAIMED: dict[str, str] = {
    **dict.fromkeys(
        [
            "login_race_4_workers",
            "query_no_limit_more_than_100",
            "roundtrip_matrix",
            "sync_180_records_same_second",
            "sync_milliseconds",
            "sync_recent",
            "sync_same_second_loss",
            "sync_synctype_sent_but_server_lacks_param",
            "sync_variant_synctype_application",
            "sync_variant_synctype_none",
            "sync_variant_synctype_user",
            "sync_variant_synctype_userandgroup",
            "sync_walk_contacts",
            "text_field_corruption_on_partial_update",
            "update_corrupts_unsent_description",
        ],
        _SHAPE,
    ),
    **dict.fromkeys(
        [
            "create_invoice_lines",
            "invoice_query",
            "invoice_revise_without_lineitems",
            "invoice_update_without_lineitems",
            "lineitem_query",
            "query_invoice",
            "retrieve_invoice",
            "sync_invoice",
        ],
        _COLUMNS,
    ),
    **dict.fromkeys(("create_params_in_url_element_in_body", "nonadmin_create_currency_comma_locale"), _REQUEST),
    "files_retrieve_ok": "the id of an attachment is the server's own; the behaviour has a test in test_sandbox_vtiger.py",
    "create_task": "the real server works out a duration of 34 h 30 min from an end without a time, by a rule we do not know",
    "query_limit_100_100": "without ORDER BY the order after the first hundred rows is the database's own",
    "db_down_getchallenge": "the database is never down; the fault http_500 looks the same",
    "db_down_query": "the database is never down; the fault http_500 looks the same",
    "display_errors_on_getchallenge": "PHP's warnings are a fault (php_warnings), not word for word these",
    "display_errors_on_retrieve": "PHP's warnings are a fault (php_warnings), not word for word these",
    "session_file_gc": "no session files; the fault session_expired looks the same",
}


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Sandbox(["vtiger"], records=0) as running:
        account = Account(running, "vtiger")
        yield account
        account.close()


def recorded(case: str) -> str:
    return (FOLDER / f"{case}.json").read_text()


def all_cases() -> list[str]:
    return [path.stem for path in sorted(FOLDER.glob("*.json"))]


@pytest.mark.parametrize("case", [case for case in all_cases() if case not in UNCLAIMED])
def test_a_recorded_exchange_is_answered_as_the_real_server_answered_it(account: Account, case: str) -> None:
    replay = Replay(account, case, json.loads(recorded(case)))
    replay.prepare()
    replay.compare(replay.send())


def test_every_unclaimed_exchange_is_one_that_was_copied() -> None:
    assert set(UNCLAIMED) <= set(all_cases())


def test_a_description_survives_every_revise_and_no_update_that_leaves_it_out(account: Account) -> None:
    account.control("POST", "reset")
    account.login()
    case = json.loads(recorded("text_field_corruption_on_partial_update"))
    base = {"lastname": "x", "assigned_user_id": "19x1"}
    record = account.write("create", {**base, "description": case["sent"]}, "Contacts")["result"]
    for step, expected in case["steps"]:
        if step.startswith(("revise", "update")):
            sent = {"id": record["id"], **base, **({"description": case["sent"]} if "WITH " in step else {})}
            answer = account.write(step.split()[0], sent)["result"]
        elif "retrieve" in step:
            answer = account.get(operation="retrieve", sessionName=account.session, id=record["id"])["result"]
        else:
            answer = record
        assert answer["description"] == expected, step


def test_an_update_answers_the_clean_description_and_stores_a_corrupted_one(account: Account) -> None:
    account.control("POST", "reset")
    account.login()
    for case in json.loads(recorded("update_corrupts_unsent_description")):
        base = {"assigned_user_id": "19x1", "accountname": "x", "lastname": "x"}
        record = account.write("create", {**base, "description": case["sent"]}, case["module"])["result"]
        for number, step in enumerate(("retrieve_after_1_update", "retrieve_after_2_updates")):
            answer = account.write("update", {"id": record["id"], **base})["result"]["description"]
            held = account.get(operation="retrieve", sessionName=account.session, id=record["id"])["result"]
            assert held["description"] == case[step]
            assert answer == (case["update_response"] if number == 0 else case["retrieve_after_1_update"])


def test_no_copied_exchange_holds_a_host_or_a_secret() -> None:
    harmless = r"[\w.+-]+@example\.test|https?://(crm\.example\.test|[a-z]\.test)"
    for path in FOLDER.glob("*.json"):
        text = re.sub(harmless, "", path.read_text())
        found = re.findall(
            r"https?://[^\s\"\\]+|\w@\w+|\$2y\$\S+|\b(?=\w*[a-f])(?=\w*\d)[0-9a-f]{12,}\b|\b\d+(?:\.\d+){3}\b|/home/|/var/",
            text,
        )
        assert found == [], path.name
