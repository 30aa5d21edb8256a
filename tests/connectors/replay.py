"""Puts recorded exchanges with a real Vtiger to the sandbox: what must be there first, the request as it was sent, and what must
agree in the answer. The cases that need more than their own recording are in the tables at the top."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from tests.connectors.sandbox_client import Account

JSON = Any
RECORDED_AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MODULES = {"7": "Invoice", "9": "Calendar", "10": "Leads", "11": "Accounts", "12": "Contacts", "13": "Potentials", "14": "Products",
           "15": "Documents", "18": "Events", "30": "ModComments", "33": "LineItem"}  # fmt: skip
# Differ from run to run, or (starred) from user to user; their presence is compared, not their value.
VOLATILE = {
    "token", "serverTime", "expireTime", "sessionName", "key", "lastModifiedTime", "accesskey", "user_password",
    "confirm_password", "starred",
}  # fmt: skip
TIMES = {"createdtime", "modifiedtime"}
CREATING = ("create", "convertlead")
GIVEN_IDS = {"id", "imageattachmentids", "Accounts", "Contacts"}  # the server's own, in the answer to a create

_UNIQUE = {"unique": {"Accounts": ["accountname", "email1"]}}
SWITCHES: dict[str, dict[str, JSON]] = {
    "sync_stock_php8": {},
    "logout_stock_php8": {},
    "create_duplicate_unique_field": _UNIQUE,
    "create_unique_field_ok": _UNIQUE,
    "revise_duplicate_unique_field": _UNIQUE,
    "describe_accounts": {"unique": {"Accounts": ["accountname"]}},
}
_LEAD = {"10x1068": {"lastname": "Conv", "company": "ConvCo & Sons", "email": "cv@example.test", "leadstatus": "Hot"}}
# Records that must be there besides those the answer shows.
GIVEN: dict[str, dict[str, dict[str, str]]] = {
    "add_related_product_contact": {"12x230": {}, "14x1061": {}},
    "convertlead_again": _LEAD,
    "convertlead_ok": _LEAD,
    "create_duplicate_unique_field": {"11x50": {"accountname": "Dup2", "email1": "acc1@example.test"}},
    "create_invoice_lines": {"14x1061": {"productname": "Widget"}},
    "delete_ok": {"12x28": {}},
    "invoice_update_full": {"7x1166": {}},
    "nonadmin_delete_other": {"12x300": {}},
    "query_and_or": {
        "12x229": {"mailingcity": "Berlin", "donotcall": "1"},
        "12x230": {"mailingcity": "Tehran"},
        "12x228": {"mailingcity": "Berlin"},
    },
    "query_calendar": {"9x1060": {"subject": "Task 1"}},
    "query_calendar_tasks": {"9x1060": {"subject": "Task 1"}},
    "query_converted_lead": _LEAD,
    "retrieve_event_as_calendar": {"18x1059": {}},
    "retrieve_related_bad_label": {"11x30": {}},
    "retrieve_related_products": {"12x230": {}},
    "retrieve_wrong_prefix": {"12x2": {}},
    "revise_duplicate_unique_field": {
        "11x1156": {"email1": "a@x.test"},
        "11x50": {"accountname": "Dup2", "email1": "a@x.test"},
    },
    "revise_empty_mandatory": {"12x27": {}},
    "sync_leads_after_convert": _LEAD,
    "update_missing_mandatory": {"12x27": {}},
    **dict.fromkeys(
        ("delete_again", "retrieve_after_delete", "revise_after_delete", "update_after_delete"), {"12x28": {}}
    ),
    **dict.fromkeys(
        ("private_sharing_retrieve_denied", "private_sharing_delete_denied", "private_sharing_revise_denied"),
        {"12x230": {}},
    ),
}
# What the answer's records hold although the answer does not show it.
MORE: dict[str, dict[str, str]] = {
    **dict.fromkeys(("query_count_where", "query_no_space_before_semicolon_newlines"), {"mailingcity": "Berlin"}),
    **dict.fromkeys(("private_sharing_count", "private_sharing_query_all"), {"assigned_user_id": "19x6"}),
    "query_lowercase_kw": {"lastname": "Smith"},
    "query_percent_in_eq": {"title": "100% a+b"},
    "query_tautology_space_value": {"lastname": "O'Brien"},
    "query_unquoted_value": {"donotcall": "1"},
}
_RELATION = {"sourceRecordId": "12x230", "relatedRecordId": "14x1061", "relationIdLabel": "Products"}
_CONVERSION = {
    "leadId": "10x1068",
    "assignedTo": "19x1",
    "entities": {"Accounts": {"create": True, "name": "Accounts", "accountname": "ConvCo"}},
}


def _convert(account: Account) -> None:
    account.write("convertlead", _CONVERSION)


def _bury(account: Account) -> None:
    account.control("POST", "mutate", action="delete", module="Contacts", id="12x28")


def _lone_admin(account: Account) -> None:
    for user in ("19x6", "19x7"):
        account.control("POST", "mutate", action="delete", module="Users", id=user)


def _relate(account: Account) -> None:
    account.post(operation="add_related", sessionName=account.login(), **_RELATION)


def _logout(account: Account) -> None:
    account.post(operation="logout", sessionName=account.session or account.login())


BEFORE: dict[str, Callable[[Account], None]] = {
    **dict.fromkeys(
        ("convertlead_again", "query_converted_lead", "retrieve_converted_lead", "sync_leads_after_convert"), _convert
    ),
    **dict.fromkeys(("delete_again", "retrieve_after_delete", "revise_after_delete", "update_after_delete"), _bury),
    **dict.fromkeys(("query_users", "query_users_all"), _lone_admin),
    **dict.fromkeys(("logout_again", "use_after_logout"), _logout),
    "retrieve_related_products": _relate,
}
# What is sent as accessKey, from the challenge token and the user's key.
PROOFS: dict[str, Callable[[str, str], str]] = {
    "login_md5_uppercase": lambda token, key: _md5(token + key).upper(),
    "login_plain_accesskey": lambda token, key: key,
    "login_with_password_instead_of_accesskey": lambda token, key: "password",
    "login_wrong_key": lambda token, key: _md5(token + "wrong"),
}
BAD_SESSION = {"listtypes_bad_session"}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class Replay:
    """One exchange and the account it is put to."""

    def __init__(self, account: Account, case: str, exchange: JSON) -> None:
        self.account, self.case, self.exchange = account, case, exchange
        self.params: dict[str, str] = dict(exchange["params"])
        self.operation = self.params.get("operation", "").lower()
        self.response = exchange["response"]
        self.result = self.response.get("result") if isinstance(self.response, dict) else None
        try:
            element = json.loads(self.params.get("element", ""))
        except ValueError:
            element = {}
        self.element: dict[str, JSON] = element if isinstance(element, dict) else {}

    def prepare(self) -> None:
        """Bring an empty sandbox to where the real server was, at the time of the recording."""
        control = self.account.control
        control("POST", "reset")
        self.account.session = ""
        control("POST", "clock", shift_seconds=(RECORDED_AT - datetime.now(UTC)).total_seconds())
        patched = {"sync_works": True, "logout_works": True, "private_sharing": self.case.startswith("private_")}
        control("POST", "switches", **SWITCHES.get(self.case, patched))
        wanted = {**self._shown(), **self._unshown(), **GIVEN.get(self.case, {})}
        control("POST", "mutate", changes=[_creation(ws_id, values) for ws_id, values in wanted.items()])
        if self.case in BEFORE:
            BEFORE[self.case](self.account)

    def _records(self) -> list[dict[str, JSON]]:
        found = self.result if isinstance(self.result, list) else [self.result]
        if self.operation == "sync" and isinstance(self.result, dict):
            found = self.result["updated"]
        return [r for r in found if isinstance(r, dict)]

    def _shown(self) -> dict[str, dict[str, str]]:
        """Return the records of the answer as they were before the request, and stand-ins for those they refer to."""
        referred = {
            v
            for r in self._records()
            for k, v in r.items()
            if k != "id" and isinstance(v, str) and re.fullmatch(r"(7|10|11|12|13|14|18)x\d+", v)
        }
        found: dict[str, dict[str, str]] = {ws_id: {} for ws_id in referred if self.operation != "convertlead"}
        for record in self._records() if self.operation not in CREATING else ():
            number = re.match(r"\s*(\d+)x0*(\d+)", str(record.get("id", "")))
            if number and number[1] in MODULES:
                found[f"{number[1]}x{number[2]}"] = {**self._before(record), **MORE.get(self.case, {})}
        return found

    def _before(self, record: dict[str, JSON]) -> dict[str, str]:
        """Return the record's values with those that the request writes still different."""
        kept = {k: v for k, v in record.items() if k != "id" and isinstance(v, str)}
        if "label" in kept:
            kept["label"] = html.unescape(kept["label"])
        written = [
            k
            for k in self.element
            if k in kept and not k.endswith(("_no", "time", "_id")) and not k.startswith(("cf_", "source"))
        ]
        return {**kept, **{k: "" if kept[k] else "1" for k in written}}

    def _unshown(self) -> dict[str, dict[str, str]]:
        """Return records the query does not show: counted ones, those before its offset, after its page, and refused ones."""
        query, found = self.params.get("query", ""), {}
        more = MORE.get(self.case, {})
        if isinstance(self.result, list) and self.result and "count" in self.result[0]:
            found.update({f"12x{2000 + n}": more for n in range(int(self.result[0]["count"]))})
        if (offset := re.search(r"LIMIT (\d+),", query)) and self.result:
            found.update({f"12x{n + 1}": more for n in range(int(offset[1]))})
        if isinstance(self.result, list) and len(self.result) == 100:  # more than a page
            last = max(int(row["id"][3:]) for row in self.result)
            found.update({i: {} for i in re.findall(r"12x\d+", query) if int(i[3:]) > last})
            found.update({f"12x{8000 + n}": {} for n in range(30)})
        if "FROM Contacts" in query and "WHERE" in query:
            decoy = {"lastname": "Decoy", "assigned_user_id": "20x2", "modifiedtime": "2026-11-21 00:00:00"}
            found.update({f"12x{9000 + n}": decoy for n in range(3)})
        return found

    def send(self) -> requests.Response:
        self._sign_in()
        url, http = f"{self.account.url}/webservice.php", self.account.http
        if self.case == "webservice_json_body":
            return http.post(url, json={"operation": "listtypes", "sessionName": self.account.session}, timeout=10)
        if self.case == "create_document_multipart_upload":
            element = {"notes_title": "Upload", "filelocationtype": "I", "folderid": "22x1", "assigned_user_id": "19x1"}
            data = {**self.params, "sessionName": self.account.session, "element": json.dumps(element)}
            return http.post(url, data=data, files={"filename": ("a.txt", b"hello", "text/plain")}, timeout=10)
        cookies = {"PHPSESSID": self.account.session} if "cookie" in self.case else {}
        if self.exchange["method"] == "GET":
            return http.get(url, params=self.params, cookies=cookies, timeout=10)
        return http.post(url, data=self.params, cookies=cookies, timeout=10)

    def _sign_in(self) -> None:
        """Put a live session, or a live proof of the key, where the recording has a placeholder."""
        if not self.account.session:
            self.account.login("sales" if self.case.startswith(("private_", "nonadmin_")) else "admin")
        if self.params.get("sessionName") == "SESSION":
            self.params["sessionName"] = "0" * 20 if self.case in BAD_SESSION else self.account.session
        if self.params.get("accessKey") == "ACCESSKEY" or self.case in PROOFS:
            name = self.params["username"]
            key = self.account.access_key(name.lower())
            token = self.account.get(operation="getchallenge", username=name)["result"]["token"]
            self.params["accessKey"] = PROOFS.get(self.case, lambda t, k: _md5(t + k))(token, key)
            if self.case == "login_same_token_again":
                self.account.post(**self.params)

    def compare(self, answer: requests.Response) -> None:
        assert answer.status_code == self.exchange["status"]
        if self.exchange["response_kind"] != "json":
            assert answer.text == self.response
            return
        got = answer.json()
        if not self.response["success"]:
            assert got == self.response
            return
        assert got["success"] is True
        agree(self.response["result"], got["result"], made=self.operation in CREATING)


