"""How Really Simple Systems talks: one method per documented call of API version 4, in its own words.

Vendor: "CRM API Version 4.0" (objects, `q`, `order`, lookups, errors); what its servers do beyond that is in facts §4.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

import orjson

from connectors.context import Call, Context
from connectors.errors import QueryError, RecordNotFound
from connectors.http import Answer, Http, root_of
from connectors.oauth import Tokens
from connectors.paging import Pending
from connectors.reallysimple.answers import failure, refuses_token
from connectors.reallysimple.codec import is_id
from connectors.types import JSON
from connectors.wording import text as _

LIST = Call("list", "GET", safe=True)
HURRIED = replace(LIST, patient=False)
RELATED = Call("related", "GET", safe=True)
GET = Call("get", "GET", safe=True)
DICTIONARY = Call("datadictionary", "GET", safe=True)
LOOKUP = Call("lookup", "GET", safe=True)
CREATE = Call("create", "POST", safe=False, writes=True)
UPDATE = Call("update", "PATCH", safe=False, writes=True)
DELETE = Call("delete", "DELETE", safe=False, writes=True)
APPEND = Call("append_lookup", "PATCH", safe=False, writes=True)

PAGE = 100  # the largest `limit`
PATH = re.compile(r"\w[\w/.-]*")  # below the server's root: neither another host nor parameters
Row = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `total` is how many match in all, `at` the server's time; None where it does not tell."""

    rows: list[Row]
    total: int | None
    has_more: bool | None
    at: datetime | None

    def more(self, offset: int = 0) -> bool:
        """Say whether records follow; `offset` is how many stand before this page. An empty page is the end.

        `has_more` is not always sent (facts §4), and a total that says otherwise is believed.
        """
        if not self.rows:
            return False
        if self.total is not None and offset + len(self.rows) < self.total:
            return True
        return bool(self.has_more) if self.has_more is not None or self.total is not None else True


