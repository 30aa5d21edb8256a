"""Sending to Simply CRM's incoming webhooks: once, whole, and without showing the address."""

from __future__ import annotations

import json
import traceback

import pytest

from connectors.context import Context
from connectors.errors import AccessDenied, ConfigError, ConnectorError, ReadOnly, RecordInvalid, Unavailable
from connectors.simplycrm.webhook import refusal, without_address
from tests.connectors.contract import CountingObserver
from tests.connectors.simplycrm_account import KEY, PASSWORD, RULES, Simply, account, observer, sandbox

__all__ = ["account", "observer", "sandbox"]  # fixtures
LEAD = {"lastname": "Ito & <b>", "email": "ito@example.com", "description": "سلام\nline 2 + 100%"}


@pytest.fixture
def address(account: Simply) -> str:
    """The address of the webhook a new server has."""
    hook = account.control("GET", "records", module="Webhooks")[0]
    return f"{account.url}{hook['values']['path']}"


@pytest.mark.parametrize("without", [(), (KEY,), (PASSWORD,)], ids=["both", "mobile", "webservice"])
@pytest.mark.parametrize("body", ["form", "json"])
def test_values_sent_to_a_webhook_become_a_record(
    account: Simply, address: str, without: tuple[str, ...], body: str
) -> None:
    crm = account.connect(Context(network=RULES), *without, webhook_url=address, webhook_format=body)
    told = crm.call("webhook", {"values": LEAD})
    made = json.loads(told["reply"])["result"]["id"]
    assert told["status"] == 200
    kept = account.values("Leads", made)
    assert {name: kept[name] for name in LEAD} == LEAD
    assert account.asked() == {"webhook": 1}


def test_the_body_can_be_chosen_for_one_sending(account: Simply, address: str) -> None:
    crm = account.connect(Context(network=RULES), webhook_url=address)
    for body in ("form", "json"):
        assert crm.call("webhook", {"values": LEAD, "format": body})["status"] == 200
    with pytest.raises(ConnectorError):
        crm.call("webhook", {"values": LEAD, "format": "xml"})
    assert account.asked() == {"webhook": 2}


def refused(account: Simply, address: str, values: dict[str, str] = LEAD) -> ConnectorError:
    """Return what sending raised, having looked that it shows the address nowhere."""
    crm = account.connect(Context(network=RULES), webhook_url=address)
    with pytest.raises(ConnectorError) as caught:
        crm.send_webhook(values)
    token = address.partition("token=")[2]
    shown = f"{caught.value!r} {caught.value.__dict__} {''.join(traceback.format_exception(caught.value))} {crm!r}"
    assert token and token not in shown
    return caught.value


def test_what_a_webhook_refuses_is_told_in_its_own_words(account: Simply, address: str) -> None:
    error = refused(account, address, {"lastname": "Without e-mail"})
    assert isinstance(error, RecordInvalid) and "email does not have a value" in error.vendor_message
    assert isinstance(refused(account, f"{address}wrong"), ConfigError)
    account.mutate("update", "Webhooks", "1", active=False)
    error = refused(account, address)
    assert isinstance(error, AccessDenied) and "switched off" in str(error)


@pytest.mark.parametrize("fault", ["http_500", "http_502_html", "cut_before", "cut_after"])
def test_an_unclear_answer_may_have_made_a_record_and_is_not_sent_again(
    account: Simply, address: str, fault: str
) -> None:
    account.fault(fault, "webhook", times=0)
    error = refused(account, address)
    assert isinstance(error, Unavailable) and error.maybe_done
    assert account.asked() == {"webhook": 1}


def test_nothing_is_sent_where_it_may_not_or_cannot_be(
    account: Simply, address: str, observer: CountingObserver
) -> None:
    context = Context(network=RULES, observer=observer)
    with pytest.raises(ConfigError, match="No address"):
        account.connect(context).send_webhook(LEAD)
    for nonsense in ("not an address", "https://", "http://[::1"):
        with pytest.raises(ConnectorError):
            account.connect(context, webhook_url=nonsense).send_webhook(LEAD)
    observer.read_only = True
    with pytest.raises(ReadOnly):
        account.connect(context, webhook_url=address).send_webhook(LEAD)
    assert not observer.calls and not account.asked()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, Unavailable), (503, Unavailable), (401, AccessDenied), (403, AccessDenied), (400, RecordInvalid),
        (422, RecordInvalid), (404, ConfigError), (410, ConfigError), (415, ConfigError), (302, ConfigError),
    ],
)  # fmt: skip
def test_a_webhooks_status_says_what_is_to_be_done(status: int, kind: type[ConnectorError]) -> None:
    error = refusal(status, "why")
    assert type(error) is kind and (error.code, error.vendor_message) == (str(status), "why")
    assert getattr(error, "maybe_done", False) is (status >= 500)


def test_a_reply_does_not_show_the_address_it_came_from() -> None:
    address = "https://x.simply-crm.com/incoming/a1b2c3d4e5?token=verysecret99"
    told = without_address(f"no {address}, /incoming/a1b2c3d4e5, verysecret99; ok", address)
    assert "verysecret99" not in told and "a1b2c3d4e5" not in told and told.endswith("; ok")
