"""The sandbox's own end points below /_control/: for tests, never part of a vendor's API."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from connectors.sandbox.faults import Faults
from connectors.sandbox.wire import Reply, Request, Vendor

JSON = Any
PREFIX = "/_control/"


class Journal:
    """What was asked of each vendor: the last 20,000 requests and a count per operation. No secret is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[dict[str, JSON]] = deque(maxlen=20_000)
        self._counters: dict[str, Counter[str]] = {}

    def add(self, vendor: str, operation: str, entry: dict[str, JSON]) -> None:
        with self._lock:
            self._requests.append({"vendor": vendor, "operation": operation, **entry})
            self._counters.setdefault(vendor, Counter())[operation] += 1

    def log(self, vendor: str) -> list[dict[str, JSON]]:
        with self._lock:
            return [r for r in self._requests if not vendor or r["vendor"] == vendor]

    def counters(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {vendor: dict(counter) for vendor, counter in self._counters.items()}

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._counters.clear()


@dataclass(frozen=True, slots=True)
class Control:
    """Answers a control request. `own` is the vendor whose port was asked; "vendor" in a request names another.

    GET, POST, DELETE faults   list; switch one on (the fields of faults.Fault); clear all, or one vendor's
    GET records                ?module=M[&deleted=1]: what the server stores
    POST mutate                {"action", "module", "id", "values", "touch"} or {"changes": [such, …]}
    GET log, GET counters      requests (with how many were under way, and in their session) and how many per operation, since
                               the last reset
    GET, POST clock            {"shift_seconds": N, "zone": Z}: the server's clock before or behind ours; the zone of its stamps
    GET, POST switches         oddities of one vendor, see its class
    POST reset                 back to the seed; {"vendor"} alone or all; faults, log and counters cleared
    """

    vendors: Mapping[str, Vendor]
    faults: Faults
    journal: Journal
    reset: Callable[[str], None]

    def answer(self, own: str, request: Request) -> Reply:
        """Return 200 with JSON, 400 with {"message"} for a wrong request, 404 for an unknown one."""
        try:
            params: dict[str, JSON] = dict(request.query)
            if request.body:
                params.update(orjson.loads(request.body))
            deed = getattr(self, f"_{request.method.lower()}_{request.path.removeprefix(PREFIX).strip('/')}", None)
            if deed is None:
                return _json(404, {"message": f"There is no {request.method} {request.path}."})
            return _json(200, deed(own, params))
        except (KeyError, TypeError, ValueError) as e:
            return _json(400, {"message": f"{type(e).__name__}: {e}"})

    def _vendor(self, own: str, params: dict[str, JSON]) -> Vendor:
        return self.vendors[params.get("vendor") or own]

    def _post_faults(self, own: str, params: dict[str, JSON]) -> JSON:
        self.faults.add({"vendor": own, **params})
        return self.faults.listed()

    def _get_faults(self, own: str, params: dict[str, JSON]) -> JSON:
        return self.faults.listed()

    def _delete_faults(self, own: str, params: dict[str, JSON]) -> JSON:
        self.faults.clear(params.get("vendor", ""))
        return self.faults.listed()

    def _get_records(self, own: str, params: dict[str, JSON]) -> JSON:
        return self._vendor(own, params).records(
            params["module"], str(params.get("deleted", "")) in ("1", "true", "True")
        )

    def _post_mutate(self, own: str, params: dict[str, JSON]) -> JSON:
        """One change, or many under "changes"."""
        if "changes" in params:
            return [self._post_mutate(own, {"vendor": params.get("vendor"), **change}) for change in params["changes"]]
        return self._vendor(own, params).mutate(
            params["action"], params["module"], params.get("id"), params.get("values") or {}, params.get("touch", True)
        )

    def _get_log(self, own: str, params: dict[str, JSON]) -> JSON:
        return self.journal.log(params.get("vendor", ""))

    def _get_counters(self, own: str, params: dict[str, JSON]) -> JSON:
        return self.journal.counters()

    def _post_clock(self, own: str, params: dict[str, JSON]) -> JSON:
        clock = self._vendor(own, params).clock
        clock.shift = float(params["shift_seconds"])
        if "zone" in params:
            clock.zone = ZoneInfo(params["zone"])
        return {"shift_seconds": clock.shift, "now": clock.text()}

    def _get_clock(self, own: str, params: dict[str, JSON]) -> JSON:
        clock = self._vendor(own, params).clock
        return {"shift_seconds": clock.shift, "now": clock.text()}

    def _post_switches(self, own: str, params: dict[str, JSON]) -> JSON:
        vendor = self._vendor(own, params)
        wanted = {key: value for key, value in params.items() if key != "vendor"}
        if unknown := set(wanted) - set(vendor.switches):
            raise ValueError(
                f"{vendor.slug} has no switch {', '.join(sorted(unknown))}; it has {', '.join(vendor.switches)}."
            )
        vendor.switches.update(wanted)
        return vendor.switches

    def _get_switches(self, own: str, params: dict[str, JSON]) -> JSON:
        return self._vendor(own, params).switches

    def _post_reset(self, own: str, params: dict[str, JSON]) -> JSON:
        slugs = [params["vendor"]] if params.get("vendor") else list(self.vendors)
        for slug in slugs:
            self.faults.clear(slug)
            self.reset(slug)
        self.journal.clear()
        return {"reset": slugs}


def _json(status: int, value: JSON) -> Reply:
    return Reply(status, orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
