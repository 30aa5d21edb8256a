"""The simulated mobile API's writes: saveRecord with its purifier, deleteRecords, comments (facts §2, vtiger-facts G8 to G10)."""

from __future__ import annotations

import json
import re
from typing import Any

from connectors.sandbox.people import letters
from connectors.sandbox.simplycrm.calls import Call, MobileError
from connectors.sandbox.simplycrm.shapes import grouped
from connectors.sandbox.store import Row
from connectors.sandbox.vtiger import write
from connectors.sandbox.vtiger.crm import DENIED, Module, PhpFatal, RestrictedFile, WsError, int_cast, modules
from connectors.sandbox.vtiger.values import empty_values

JSON = Any
_TAGS = {"a", "b", "br", "div", "em", "i", "li", "ol", "p", "span", "strong", "u", "ul"}
_USER_NEEDS = ("user_name", "user_password", "confirm_password", "last_name", "roleid", "email1")


def save_record(call: Call) -> JSON:
    """{"record": …} in blocks. With `record` a merge, in which `module` counts for nothing; else a create."""
    values = _values(call)
    if call.text("record"):
        return {"record": _updated(call, values)}
    name = call.text("module")
    if name == "Users":
        return {"record": _new_user(call, values)}
    if name == "Groups":
        return {"record": _new_group(call, values)}
    return {"record": _created(call, name, values)}


def add_record_comment(call: Call) -> JSON:
    """{"record": the comment in blocks}; its owner is who is signed in."""
    values = {"assigned_user_id": call.user.ws_id, **_values(call)}
    return {"record": _created(call, "ModComments", values)}


def delete_records(call: Call) -> JSON:
    """{"deleted": {number: whether it was there}} of `record` or of a JSON list in `records`, bare numbers.

    Anything else, the ids that all other operations take for one, ends in a sentence that is no JSON (facts §2).
    """
    try:
        asked = json.loads(call.text("records")) if call.text("records") else [call.text("record")]
    except ValueError:
        raise RestrictedFile from None
    numbers = [str(n) for n in asked] if isinstance(asked, list) else []
    if not numbers or not all(n.isdigit() for n in numbers):
        raise RestrictedFile
    return {"deleted": {n: _deleted(call, int(n)) for n in numbers}}


def _deleted(call: Call, number: int) -> bool:
    row = call.crm.find(number)
    if row is None or row.deleted or not call.crm.may_read(call.user, row):
        return False
    write.bury(call.crm, modules()[row.module], row)
    return True


def _values(call: Call) -> dict[str, JSON]:
    """Return the sent values, purified. Raises 1501 for none, and for those whose JSON the purifier destroyed."""
    sent = call.params.get("values")
    if isinstance(sent, dict):
        found: JSON = {k: purified(v) if isinstance(v, str) else v for k, v in sent.items()}
    else:
        try:
            found = json.loads(purified(call.text("values")))
        except ValueError:
            found = None
    if not isinstance(found, dict) or not found:
        raise MobileError(1501, "Values cannot be empty!")
    if any(isinstance(v, dict) for v in found.values()):
        raise PhpFatal  # a reference in the shape in which it is read
    return found


def purified(text: str) -> str:
    r"""Return the text as the HTML purifier leaves it, which sees no \u003c: scripts and unknown tags are gone, tags have lost
    their attributes, a lone "<" is "&lt;", and a tag that is never closed takes everything after it with it."""
    if "<" not in text:
        return text
    text = re.sub(r"<script\b.*?</script\s*>", "", text, flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*(?:<[^<>]*)?>", _tag, text)
    if opened := re.search(r"<(?!/?[a-z]+>)[a-zA-Z0-9!?]", text):
        return text[: opened.start()]
    return re.sub(r"<(?!/?[a-z]+>)", "&lt;", re.sub(r"(?<=\s)>(?=\s)", "&gt;", text))


def _tag(found: re.Match[str]) -> str:
    name = found[2].lower()
    return f"<{found[1]}{name}>" if name in _TAGS else ""


def _plain(module: Module, values: dict[str, JSON]) -> dict[str, JSON]:
    """Return the values with "&lt;" and "&gt;" read back in the fields that make the name, as the real server does."""
    return {
        k: v.replace("&lt;", "<").replace("&gt;", ">") if isinstance(v, str) and k in module.label_fields else v
        for k, v in values.items()
    }


def _created(call: Call, name: str, values: dict[str, JSON]) -> JSON:
    module = call.crm.module(name)
    element = json.dumps(_plain(module, values))
    made = write.create(call.crm, call.user, {"elementType": name, "element": element})
    row = call.crm.store.table(name).rows[int_cast(made["id"].partition("x")[2])]
    if "source" in row.values:
        row.values["source"] = "MOBILE"
    call.crm.store.save([row])
    return grouped(call.crm, module, row)


def _updated(call: Call, values: dict[str, JSON]) -> JSON:
    module, row, ws_id = call.crm.locate(call.text("record"), call.user)
    element = {k: v for k, v in _plain(module, values).items() if k != "id"}
    write.revise(call.crm, call.user, {"element": json.dumps({**element, "id": ws_id})})
    return grouped(call.crm, module, row)


def _new_user(call: Call, values: dict[str, JSON]) -> JSON:
    """Store a user as the vendor's document says; stock servers refuse (facts §2). The password is kept out of all answers."""
    if not call.crm.switches["users_can_be_made"]:
        raise WsError("ACCESS_DENIED", DENIED + " for id")
    for name in _USER_NEEDS:
        if not values.get(name):
            raise WsError("MANDATORY_FIELDS_MISSING", f"{name} does not have a value")
    if not call.user.is_admin or values["user_password"] != values["confirm_password"]:
        raise WsError("ACCESS_DENIED")
    module = modules()["Users"]
    admin = call.crm.store.table("Users").rows[call.user.id].values
    if any(r.values["user_name"] == values["user_name"] for r in call.crm.store.table("Users").living()):
        raise WsError(0, "Duplicate(s) detected!")
    number = max(call.crm.store.table("Users").rows) + 1
    kept = {k: str(values[k]) for k in _USER_NEEDS if "password" not in k} | {
        k: admin[k] for k in ("time_zone", "hour_format", "date_format", "callduration", "othereventduration")
    }
    row = Row("Users", number, {**empty_values(module), **kept, "status": "Active", "is_admin": "off"})
    row.values["accesskey"] = letters(number, f"simplycrm:{kept['user_name']}", 16)
    row.hidden["password"] = str(values["user_password"])
    call.crm.store.save([row])
    return {"blocks": [], "id": f"{module.prefix}x{number}"}


def _new_group(call: Call, values: dict[str, JSON]) -> JSON:
    """Store a group; its members read "Users:5"."""
    if not values.get("groupname"):
        raise WsError("MANDATORY_FIELDS_MISSING", "groupname does not have a value")
    module = modules()["Groups"]
    number = max(call.crm.store.table("Groups").rows, default=1) + 1
    row = Row("Groups", number, {k: str(values.get(k, "")) for k in ("groupname", "description")})
    row.hidden["members"] = values.get("members", [])
    call.crm.store.save([row])
    return {"blocks": [], "id": f"{module.prefix}x{number}"}
