"""The samples and the list of modules of SarvCRM's document, where it is not valid JSON as it was meant."""

from __future__ import annotations

from typing import Any

ONE, OTHER = "5316cfc7-55e7-73ba-8e02-64c0b2a26b3b", "393fe40f-38c6-e5e7-08ad-5fad612ae79e"
PHONE = {
    "type": "Mobile",
    "number": "09121111234",
    "phoneCode": "+98",
    "phoneFlag": "IR",
    "primary": 1,
    "sms": 1,
    "fax": 0,
}
PERSON = {
    "first_name": "Joel",
    "last_name": "Miller",
    "type": "Individual",
    "lead_source": "Conference",
    "status": "New",
}
LEAD = {**PERSON, "numbers": [PHONE, "02122225678", "09123456789"]}
ELLIE, JOEL = {"id": ONE, "name": "Ellie Williams"}, {"id": OTHER, "name": "Joel Miller"}
FOUND = {"module": "Accounts", **ELLIE}
BUNDLED = {"id": "8f4d8930-e8a9-698c-5414-6447c03045bc", "qty": 180, "unit_id": "Branch", "id_AS": 4}


def spec(name: str, kind: str, label: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "required": 0, "label": label, "options": [], **more}


FIELDS = {
    "id": spec("id", "varchar", "شناسه"),
    "date_entered": spec("date_entered", "datetime", "تاریخ ایجاد"),
    "status": spec(
        "status",
        "enum",
        "وضعیت",
        required=1,
        options={"New": "جدید", "Converted": "تبدیل شده", "Expired": "منقضی شده"},
    ),
}


def envelope(data: Any, status: int = 200, message: Any = "") -> dict[str, Any]:
    return {"status": status, "message": message, "data": data}


# The document's own samples: verb, method, whether an id is given -> the answer.
SAMPLES: dict[tuple[str, str, bool], dict[str, Any]] = {
    ("POST", "Login", False): envelope({"token": "TOKEN_STRING"}),
    ("POST", "Save", False): envelope({"id": ONE}, 201, ["The record has been created."]),
    ("POST", "Retrieve", False): envelope([ELLIE, JOEL]),
    ("GET", "Retrieve", True): envelope([{**ELLIE, "type": "Individual"}]),
    ("PUT", "Save", True): envelope({"id": ONE}, 200, ["The record has been updated."]),
    ("DELETE", "Save", True): envelope([], 200, "The record has been deleted."),
    ("GET", "GetModuleFields", False): envelope(FIELDS),
    ("POST", "GetRelationship", True): envelope([ELLIE, JOEL]),
    ("GET", "SearchByNumber", False): envelope([FOUND]),
    ("POST", "SaveRelationships", True): {"status": 200, "message": "Created Successfully"},
}

# Key | Persian label | English label, as the document's table has them.
MODULES = """
Accounts | حساب ها | Accounts
AOS_Contracts | قراردادهای فروش | Sales Contract
AOS_Invoices | فاکتورها | Invoices
AOS_PDF_Templates | قالب های PDF | PDF Templates
AOS_Product_Categories | دسته های محصول | Product Categories
AOS_Products | محصولات | Products
AOS_Quotes | پیش فاکتورها | Quotes
Appointments | بازدیدها | Appointments
Approval | تاییدیه | Approval
asol_Project | پروژه | Project
Branches | شعب | Branches
Bugs | پیگیری ایرادهای محصول | Bug Tracker
Calls | تماس ها | Calls
Cases | سرویس ها | Cases
Communications | ارتباطات | Communications
Communications_Target | هدف ارتباطات | Communications Target
Communications_Template | قالب ارتباطات | Communications Template
Campaigns | کمپین ها | Campaigns
Contacts | افراد | Contacts
Deposits | ودیعه | Deposits
Documents | اسناد | Documents
Emails | ایمیل ها | Emails
Knowledge_Base | پایگاه دانش | Knowledge Base
Knowledge_Base_Categories | دسته پایگاه دانش | Knowledge Base Categories
Leads | سرنخ | Leads
Meetings | جلسات | Meetings
Notes | یادداشت ها | Notes
OBJ_Conditions | شرایط شاخص | Conditions
OBJ_Indicators | شاخص | Indicators
OBJ_Objectives | اهداف | Objectives
Opportunities | فرصت ها | Opportunities
Payments | پرداخت ها | Payments
Purchase_Order | سفارش خرید | Purchase Order
sc_competitor | رقبا | Competitor
sc_Contract | قراردادهای پشتیبانی | Support Contracts
sc_contract_management | خدمات | Services
Service_Centers | مراکز سرویس | Service Centers
Tasks | وظایف | Tasks
Timesheet | تایم شیت | Timesheet
Vendors | تامین کنندگان | Vendors
"""
ROWS = [[part.strip() for part in line.split("|")] for line in MODULES.strip().splitlines()]