def _creation(ws_id: str, values: dict[str, str]) -> JSON:
    return {"action": "create", "module": MODULES[ws_id.split("x")[0]], "id": ws_id, "values": values}


def agree(recorded: JSON, got: JSON, *, made: bool, path: str = "result") -> None:
    """Assert that both hold the same; of values that differ from run to run only the shape."""
    key = path.rpartition(".")[2]
    if isinstance(recorded, dict):
        _agree_on_keys(recorded, got, path)
        for name, value in recorded.items():
            agree(value, got[name], made=made, path=f"{path}.{name}")
    elif isinstance(recorded, list) and key == "fields":
        ours = {f["name"]: f for f in got}
        for field in recorded:
            agree(field, ours[field["name"]], made=made, path=f"{path}.{field['name']}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(got), path
        for number, value in enumerate(recorded):
            agree(value, got[number], made=made, path=f"{path}[{number}]")
    elif key in TIMES or (made and (key in GIVEN_IDS or key.endswith("_no"))):
        assert _shape(recorded) == _shape(got), path
    elif key not in VOLATILE:
        assert (type(recorded), recorded) == (type(got), got), path


def _agree_on_keys(recorded: dict[str, JSON], got: JSON, path: str) -> None:
    """Custom fields were added to the real server after many of the recordings, so ours may show more of them."""
    assert isinstance(got, dict), path
    assert set(recorded) <= set(got), path
    assert {k for k in set(got) - set(recorded) if not k.startswith("cf_")} == set(), path


def _shape(text: str) -> str:
    """Return the text with what a server counts up left out: "12x7" is "12x#", "CON7" is "CON#"."""
    return re.sub(r"(?<=x)\d+$|(?<=[A-Z])\d+$", "#", text) if not text[:4].isdigit() else re.sub(r"\d", "9", text)
