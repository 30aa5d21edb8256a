"""The simulated incoming webhooks: an address with a token that makes a record of what is posted to it.

The vendor's document says what a webhook has (name, module, switched on or off, mandatory parameters, fields with the kinds of
value below) and neither its address nor its answers, and nothing public does; those are made up here. The webhooks themselves are
made, changed and deleted by an administrator in the CRM's screens, so on the control side, as records of "Webhooks":

    {"name", "module", "active": bool, "mandatory": [parameter, …], "fields": [{"field", "type", "value"}, …]}

and shown there with "path", what follows the server's address. Without fields each parameter goes into the field of its name.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from connectors.sandbox.people import letters
from connectors.sandbox.simplycrm.calls import params_of
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger import write
from connectors.sandbox.vtiger.crm import Crm, PhpFatal, RestrictedFile, User, WsError, int_cast, modules
from connectors.sandbox.wire import Reply, Request, collate

JSON = Any
Params = dict[str, JSON]
MODULE = "Webhooks"
PATH = "/modules/Webhooks/incoming.php"
_NEW: dict[str, JSON] = {"name": "", "module": "Leads", "active": True, "mandatory": [], "fields": []}
_FIRST = {"name": "Web form", "mandatory": ["lastname", "email"]}


def sow(crm: Crm, seed: int) -> None:
    """Store the webhook that a new server has: a web form for leads."""
    change(crm, seed, "create", None, _FIRST)


def shown(crm: Crm, deleted: bool) -> list[JSON]:
    """Return the webhooks as {"id", "values", "deleted"}."""
    return [_shown(row) for row in crm.store.table(MODULE).rows.values() if deleted or not row.deleted]


def change(crm: Crm, seed: int, action: str, record_id: str | None, values: Params) -> JSON:
    """Create, update or delete a webhook and return it. Raises KeyError for one that is not there, ValueError for anything else."""
    if unknown := set(values) - set(_NEW):
        raise ValueError(f"A webhook has no {', '.join(sorted(unknown))}; it has {', '.join(_NEW)}.")
    if action == "create":
        number = max(crm.store.table(MODULE).rows, default=0) + 1
        token = letters(seed, f"webhook:{number}", 24)
        row = Row(MODULE, number, {**_NEW, **values, "path": f"{PATH}?token={token}"}, hidden={"token": token})
    else:
        row = crm.store.table(MODULE).rows[int(record_id or 0)]
        row.values.update(values)
        row.deleted = row.deleted or action == "delete"
    crm.store.save([row])
    return _shown(row)


def _shown(row: Row) -> JSON:
    return {"id": str(row.id), "values": dict(row.values), "deleted": row.deleted}


def answer(crm: Crm, user: User, request: Request) -> Reply:
    """Return 200 with {"success": true, "result": {"id"}}; 404, 403 or 405 for an address that is none, off, or asked wrongly;
    415 for another body than a form or JSON, 400 for values that make no record."""
    token = request.query.get("token", "")
    hook = next((r for r in crm.store.table(MODULE).living() if r.hidden["token"] == token), None)
    if hook is None:
        return _refused(404, "NOT_FOUND", "Webhook not found")
    if not hook.values["active"]:
        return _refused(403, "WEBHOOK_INACTIVE", "Webhook is not active")
    if request.method != "POST":
        return _refused(405, "METHOD_NOT_ALLOWED", "Only POST is accepted")
    kind = request.headers.get("content-type", "")
    if not re.match(r"(application/(json|x-www-form-urlencoded)|multipart/form-data)\b", kind):
        return _refused(415, "UNSUPPORTED_MEDIA_TYPE", "Send a form or JSON")
    try:
        return _json(200, {"success": True, "result": {"id": _created(crm, user, hook, params_of(request))}})
    except WsError as e:
        return _refused(400, str(e.code), e.message)
    except (PhpFatal, RestrictedFile):
        return Reply(500, b"", "text/html; charset=UTF-8")


def _created(crm: Crm, user: User, hook: Row, params: Params) -> str:
    """Make the record and return its id. Raises MANDATORY_FIELDS_MISSING for the first parameter that is not there."""
    for name in hook.values["mandatory"]:
        if params.get(name) in (None, ""):
            raise WsError("MANDATORY_FIELDS_MISSING", f"{name} does not have a value")
    module = crm.module(hook.values["module"])
    given = {p["field"]: _value(crm, p["type"], str(p["value"]), params) for p in hook.values["fields"]}
    sent = given or {k: v for k, v in params.items() if k in module.fields}
    element = json.dumps({"assigned_user_id": user.ws_id, **sent})
    made = write.create(crm, user, {"elementType": module.name, "element": element})
    row = crm.store.table(module.name).rows[int_cast(made["id"].partition("x")[2])]
    if "source" in row.values:
        row.values["source"] = "WEBHOOK"
        crm.store.save([row])
    return str(made["id"])


def _value(crm: Crm, kind: str, text: str, params: Params) -> JSON:
    """Return a field's value: fixed, of a parameter, concat(parameter, 'text', …), or the id of a record found by a field.

    A reference reads "Accounts.accountname=company": the account whose name is in the parameter `company`, nothing if none is.
    """
    if kind == "Value":
        return text
    if kind == "Field":
        return params.get(text, "")
    if kind == "Expression":
        parts = re.findall(r"'([^']*)'|(\w+)", text.removeprefix("concat"))
        return "".join(str(params.get(name, "")) if name else quoted for quoted, name in parts)
    target = re.fullmatch(r"(\w+)\.(\w+)=(\w+)", text)
    if kind != "Reference" or target is None or target[1] not in modules():
        raise WsError("INVALID_WEBHOOK", f"There is no value of type {kind} like {text}")
    module, wanted = modules()[target[1]], collate(str(params.get(target[3], "")))
    found = next(
        (r for r in crm.store.table(module.name).living() if collate(r.values.get(target[2], "")) == wanted), None
    )
    return f"{module.prefix}x{found.id}" if found and wanted else ""


def _refused(status: int, code: str, message: str) -> Reply:
    return _json(status, {"success": False, "error": {"code": code, "message": message}})


def _json(status: int, value: JSON) -> Reply:
    return Reply(status, orjson.dumps(value))
