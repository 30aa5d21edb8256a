"""The simulated mobile API's operations about the server itself: who is signed in, modules, fields, owners, filters."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.simplycrm.calls import Call, MobileError
from connectors.sandbox.simplycrm.shapes import hidden, name_of, salutations
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger import read
from connectors.sandbox.vtiger.crm import Crm, Module, User, listed, modules

JSON = Any
_WEB_ONLY = ("CustomQuickCreate", "ProcessBar")  # for the CRM's own screens; no operation knows their records
_NOT_LISTED = ("Events", "Users")
FILTER_KINDS = ("All", "Mine")


def login(user: User, row: Row, session: str, zone: str) -> dict[str, str]:
    """Return what a sign-in answers: userid, session, versions and the zones of server and user."""
    return {
        "userid": str(user.id),
        "crm_tz": zone,
        "user_tz": row.values["time_zone"],
        "user_currency": "USD",
        "session": session,
        "simply_version": "7.1.0",
        "date_format": row.values["date_format"],
        "mobile_module_version": "1.2.1",
    }


def modules_shown() -> list[dict[str, JSON]]:
    """Return the modules as loginAndFetchModules lists them: entities, those of the web's screens last."""
    found = [
        {"id": m.prefix, "name": m.name, "isEntity": True, "label": m.describe["label"], "singular": _singular(m)}
        for m in sorted(modules().values(), key=lambda m: int(m.prefix))
        if m.is_entity and m.name not in _NOT_LISTED and m.name in listed()
    ]
    for number, name in enumerate(_WEB_ONLY, 41):
        found.append({"id": str(number), "name": name, "isEntity": True, "label": name, "singular": f"SINGLE_{name}"})
    return found


def _singular(module: Module) -> str:
    return str(listed()[module.name]["singular"])


def fetch_modules(call: Call) -> JSON:
    return {"modules": modules_shown()}


def describe(call: Call) -> JSON:
    """The webservice's description with a uitype (null, or a number for times) and the owners to choose from."""
    described = read.describe(call.crm, call.user, {"elementType": call.text("module")})
    off = hidden(call.crm, modules()[described["name"]])
    fields = []
    for field in described["fields"]:
        if field["name"] in off:
            continue
        kind = dict(field["type"])
        if values := salutations(field["name"]):
            kind["picklistValues"] = values
        if kind["name"] == "owner":
            kind["picklistValues"] = {k: {o["value"]: o["label"] for o in v} for k, v in owners(call.crm).items()}
        fields.append({**field, "type": kind, "uitype": 252 if kind["name"] == "time" else None})
    return {"describe": {**described, "fields": fields}}


def owners(crm: Crm) -> dict[str, list[dict[str, str]]]:
    """Return {"users", "groups"}, each a list of {"value", "label"}; users that are switched off are not there."""
    users, groups = modules()["Users"], modules()["Groups"]
    active = [r for r in crm.store.table("Users").living() if r.values.get("status") == "Active"]
    return {
        "users": [{"value": f"{users.prefix}x{r.id}", "label": name_of(users, r)} for r in active],
        "groups": [
            {"value": f"{groups.prefix}x{r.id}", "label": name_of(groups, r)}
            for r in crm.store.table("Groups").living()
        ],
    }


def fetch_module_owners(call: Call) -> JSON:
    return owners(call.crm)


def user_info(call: Call) -> JSON:
    row = call.crm.store.table("Users").rows[call.user.id]
    names = ("first_name", "last_name", "time_zone", "hour_format", "date_format", "is_admin")
    about = {"username": call.user.name, "id": str(call.user.id), **{n: row.values[n] for n in names}}
    return {"userinfo": {**about, "email": row.values["email1"]}}


def filter_id(module: Module, kind: str) -> str:
    """Return the number of a module's filter, the same on every start."""
    return str(int(module.prefix) * 10 + FILTER_KINDS.index(kind))


def filter_of(number: str) -> tuple[Module, str] | None:
    """Return the module and kind of a filter's number, None for a number that is no filter's."""
    return next(
        ((m, kind) for m in modules().values() if m.is_entity for kind in FILTER_KINDS if filter_id(m, kind) == number),
        None,
    )


def fetch_module_filters(call: Call) -> JSON:
    """{"filters": {"Mine", "Shared", "Others"}, "moduleLabel"}; the shared ones are among the others again (lineage)."""
    module = modules().get(call.text("module"))
    if module is None:
        raise MobileError(1501, "Module not specified.")
    shared = {"id": filter_id(module, "All"), "name": "All", "default": True}
    mine = {"id": filter_id(module, "Mine"), "name": f"My {module.describe['label']}", "default": False}
    filters = {"Mine": [mine], "Shared": [shared], "Others": [shared]}
    return {"filters": filters, "moduleLabel": module.describe["label"]}
