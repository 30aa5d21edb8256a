"""OpenCRM compares nothing: what a person makes is looked up first by what tells records of its kind apart."""

from __future__ import annotations

import pytest

from connectors.errors import Duplicate, QueryError, RecordInvalid
from connectors.lessons import Lessons
from connectors.opencrm.client import PAGE
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.modules import MODULES
from connectors.opencrm.schema import catalogued
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import OpenCrmSeeder, account, context, crm, observer, sandbox, seeder
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures

OWNED = {"assigned_user_id": "1"}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_looked_up_by_fields_it_has(module: str) -> None:
    names = {field.name for field in catalogued(module)}
    keys = MODULES[module].keys
    assert keys and all(key and set(key) <= names for key in keys)


@pytest.mark.parametrize(
    ("module", "there", "new"),
    [
        ("contact", {"lastname": "Ito", "email": "Kei.Ito@example.org"}, {"lastname": "Itoh", "email": "kei.ito@example.org"}),
        ("contact", {"lastname": "Ito", "firstname": "Kei"}, {"lastname": "Ito", "firstname": "Kei"}),
        ("company", {"accountname": "Acme & Sons | Co"}, {"accountname": "Acme & Sons | Co", "phone": "1"}),
        ("lead", {"lastname": "Ito", "email": "kei@example.org"}, {"lastname": "Other", "email": "kei@example.org"}),
        ("product", {"productname": "Pump", "productcode": "P-77"}, {"productname": "Pump 2", "productcode": "P-77"}),
        ("project", {"name": "Move", "projectnum": "P77"}, {"name": "Other", "projectnum": "P77"}),
        ("quote", {"subject": "Pumps", "accountid": "1001"}, {"subject": "Pumps", "accountid": "1001"}),
        ("invoice", {"subject": "May", "invoicedate": "2026-05-01"}, {"subject": "May", "invoicedate": "2026-05-01"}),
    ],
)  # fmt: skip
def test_a_record_that_is_there_is_named_and_nothing_is_sent(
    crm: OpenCrmConnector, seeder: OpenCrmSeeder, observer: CountingObserver, module: str,
    there: dict[str, str], new: dict[str, str],
) -> None:  # fmt: skip
    id = seeder.mutate("create", module, **there)
    with pytest.raises(Duplicate, match=id) as caught:
        crm.refuse_twin(module, {**OWNED, **new})
    assert caught.value.code == id and MODULES[module].edits[0] in str(caught.value)
    assert not any(call.writes for call in observer.calls)


@pytest.mark.parametrize(
    ("module", "there", "new"),
    [
        ("contact", {"lastname": "Ito", "email": "kei@example.org"}, {"lastname": "Ito", "email": "jun@example.org"}),
        ("contact", {"lastname": "Ito", "firstname": "Kei"}, {"lastname": "Ito", "firstname": "Jun"}),
        ("contact", {"lastname": "Ito", "accountid": "1001"}, {"lastname": "Ito"}),
        ("quote", {"subject": "Pumps", "accountid": "1001"}, {"subject": "Pumps", "accountid": "1002"}),
        ("invoice", {"subject": "May", "invoicedate": "2026-05-01"}, {"subject": "May", "invoicedate": "2027-05-01"}),
    ],
)  # fmt: skip
def test_a_record_that_differs_in_its_key_is_no_twin(
    crm: OpenCrmConnector, seeder: OpenCrmSeeder, module: str, there: dict[str, str], new: dict[str, str]
) -> None:
    seeder.mutate("create", module, **there)
    crm.refuse_twin(module, {**OWNED, **new})
    assert crm.create(module, {**OWNED, **new}).id


def test_a_twin_is_found_where_the_name_does_not_work_in_a_condition(
    account: Account, crm: OpenCrmConnector, seeder: OpenCrmSeeder
) -> None:
    crowd = [
        {"action": "create", "module": "contract", "values": {"contractname": f"Many {n}"}} for n in range(12 * PAGE)
    ]
    account.control("POST", "mutate", changes=crowd)
    id = seeder.mutate("create", "contract", contractname="Service 2031")
    lessons = Lessons(crm.context.learned, crm.context.clock)
    lessons.note("no query names of contract", "contractname", "accountid", "start_date")
    with pytest.raises(Duplicate, match=id):
        crm.refuse_twin("contract", {**OWNED, "contractname": "service 2031"})
    crm.refuse_twin("contract", {**OWNED, "contractname": "service 2032"})


def test_values_that_cannot_be_sent_are_told_before_anything_is_looked_up(
    crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    crm.describe("contact")
    observer.calls.clear()
    for values in ({"email": "kei@example.org"}, {**OWNED, "lastname": "Ito", "birthday": "tomorrow"}):
        with pytest.raises(RecordInvalid):
            crm.refuse_twin("contact", values)
    assert not observer.calls


def test_a_create_by_itself_asks_nobody(crm: OpenCrmConnector) -> None:
    """A sync has matched by its mapping's own key; what it makes after that is meant."""
    twins = [crm.create("contact", {**OWNED, "lastname": "Ito", "email": "kei@example.org"}) for _ in range(2)]
    assert twins[0].id != twins[1].id


def test_a_list_too_long_to_be_looked_through_is_told_and_nothing_is_sent(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    crowd = [{"action": "create", "module": "contract", "values": {"contractname": f"Many {n}"}} for n in range(300)]
    account.control("POST", "mutate", changes=crowd)
    account.control("POST", "switches", most_rows=5)
    lessons = Lessons(crm.context.learned, crm.context.clock)
    lessons.note("no query names of contract", "contractname", "accountid", "start_date")
    with pytest.raises(QueryError, match="edit_contract"):
        crm.refuse_twin("contract", {**OWNED, "contractname": "Service 2032"})
    assert len(observer.calls) < 150 and not any(call.writes for call in observer.calls)