class ReallySimpleClient:
    """One user at one server, by an access token. Thread-safe; there is no session."""

    def __init__(self, url: str, tokens: Tokens, context: Context) -> None:
        """Raises ConfigError for an address that cannot be right."""
        self.tokens = tokens
        self.root = root(url)
        self._http = Http(context, self.root)

    def close(self) -> None:
        """Give back the sockets."""
        self._http.close()

    @property
    def keeps_several(self) -> bool:
        """Say whether one thread may have several requests under way."""
        return self._http.keeps_several

    def listing(
        self,
        object_name: str,
        *,
        page: int = 1,
        limit: int = PAGE,
        q: Mapping[str, JSON] | None = None,
        order: Mapping[str, str] | None = None,
        lines: bool = False,
    ) -> Listing:
        """GET /{object}: one page of the records this user may see, pages counted from 1.

        Page 1 is asked for by leaving `page` out, which is the first page however a server counts (facts §6).
        """
        return self.asked(object_name, page=page, limit=limit, q=q, order=order, lines=lines).result()

    def asked(
        self,
        object_name: str,
        *,
        page: int = 1,
        limit: int = PAGE,
        q: Mapping[str, JSON] | None = None,
        order: Mapping[str, str] | None = None,
        lines: bool = False,
        patient: bool = True,
    ) -> Pending[Listing]:
        """Ask for a `listing` and leave its answer for later; `patient` as in `Call`."""
        params = {"limit": limit, **({"page": page} if page > 1 else {}), **_json_params(q, order, lines)}
        asked = self._begin(LIST if patient else HURRIED, object_name, params=params)
        return asked.then(lambda answer: self._listing(LIST, answer, object_name))

    def related(self, object_name: str, id: str, relation: str, *, page: int = 1, limit: int = PAGE) -> Listing:
        """GET /{object}/{id}/{relation}: records of another object that hang on this one (facts §4)."""
        params = {"limit": limit, **({"page": page} if page > 1 else {})}
        answer = self._send(RELATED, f"{_path(object_name, id)}/{_path(relation)}", params=params)
        return self._listing(RELATED, answer, object_name, id)

    def get(self, object_name: str, id: str, *, lines: bool = False) -> Row:
        """GET /{object}/{id}. Raises RecordNotFound for 404, and for "nothing" once a list agrees (facts §6, 7)."""
        answer = self._send(GET, _path(object_name, id), params=_json_params(None, None, lines) or None)
        if answer.status != 200:
            raise failure(GET, answer, object_name, id)
        row = _record(answer.json()) if answer.body.strip() else None
        if row is not None and str(row["id"]) == id:
            return row
        found = self.listing(object_name, limit=1, q={"id": int(id) if id.isdecimal() else id}, lines=lines).rows
        if not found or str(found[0].get("id")) != id:
            raise RecordNotFound(
                _("There is no %(name)s %(id)s in Really Simple Systems, or not any more.", name=object_name, id=id)
            )
        return found[0]

    def create(self, object_name: str, record: Mapping[str, JSON]) -> Row:
        """POST /{object}: return the new record as stored. Raises RecordInvalid, NotInPlan (subscription limit)."""
        answer = self._send(CREATE, _path(object_name), json=dict(record))
        return self._written(CREATE, answer, object_name, "")

    def update(self, object_name: str, id: str, record: Mapping[str, JSON]) -> Row:
        """PATCH /{object}/{id}: change these fields only and return the record as stored."""
        answer = self._send(UPDATE, _path(object_name, id), json=dict(record))
        return self._written(UPDATE, answer, object_name, id)

    def delete(self, object_name: str, id: str) -> None:
        """DELETE /{object}/{id}: answers 200 with {} or nothing. Raises RecordNotFound."""
        answer = self._send(DELETE, _path(object_name, id))
        if answer.status not in (200, 204):
            raise failure(DELETE, answer, object_name, id)

    def datadictionary(self, object_name: str) -> JSON:
        """GET /datadictionary/{object}: names, types and which are required; its shape is public nowhere."""
        return self._plain(DICTIONARY, f"datadictionary/{_path(object_name)}", object_name)

    def lookup(self, object_name: str, field: str) -> JSON:
        """GET /lookup/{object}/{field}: the entries of a pick list."""
        return self._plain(LOOKUP, f"lookup/{_path(object_name, field)}", f"lookup {object_name}/{field}")

    def append_lookup(self, list_name: str, items: Sequence[str]) -> JSON:
        """PATCH /lookup/{list_name}: add entries; the list's name is not object and field (facts §6, 8)."""
        answer = self._send(APPEND, f"lookup/{_path(list_name)}", json={"items": [*items]})
        if answer.status not in (200, 201):
            raise failure(APPEND, answer, f"lookup list {list_name}")
        return answer.json()

    def call(
        self, method: str, path: str, params: Mapping[str, JSON], body: Mapping[str, JSON] | None
    ) -> tuple[int, JSON]:
        """Any call by its path, for what the document does not name; return status and answer, None for an empty one.
        Only GET is repeated, and only GET does not write. Raises QueryError for a path that is none."""
        if not PATH.fullmatch(path) or ".." in path:
            told = _("“%(path)s” is no path of this API. Write it as accounts/123, its parameters apart.", path=path)
            raise QueryError(told)
        reads = method == "GET"
        call = Call("call", method, safe=reads, writes=not reads)
        wire = {name: as_parameter(value) for name, value in params.items()}
        answer = self._send(call, quote(path, safe="/"), params=wire or None, json=body and dict(body))
        if answer.status not in (200, 201, 202, 204):
            raise failure(call, answer, path)
        return answer.status, answer.json() if answer.body.strip() else None

    def _send(self, call: Call, url: str, **sent: JSON) -> Answer:
        return self._begin(call, url, **sent).result()

    def _begin(self, call: Call, url: str, **sent: JSON) -> Pending[Answer]:
        """Send with the access token. One that is refused before its time is renewed and the call made once more: the
        server looks at it before anything else, so nothing was done."""
        token = self.tokens.current()

        def accepted(answer: Answer) -> Answer:
            other = self.tokens.after_refusal(token) if refuses_token(answer) else None
            return answer if other is None else self._http.send(call, url, headers=bearer(other), **sent)

        return self._http.begin(call, url, headers=bearer(token), **sent).then(accepted)

    def _plain(self, call: Call, path: str, about: str) -> JSON:
        answer = self._send(call, path)
        if answer.status != 200:
            raise failure(call, answer, about)
        return answer.json()

    def _listing(self, call: Call, answer: Answer, about: str, id: str = "") -> Listing:
        if answer.status != 200:
            raise failure(call, answer, about, id)
        told = answer.json()
        about_list = told.get("metadata") if isinstance(told, dict) else None
        items = told if isinstance(told, list) else told.get("list") if isinstance(told, dict) else None
        if items is None and isinstance(about_list, dict):
            items = []  # "If the page cannot be found, no records will be returned."
        if not isinstance(items, list):
            raise answer.not_understood(_("something that is not a list of records"))
        rows = [item.get("record", item) if isinstance(item, dict) else item for item in items]
        if not all(isinstance(row, dict) and "id" in row for row in rows):
            raise answer.not_understood(_("a list of something that has no ids"))
        about_list = about_list if isinstance(about_list, dict) else {}
        more = about_list.get("has_more")
        return Listing(rows, _number(about_list.get("total_count")), None if more is None else bool(more), answer.at)

    def _written(self, call: Call, answer: Answer, object_name: str, id: str) -> Row:
        if answer.status not in (200, 201):
            raise failure(call, answer, object_name, id)
        row = _record(answer.json())
        if row is None:
            raise answer.not_understood(_("no record in answer to a write"))
        return row


def root(url: str) -> str:
    """Return the server's root, where the API lives, for an address with or without the name of an object. Raises ConfigError."""
    return root_of(url, "https://apiv4.reallysimplesystems.com", "/accounts", "/contacts", "/datadictionary")


def checked_id(id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one: sent, it would ask for something else."""
    if not is_id(id):
        raise RecordNotFound(_("“%(id)s” is not an id of Really Simple Systems, which are numbers.", id=id[:40]))
    return id


def expires_at(token: str) -> datetime | None:
    """Return when a JWT runs out, UTC; None for a token that is none. Read only, its signature is the server's business."""
    try:
        body = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries an access token."""
    return {"Authorization": f"Bearer {token}"}


def as_parameter(value: JSON) -> str:
    """Return a value as a parameter of the address holds it: text as it is, anything else as JSON (`q`, `order`, true)."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _path(object_name: str, id: str = "") -> str:
    return quote(object_name, safe="") + (f"/{quote(id, safe='')}" if id else "")


def _json_params(q: Mapping[str, JSON] | None, order: Mapping[str, str] | None, lines: bool) -> dict[str, str]:
    params = {"q": orjson.dumps(dict(q)).decode()} if q else {}
    if order:
        params["order"] = orjson.dumps(dict(order)).decode()
    if lines:
        params["lines"] = "true"
    return params


def _record(told: JSON) -> Row | None:
    """Return the record of a single answer, with or without its envelope; None for nothing."""
    row = told.get("record", told) if isinstance(told, dict) else None
    return row if isinstance(row, dict) and row.get("id") is not None else None


def _number(value: JSON) -> int | None:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else None
