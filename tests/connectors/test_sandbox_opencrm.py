"""What the simulated OpenCRM answers to reads: lists, counts, single records, dates, users and reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm, emptied

MODULES = {
    "activity": "Activities", "asset": "Assets", "company": "Accounts", "contact": "Contacts", "contract": "Contracts", "lead": "Leads",
    "opportunity": "Potentials", "product": "Products", "project": "Projects", "ticket": "HelpDesk", "quote": "Quotes",
    "salesorder": "SalesOrder", "invoice": "Invoice", "purchaseorder": "PurchaseOrder",
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_counted_listed_listed_in_full_and_read(crm: OpenCrm, name: str) -> None:
    count = crm.ask(f"get_{name}_list_count")
    plain, full = crm.ask(f"get_{name}_list"), crm.ask(f"get_{name}_list_full")
    single = crm.ask(f"get_{name}", crmid=plain[0]["crmid"])
    assert count == len(plain) == len(full) >= 3
    assert [row["id"] for row in plain] == [row["crmid"] for row in plain] == [row["id"] for row in full]
    assert set(plain[0]) - {"id", "crmid"} < set(full[0])
    assert {key: single[key] for key in full[0] if key != "id"} == {k: v for k, v in full[0].items() if k != "id"}
    assert (single["record_id"], single["record_module"]) == (str(plain[0]["id"]), MODULES[name])


def test_full_lists_have_an_id_but_no_crmid_and_records_have_neither(crm: OpenCrm) -> None:
    full = crm.ask("get_contact_list_full", limit_end=1)[0]
    assert "crmid" not in full
    assert {"id", "crmid"}.isdisjoint(crm.ask("get_contact", crmid=full["id"]))
    crm.switch(full_crmid=True)
    assert crm.ask("get_contact_list_full", limit_end=1)[0] == {**full, "crmid": full["id"]}


def test_plain_lists_lack_times_and_text(crm: OpenCrm) -> None:
    assert set(crm.ask("get_contact_list")[0]) == {
        "id", "crmid", "firstname", "lastname", "title", "accountid", "email", "phone", "mobile", "smownerid",
    }  # fmt: skip


def test_a_count_may_come_as_text(crm: OpenCrm) -> None:
    assert crm.ask("get_lead_list_count") == 3
    crm.switch(count_reply="text")
    assert crm.ask("get_lead_list_count") == "3"


def test_a_record_lives_as_the_document_says(crm: OpenCrm) -> None:
    number = crm.make("contact", firstname="Zoë", lastname="O'Brien <b>", email="z@x.example", birthday="1990-04-08")
    read = crm.ask("get_contact", crmid=number)
    assert (read["record_id"], read["record_module"]) == (str(number), "Contacts")
    assert (read["lastname"], read["smownerid"], read["birthday"]) == ("O'Brien <b>", "1", "08-04-1990")
    crm.control("POST", "clock", shift_seconds=60)
    assert crm.ask("edit_contact", crmid=number, title="CEO") == number
    again = crm.ask("get_contact", crmid=number)
    assert {name for name in read if read[name] != again[name]} == {"title", "modifiedtime"}


def test_nothing_deletes_and_nothing_describes(crm: OpenCrm) -> None:
    for name in ("delete_contact", "get_contact_fields", "get_module_list", "get_campaign_list", "edit_user"):
        answer = crm.send(name, {"crmid": 1001})
        assert (answer.status_code, answer.json()) == (404, {"error": "Unknown method"})
    crm.switch(absent_status=200)
    assert crm.ask("delete_contact") == {"error": "Unknown method"}


def test_a_record_that_is_gone_or_of_another_module_is_not_found(crm: OpenCrm) -> None:
    number = crm.make("contact", lastname="x")
    crm.change("delete", "contact", id=str(number))
    for wanted in (number, 1001, 424242, "", "x", "1 OR 1=1"):
        assert crm.ask("get_contact", crmid=wanted) == {"error": "Record not found"}
    crm.switch(missing_record="empty")
    assert crm.ask("get_contact", crmid=number) == []
    crm.switch(missing_record="null")
    assert crm.ask("get_contact", crmid=number) is None


@pytest.mark.parametrize(
    ("overrides", "date", "time"),
    [
        ({}, "08-04-1990", "2015-08-04 15:04:01"),
        ({"dateTimeOverride": "c", "dateOverride": "c"}, "1990-04-08T00:00:00+00:00", "2015-08-04T15:04:01+00:00"),
        ({"dateTimeOverride": "d_F_Y_H:i", "dateOverride": "d_F_Y"}, "08 April 1990", "04 August 2015 15:04"),
        ({"dateTimeOverride": "j*n*y_g:i_a"}, "08-04-1990", "4/8/15 3:04 pm"),
        ({"dateOverride": r"Y\Y"}, "1990Y", "2015-08-04 15:04:01"),
    ],
)
def test_dates_come_as_asked_for(crm: OpenCrm, overrides: dict[str, str], date: str, time: str) -> None:
    values = {"lastname": "Dated", "birthday": "1990-04-08", "modifiedtime": "2015-08-04 15:04:01"}
    number = crm.change("create", "contact", values=values, touch=False)["id"]
    single = crm.ask("get_contact", crmid=number, **overrides)
    listed = crm.ask("get_contact_list_full", query_string=f"crmid|=|{number}", **overrides)[0]
    for read in (single, listed):
        assert (read["birthday"], read["modifiedtime"], read["support_end_date"]) == (date, time, None)
    plain = crm.ask("get_contact_list_full", query_string=f"crmid|=|{number}")[0]
    assert (plain["birthday"], plain["modifiedtime"]) == ("08-04-1990", "2015-08-04 15:04:01")


def test_overrides_may_stand_in_the_path_and_follow_the_server_s_zone(crm: OpenCrm) -> None:
    crm.control("POST", "clock", shift_seconds=0, zone="Asia/Tehran")
    number = crm.change("create", "project", values={"name": "P", "startdate": "2026-01-15"})["id"]
    name = f"get_project/crmid/{number}/dateTimeOverride/P/dateOverride/c"
    read = crm.ask(name)
    assert (read["startdate"], read["modifiedtime"]) == ("2026-01-15T00:00:00+03:30", "+03:30")


def test_owners_are_named_instead_of_numbered_when_asked_for(crm: OpenCrm) -> None:
    values = {"name": "P", "smownerid": "5", "Project_Developer": "6"}
    number = crm.change("create", "project", values=values)["id"]
    both = crm.ask("get_project", crmid=number, change_assignedidtouser="Project_Developer,Assigned_to")
    assert (both["smownerid"], both["Project_Developer"]) == ("sara", "liam")
    one = crm.ask("get_project_list_full", query_string=f"crmid|=|{number}", change_assignedidtouser="smownerid")[0]
    assert (one["smownerid"], one["Project_Developer"]) == ("sara", "6")


def test_users_are_listed_counted_and_read(crm: OpenCrm) -> None:
    users = crm.ask("get_user_list")
    assert [(u["id"], u["user_name"], u["status"]) for u in users] == [
        (1, "admin", "Active"), (5, "sara", "Active"), (6, "liam", "Active"), (9, "gone", "Inactive"),
    ]  # fmt: skip
    assert crm.ask("get_user_list_count", query_string="status|=|Active") == 3
    assert crm.ask("get_user_list_full", keywords="o'brien")[0]["first_name"] == "Liam"
    for name in ("userid", "id", "crmid"):
        assert crm.ask("get_user_details", **{name: 5})["last_name"] == "کریمی"
    assert crm.ask("get_user_details", userid=2) == {"error": "User not found"}


def test_a_report_names_its_columns_by_module_and_field(crm: OpenCrm) -> None:
    emptied(crm, "contact")
    contact = crm.change("create", "contact", values={"firstname": "Zoë", "lastname": "W", "accountid": "1001"})
    company = crm.ask("get_company", crmid=1001)["accountname"]
    assert crm.ask("get_record_list_from_report", reportid=12) == [
        {
            "id": int(contact["id"]),
            "crmid": int(contact["id"]),
            "Contacts_First Name": "Zoë",
            "Contacts_Last Name": "W",
            "Companies_Company Name": company,
        }
    ]
    assert crm.ask("get_record_list_from_report", reportid=7, isCustomReport="true") == [
        {"id": 1001, "crmid": 1001, "Companies_accountname": company, "Contacts_count": "1"}
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "reportid is required"),
        ({"reportid": 7}, "Report not found"),
        ({"reportid": 12, "isCustomReport": "true"}, "Report not found"),
    ],
)
def test_a_report_that_is_not_there_is_an_error(crm: OpenCrm, given: dict[str, object], message: str) -> None:
    assert crm.ask("get_record_list_from_report", **given) == {"error": message}
