"""The modules of the document, with their Persian and English labels, and what is known of their tables. The rule: there is
no call that lists modules (facts §6), so each is asked for its fields, and a person may name more."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.errors import ConfigError
from connectors.sarvcrm.about import ENGLISH
from connectors.types import Module
from connectors.wording import text as _

MODULES: dict[str, tuple[str, str]] = {  # key: Persian label, English label
    "Accounts": ("حساب ها", "Accounts"),
    "AOS_Contracts": ("قراردادهای فروش", "Sales Contract"),
    "AOS_Invoices": ("فاکتورها", "Invoices"),
    "AOS_PDF_Templates": ("قالب های PDF", "PDF Templates"),
    "AOS_Product_Categories": ("دسته های محصول", "Product Categories"),
    "AOS_Products": ("محصولات", "Products"),
    "AOS_Quotes": ("پیش فاکتورها", "Quotes"),
    "Appointments": ("بازدیدها", "Appointments"),
    "Approval": ("تاییدیه", "Approval"),
    "asol_Project": ("پروژه", "Project"),
    "Branches": ("شعب", "Branches"),
    "Bugs": ("پیگیری ایرادهای محصول", "Bug Tracker"),
    "Calls": ("تماس ها", "Calls"),
    "Cases": ("سرویس ها", "Cases"),
    "Communications": ("ارتباطات", "Communications"),
    "Communications_Target": ("هدف ارتباطات", "Communications Target"),
    "Communications_Template": ("قالب ارتباطات", "Communications Template"),
    "Campaigns": ("کمپین ها", "Campaigns"),
    "Contacts": ("افراد", "Contacts"),
    "Deposits": ("ودیعه", "Deposits"),
    "Documents": ("اسناد", "Documents"),
    "Emails": ("ایمیل ها", "Emails"),
    "Knowledge_Base": ("پایگاه دانش", "Knowledge Base"),
    "Knowledge_Base_Categories": ("دسته پایگاه دانش", "Knowledge Base Categories"),
    "Leads": ("سرنخ", "Leads"),
    "Meetings": ("جلسات", "Meetings"),
    "Notes": ("یادداشت ها", "Notes"),
    "OBJ_Conditions": ("شرایط شاخص", "Conditions"),
    "OBJ_Indicators": ("شاخص", "Indicators"),
    "OBJ_Objectives": ("اهداف", "Objectives"),
    "Opportunities": ("فرصت ها", "Opportunities"),
    "Payments": ("پرداخت ها", "Payments"),
    "Purchase_Order": ("سفارش خرید", "Purchase Order"),
    "sc_competitor": ("رقبا", "Competitor"),
    "sc_Contract": ("قراردادهای پشتیبانی", "Support Contracts"),
    "sc_contract_management": ("خدمات", "Services"),
    "Service_Centers": ("مراکز سرویس", "Service Centers"),
    "Tasks": ("وظایف", "Tasks"),
    "Timesheet": ("تایم شیت", "Timesheet"),
    "Vendors": ("تامین کنندگان", "Vendors"),
}
USERS = "Users"  # in no list of the document, and there all the same (facts §1.4)
TABLES = {"Vendors": "accounts", "ACLRoles": "acl_roles"}  # every other table is the key in lower case (facts §1.3)
SINGULARS: dict[str, str] = {
    "Accounts": "Account",
    "Calls": "Call",
    "Campaigns": "Campaign",
    "Cases": "Case",
    "Contacts": "Contact",
    "Leads": "Lead",
    "Meetings": "Meeting",
    "Notes": "Note",
    "Opportunities": "Opportunity",
    "Tasks": "Task",
    "Vendors": "Vendor",
}


def module(key: str, language: str) -> Module:
    """Return the module of that key, labelled in that language; one the document does not have is called by its key."""
    if key not in MODULES:
        return Module(key, key.replace("_", " "))
    persian, english = MODULES[key]
    return Module(key, english, SINGULARS.get(key, "")) if language == ENGLISH else Module(key, persian)


def table(key: str) -> str:
    """Return the name of the module's table, by which columns are qualified in queries."""
    return TABLES.get(key, key.lower())


def keys_in(text: str, known: Sequence[str]) -> list[str]:
    """Return the keys a person named besides the known ones. Raises ConfigError for what cannot be one."""
    names = [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]
    wrong = [name for name in names if not (name.isascii() and name.isidentifier())]
    if wrong:
        sentence = _("“%(name)s” cannot be the key of a module. Write keys such as: Product_Bundle.", name=wrong[0])
        raise ConfigError(sentence)
    return [name for name in dict.fromkeys(names) if name not in known]
