"""The simulated Really Simple Systems API v4: addresses, verbs, envelopes and errors, by the vendor's document (reallysimple.txt)
and what public clients saw of the real server (facts §4)."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import orjson

from connectors.sandbox.people import letters
from connectors.sandbox.reallysimple import query
from connectors.sandbox.reallysimple.oauth import Authorisation
from connectors.sandbox.reallysimple.query import BadRequest
from connectors.sandbox.reallysimple.schema import CUSTOM, TABLES, Table, dictionary, list_names
from connectors.sandbox.reallysimple.seed import FIRST_IDS, OWNER, blank, sow
from connectors.sandbox.reallysimple.values import checked
from connectors.sandbox.store import Row, Store
from connectors.sandbox.wire import Clock, Reply, Request

JSON = Any
DEFAULT_LIMIT, MAX_LIMIT = 10, 100
TOKEN_SECONDS = 366 * 86400


class HttpError(Exception):
    """An error answer: {"type", "code", "message"} and, for 422, "validation"."""

    def __init__(self, status: int, message: str, kind: str = "Invalid Request error", **more: JSON) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"type": kind, "code": status, "message": message, **more}


class ReallySimple:
    """One simulated account. Switches: `not_in_plan` (objects answered 403), `no_has_more` (lists without that key),
    `custom_tables` (which of the account's own tables there are: "policies"), and those of `oauth`."""

    slug = "reallysimple"

    def __init__(self, store: Store, records: int, seed: int) -> None:
        self.store, self.lock, self.clock = store, store.lock, Clock()
        self.switches: dict[str, JSON] = {}
        self._records, self._seed = records, seed
        self._issued = int(time.time())
        self._expired = False
        self._oauth = Authorisation(self.clock.seconds, self.switches)
        self._begin()

    def reset(self) -> None:
        with self.lock:
            self.store.clear()
            self._begin()

    def _begin(self) -> None:
        self.clock.reset()
        self._oauth.reset()
        self.switches.update(not_in_plan=[], no_has_more=False, custom_tables=[])
        self.switches.update(oauth_denies=False, oauth_seconds=3600, oauth_withdrawn=False, oauth_blocked=False)
        if self.store.is_empty:
            self.store.sow(lambda: sow(self.store, self._records, self._seed))
            self.store.note("issued", [self._seed, self._issued])
        self._seed, self._issued = self.store.notes["issued"]  # a kept state keeps its token

    def credentials(self, url: str) -> dict[str, str]:
        return {"url": url, "access_token": self._token()}

    def _token(self) -> str:
        """Return the account's one token, shaped like the vendor's: a JWT of some 1,100 characters that lives 366 days."""
        jti = hashlib.sha512(f"{self._seed}:jti".encode()).hexdigest()[:80]
        times = {"iat": self._issued, "nbf": self._issued, "exp": self._issued + TOKEN_SECONDS}
        head = _b64({"typ": "JWT", "alg": "RS256", "jti": jti})
        return f"{head}.{_b64({'aud': '5', 'jti': jti, **times, 'sub': str(OWNER), 'scopes': []})}.{letters(self._seed, 'jwt', 683)}"

    def expire_sessions(self) -> None:
        """Refuse the token once, as for a request that met the moment it expired."""
        self._expired = True

    def operation(self, request: Request) -> str:
        """Return e.g. "list contacts", "get contacts", "update contacts", "related contacts", "datadictionary", "lookup"."""
        parts = request.path.strip("/").split("/")
        if parts[0] in ("datadictionary", "lookup"):
            return parts[0]
        if parts[0] == "oauth":
            return " ".join(parts[:2])
        verbs = {"GET": "get" if len(parts) > 1 else "list", "POST": "create", "PATCH": "update", "DELETE": "delete"}
        return f"related {parts[2]}" if len(parts) == 3 else f"{verbs.get(request.method, request.method)} {parts[0]}"

    def session_key(self, request: Request) -> str | None:
        return None

    def answer(self, request: Request) -> Reply:
        try:
            with self.lock:
                if request.path.startswith("/oauth/"):
                    return self._oauth.answer(request)
                self._authenticate(request)
                status, value = self._route(request)
        except BadRequest as e:
            return _json(400, HttpError(400, str(e)).body)
        except HttpError as e:
            return _json(e.status, e.body)
        return _json(status, value)

    def _authenticate(self, request: Request) -> None:
        expired, self._expired = self._expired, False
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        pasted = token == self._token() and self.clock.seconds() < self._issued + TOKEN_SECONDS
        if expired or scheme != "Bearer" or not (pasted or self._oauth.accepts(token)):
            raise HttpError(403, "Unauthenticated", "Authentication error")

    def _route(self, request: Request) -> tuple[int, JSON]:
        parts = request.path.strip("/").split("/")
        if parts[0] == "datadictionary" and len(parts) == 2:
            self._allowed(request, "GET")
            return 200, dictionary(self._table(parts[1]))
        if parts[0] == "lookup":
            return 200, self._lookup(request, parts[1:])
        table = self._table(parts[0])
        if len(parts) == 1:
            self._allowed(request, "GET", "POST")
            return (200, self._list(request, table)) if request.method == "GET" else (201, self._create(request, table))
        if len(parts) == 2:
            self._allowed(request, "GET", "PATCH", "DELETE")
            return 200, self._one(request, table, self._row(table, parts[1]))
        if len(parts) == 3:
            self._allowed(request, "GET")
            return 200, self._related(request, table, self._row(table, parts[1]), self._table(parts[2]))
        raise HttpError(404, "Page not found")

    def _allowed(self, request: Request, *methods: str) -> None:
        if request.method not in methods:
            raise HttpError(405, f"The {request.method} method is not supported for this route.")

    def _table(self, name: str) -> Table:
        if name not in TABLES or (name in CUSTOM and name not in self.switches["custom_tables"]):
            raise HttpError(500, f"Invalid record type ({name})")
        if name in self.switches["not_in_plan"]:
            raise HttpError(403, "Your plan does not include this record type")
        return TABLES[name]

    def _row(self, table: Table, number: str) -> Row:
        row = self.store.table(table.name).rows.get(int(number)) if number.isdigit() else None
        if row is None or row.deleted:
            raise HttpError(404, "Record not found")
        return row

    def _list(self, request: Request, table: Table, own: tuple[str, int] | None = None) -> JSON:
        """Return a page. `own` (field, id) keeps the records of one parent."""
        params = request.query
        limit = min(_positive(params.get("limit"), DEFAULT_LIMIT), MAX_LIMIT)
        start = (_positive(params.get("page"), 1) - 1) * limit
        rows = self._matching(table, params.get("q", ""), params.get("order", ""), own)
        page = rows[max(0, start - request.overlap) : start + limit]
        metadata = {"url": f"/{table.singular}", "object_type": "list", "total_count": len(rows)}
        if not self.switches["no_has_more"]:
            metadata["has_more"] = start + limit < len(rows)
        return {
            "metadata": metadata,
            "list": [self._shown(table, row, "/", params.get("lines") == "true") for row in page],
        }

    def _matching(self, table: Table, q: str, order: str, own: tuple[str, int] | None) -> list[Row]:
        condition, wanted = query.where(table, q or "{}"), query.order(table, order)
        kept = self.store.table(table.name)

        def compute() -> list[Row]:
            rows = [
                r for r in kept.living() if condition(r) is True and (own is None or r.values.get(own[0]) == own[1])
            ]
            return query.sort(table, rows, wanted)

        return kept.remembered((q, order, own), compute)

    def _related(self, request: Request, table: Table, row: Row, related: Table) -> JSON:
        field = f"{table.singular}id"
        if field not in related.fields:
            raise HttpError(404, "Page not found")
        return self._list(request, related, (field, row.id))

    def _one(self, request: Request, table: Table, row: Row) -> JSON:
        if request.method == "GET":
            return self._shown(table, row, None, request.query.get("lines") == "true")
        if request.method == "PATCH":
            row.values.update(self._checked(request, table, whole=False))
            row.values.update(modifieddate=self.clock.text(), modifiedby=OWNER)
            self.store.save([row])
            return self._shown(table, row, None, False)
        row.deleted = True
        self.store.save([row])
        return {}

    def _create(self, request: Request, table: Table) -> JSON:
        values, now = self._checked(request, table, whole=True), self.clock.text()
        row = Row(
            table.name, self._next_id(table), {**blank(table.name), **values, "createddate": now, "modifieddate": now}
        )
        self.store.save([row])
        return self._shown(table, row, None, False)

    def _next_id(self, table: Table) -> int:
        number: int = self.store.notes.get(f"next:{table.name}", FIRST_IDS.get(table.name, 1))
        self.store.note(f"next:{table.name}", number + 1)
        return number

    def _checked(self, request: Request, table: Table, *, whole: bool) -> dict[str, JSON]:
        try:
            body = orjson.loads(request.body)
        except ValueError as e:
            raise HttpError(400, "The request body is not valid JSON") from e
        if not isinstance(body, dict):
            raise HttpError(400, "The request body is not a JSON object")
        values, faults = checked(table, body, self._exists, whole)
        if faults:
            raise HttpError(422, "The given data was invalid.", "Validation error", validation=faults)
        return values

    def _exists(self, name: str, number: int) -> bool:
        row = self.store.table(name).rows.get(number)
        return row is not None and not row.deleted

    def _shown(self, table: Table, row: Row, parent: str | None, lines: bool) -> JSON:
        record: dict[str, JSON] = {"id": row.id, **row.values}
        if lines and table.name == "opportunities":
            wanted = ("opportunityid", "product", "quantity", "unitprice")
            kept = [r for r in self.store.table("opportunity_lines").living() if r.values["opportunityid"] == row.id]
            record["lines"] = [{"id": r.id, **{k: r.values[k] for k in wanted}} for r in kept]
        about = {"url": f"/{table.name}/{row.id}", "list_url": f"/{table.name}", "parent": parent}
        return {"metadata": {**about, "object_type": "record", "record_type": table.singular}, "record": record}

    def _lookup(self, request: Request, parts: list[str]) -> JSON:
        """GET by object and field, PATCH by the list's own name: the vendor's two address forms."""
        lists: dict[str, list[str]] = self.store.notes["lookups"]
        if len(parts) == 2:
            self._allowed(request, "GET")
            key = f"{self._table(parts[0]).name}/{parts[1]}"
            if key not in lists:
                raise HttpError(404, "Lookup list not found")
            return {"items": [{"value": v, "id": v} for v in lists[key]]}
        self._allowed(request, "PATCH")
        if len(parts) != 1 or parts[0] not in list_names():
            raise HttpError(404, "Lookup list not found")
        items = orjson.loads(request.body or b"{}").get("items")
        if not isinstance(items, list) or not items:
            raise HttpError(
                422, "The given data was invalid.", "Validation error", validation={"items": [{"Required": []}]}
            )
        key = "/".join(list_names()[parts[0]])
        self.store.note("lookups", {**lists, key: [*dict.fromkeys([*lists[key], *map(str, items)])]})
        return {"message": "Lookup values added", "items": [{"value": str(v), "id": str(v)} for v in items]}

    def records(self, module: str, deleted: bool) -> list[JSON]:
        with self.lock:
            kept = self.store.table(TABLES[module].name)
            return [_plain(kept.rows[n]) for n in kept.order if deleted or not kept.rows[n].deleted]

    def mutate(self, action: str, module: str, record_id: str | None, values: dict[str, JSON], touch: bool) -> JSON:
        """Like vtiger_backdoor.mutate; values are taken as they are."""
        with self.lock:
            table = TABLES[module]
            if action == "create":
                now = self.clock.text()
                row = Row(
                    module,
                    int(record_id or self._next_id(table)),
                    {**blank(module), "createddate": now, "modifieddate": now},
                )
            elif action in ("update", "delete"):
                row = self.store.table(module).rows[int(record_id or 0)]
            else:
                raise ValueError(f"There is no action “{action}”; there are create, update, delete.")
            if unknown := set(values) - set(table.fields):
                raise KeyError(f"{module} has no field {', '.join(sorted(unknown))}")
            if touch:
                row.values["modifieddate"] = self.clock.text()
            row.values.update(values)
            row.deleted = action == "delete"
            self.store.save([row])
            return _plain(row)


def _plain(row: Row) -> JSON:
    return {"id": str(row.id), "values": {"id": row.id, **row.values}, "deleted": row.deleted}


def _positive(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else default


def _b64(value: JSON) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def _json(status: int, value: JSON) -> Reply:
    return Reply(status, orjson.dumps(value))
