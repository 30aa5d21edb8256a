"""The simulated OpenCRM: its end points, who may call them, and the shapes of its answers (opencrm.txt; facts §3, §6)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from connectors.sandbox.opencrm import backdoor, deeds, reading, writing
from connectors.sandbox.opencrm.access import Access, blocked
from connectors.sandbox.opencrm.calls import (
    Params,
    edit_reply,
    end_point,
    invalid_reply,
    login_reply,
    params,
    reply,
    warned,
)
from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.errors import CrmError, InvalidRecord
from connectors.sandbox.opencrm.schema import EDITS, LISTED, MODULES, Module
from connectors.sandbox.opencrm.seed import sow
from connectors.sandbox.people import letters
from connectors.sandbox.store import Store
from connectors.sandbox.wire import Clock, Reply, Request

JSON = Any
EndPoint = Callable[[Request, Params], Reply]
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>OpenCRM</title></head><body><form>Sign in</form></body></html>"
SWITCHES: dict[str, JSON] = {
    "login_reply": "braces",
    "edit_reply": "number",
    "count_reply": "number",
    "edit_error": "string",
    "absent": ["edit_helpdesk", "edit_contract"],
    "absent_status": 404,
    "limit_end": "end",
    "greater": "works",
    "unknown_field": "nothing",
    "missing_record": "error",
    "full_crmid": False,
    "sales_reply": "inside",
    "currencies": "retained",
    "code": "",
    "code_in_session": True,
    "most_rows": 0,
    "short_pages": [],
    "listed": 0,
    "found": 0,
    "count_asked": "works",
    "counts": [],
    "warning": "",
    "hidden_records": [],
}


class OpenCrm:
    """One simulated account. Switches:

    `login_reply` braces, string, object, plain; `edit_reply` number, text, record_id, id, crmid, mixed; `count_reply` number,
    text; `edit_error` string, plain, object; `absent` (end points that are unknown) and `absent_status` 404 or 200;
    `limit_end` end, count; `greater` works, ignored, refused; `unknown_field` (of a query) nothing, everything;
    `missing_record` error, empty, null; `full_crmid` (full lists have it too); `sales_reply` (where the lines are) inside, beside;
    `currencies` (those not sent of a line) retained, zeroed; `code` (what every call must bring besides, and with
    `code_in_session` only calls without an access key); `most_rows` (of one list, 0: no limit); `short_pages` (how many rows
    the next lists bring at most, one number each, null for no limit); `listed` and `found` (how many rows a
    list, or what a condition finds of it, has in all, though more are counted; 0: all); `count_asked` works, ignored (a count takes no notice of
    the condition); `counts` (what the next counts answer: a number, or a text for an error); `warning` (what PHP prints before the answer to an edit);
    `hidden_records` (ids that cannot be read one by one).
    """

    slug = "opencrm"

    def __init__(self, store: Store, records: int, seed: int) -> None:
        self.store, self.lock, self.clock = store, store.lock, Clock()
        self.switches: dict[str, JSON] = {}
        self._records, self._seed = records, seed
        self.crm = Crm(store, self.clock, self.switches)
        self._begin()
        self._end_points = self._all_end_points()

    def reset(self) -> None:
        with self.lock:
            self.store.clear()
            self._begin()

    def _begin(self) -> None:
        self.clock.reset()
        self.switches.update(copy.deepcopy(SWITCHES))
        if self.store.is_empty:
            self.store.sow(lambda: sow(self.store, self._records, self._seed))
            self.store.note("seed", self._seed)
        seed: int = self.store.notes["seed"]  # a kept state keeps its keys
        self.access = Access(letters(seed, "opencrm key", 21), letters(seed, "opencrm passkey", 21), self.clock)

    def credentials(self, url: str) -> dict[str, str]:
        return {"url": url, "code": self.switches["code"], "key": self.access.key, "passkey": self.access.passkey}

    def expire_sessions(self) -> None:
        with self.lock:
            self.access.expire()

    def operation(self, request: Request) -> str:
        """Return the end point, e.g. "get_contact_list"."""
        return end_point(request) or request.path

    def session_key(self, request: Request) -> str | None:
        return None

    def answer(self, request: Request) -> Reply:
        if refused := blocked(request):
            return refused
        name = end_point(request)
        if not name:
            return Reply(200 if request.path == "/" else 404, _LOGIN_PAGE, "text/html; charset=UTF-8")
        try:
            with self.lock:
                return self._called(name, request)
        except CrmError as e:
            return reply({"error": e.message}, e.status)
        except InvalidRecord as e:
            return invalid_reply(str(e), self.switches["edit_error"])

    def _called(self, name: str, request: Request) -> Reply:
        given = params(request)
        self.access.check(request, given, self.switches["code"], self.switches["code_in_session"])
        known = None if name in self.switches["absent"] else self._end_points.get(name)
        if known is None:
            raise CrmError("Unknown method", self.switches["absent_status"])
        return known(request, given)

    def _all_end_points(self) -> dict[str, EndPoint]:
        found: dict[str, EndPoint] = {
            "login": self._login,
            "get_record_list_from_report": lambda request, given: reply(deeds.report(self.crm, given)),
            "edit_record_link": lambda request, given: reply(deeds.link(self.crm, given)),
            "add_to_campaign": lambda request, given: reply(deeds.add_to_campaign(self.crm, given)),
        }
        for name in LISTED:
            found |= self._reads(MODULES[name])
        for name, module in EDITS.items():
            found[name] = self._edits(module)
        return found

    def _login(self, request: Request, given: Params) -> Reply:
        return login_reply(self.access.login(), self.switches["login_reply"])

    def _reads(self, module: Module) -> dict[str, EndPoint]:
        stem = f"get_{module.name}"
        single = f"{stem}_details" if module.name == "user" else stem
        return {
            f"{stem}_list_count": lambda request, given: self._count(module, given),
            f"{stem}_list": lambda request, given: Reply(200, reading.listed(self.crm, module, given, request.overlap)),
            f"{stem}_list_full": lambda request, given: Reply(
                200, reading.listed_full(self.crm, module, given, request.overlap)
            ),
            single: lambda request, given: self._one(module, given),
        }

    def _one(self, module: Module, given: Params) -> Reply:
        if module.sales:
            return Reply(200, reading.sale(self.crm, module, given))
        read = reading.user_details if module.name == "user" else reading.one
        return reply(read(self.crm, module, given))

    def _count(self, module: Module, given: Params) -> Reply:
        known = {} if self.switches["count_asked"] == "ignored" else given
        number = self.switches["counts"].pop(0) if self.switches["counts"] else reading.count(self.crm, module, known)
        if isinstance(number, str):
            raise CrmError(number)
        return reply(str(number) if self.switches["count_reply"] == "text" else number)

    def _edits(self, module: Module) -> EndPoint:
        return lambda request, given: warned(
            self.switches["warning"], edit_reply(writing.edit(self.crm, module, given), self.switches["edit_reply"])
        )

    def records(self, module: str, deleted: bool) -> list[JSON]:
        with self.lock:
            return backdoor.records(self.crm, module, deleted)

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        with self.lock:
            return backdoor.mutate(self.crm, action, module, record_id, values, touch)
