"""How OpenCRM talks: one method per documented call of its REST API, in its own words.

Vendor: "OpenCRM API Developer and Reference Guide"; what its servers do beyond that is in facts §3 and §6. The rule: every call
is a POST with a form, so that keys and values never stand in an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from connectors.answer import Listing
from connectors.context import Call, Context
from connectors.errors import AuthError, ConnectorError, RecordNotFound
from connectors.http import Answer, Http, root_of
from connectors.opencrm.about import BY_HEADER, BY_LOGIN
from connectors.opencrm.account import CODE, Account, code_is_a_field, with_code
from connectors.opencrm.answers import (
    SHORT,
    NoSuchEndpoint,
    NothingFound,
    access_key,
    failure,
    missing,
    new_id,
    result,
)
from connectors.opencrm.codec import ISO, form
from connectors.opencrm.modules import MODULES
from connectors.opencrm.rows import NEW, Row, as_row, as_rows, id_of, is_id
from connectors.opencrm.schema import LINES
from connectors.opencrm.words import A_WORD, may_be_saved, says_missing
from connectors.types import JSON
from connectors.wording import text as _

LOGIN = Call("login", "POST", safe=True)
LINK = Call("edit_record_link", "POST", safe=False, writes=True)
CAMPAIGN = Call("add_to_campaign", "POST", safe=False, writes=True)

PAGE = 200  # full lists are slow by the document's own words; a list may hold 50,000
SLOT = "accesskey"
Params = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of a list. `query` is one condition (see `pushdown`), `keywords` what its search looks for; rows are counted
    from the first, `start` passed over; None for no limits. `full`: with every field."""

    query: str = ""
    keywords: str = ""
    start: int | None = None
    end: int | None = None
    full: bool = True

    def body(self) -> dict[str, JSON]:
        """Return the parameters."""
        limits = {"limit_start": self.start, "limit_end": self.end}
        return {"query_string": self.query, "keywords": self.keywords, **limits}


class OpenCrmClient:
    """One pair of keys at one system. Thread-safe; with an access key, one session for all."""

    def __init__(self, url: str, account: Account, context: Context) -> None:
        """Raises ConfigError for an address that cannot be right."""
        self.root = root(url)
        self.account = account
        self.context = context
        self._http = Http(context, self.root, headers=account.headers())

    def close(self) -> None:
        """Give back the sockets; the access key stays, other processes use it."""
        self._http.close()

    # Logging in

    def login(self) -> None:
        """login: log in with the keys and keep the access key for all workers."""
        with self.context.sessions.login():
            self._login()

    def _login(self) -> str:
        answer = self._http.send(LOGIN, "api/rest/login", data=self.account.credentials())
        if b"error" in answer.body or answer.status != 200 or b" " in answer.body.strip():
            result(LOGIN, answer, "login")  # raises
        token = access_key(answer)
        self.context.sessions.put(SLOT, token)
        return token

    def _session(self) -> str:
        """Return the access key all workers share; one of them logs in where there is none."""
        sessions = self.context.sessions
        if token := sessions.get(SLOT):
            return token
        with sessions.login():
            return sessions.get(SLOT) or self._login()

    # The documented calls

    def create(self, module: str, values: Params, lines: Sequence[Row] | None = None) -> str:
        """edit_{module} with the id 0: create a record and return its id. `lines` are its product lines."""
        return self._edit(module, NEW, values, lines)

    def listing(self, module: str, asked: Question) -> Listing:
        """get_{module}_list, get_{module}_list_full: rows with an id each. The users are a module here."""
        call = reading(f"get_{module}_list" + ("_full" if asked.full else ""))
        try:
            answer, told = self._ask(call, {**ISO, **asked.body()}, module)
            return Listing(as_rows(call, answer, told, module), answer.at)
        except NothingFound as e:
            return Listing([], e.at)

    def count(self, module: str, asked: Question) -> int:
        """get_{module}_list_count: how many records a question finds, whatever its limits."""
        params = {"query_string": asked.query, "keywords": asked.keywords}
        answer, told = self._ask(reading(f"get_{module}_list_count"), params, module)
        text = str(told).strip()
        if isinstance(told, bool) or not text.isascii() or not text.isdecimal():
            raise answer.not_understood(_("something that is not a number of records"))
        return int(text)

    def get(self, module: str, id: str) -> Row:
        """get_{module}: one record with every field; a sales record with `products`. Raises RecordNotFound."""
        call = reading(f"get_{module}")
        answer, told = self._ask(call, {**ISO, "crmid": checked_id(id)}, module, id)
        if isinstance(told, str) and says_missing(told, id, writes=False):
            raise missing(module, id, told)
        if isinstance(told, str) and A_WORD.search(told):
            raise failure(call, answer, told, module, id)
        row = as_row(told)
        if not row:  # no reason to believe the record gone
            raise answer.not_understood(_("something that is not a record"))
        if id_of(row) != id:
            raise answer.not_understood(_("another record than was asked for"))
        return row

    def update(self, module: str, id: str, values: Params, lines: Sequence[Row] | None = None) -> None:
        """edit_{module}: change these fields only. With `lines`, a sales record has these product lines afterwards and no
        others. Raises RecordNotFound, and ProtocolError where another record was changed."""
        self._edit(module, checked_id(id), values, lines)

    def _edit(self, module: str, id: str, values: Params, lines: Sequence[Row] | None) -> str:
        """The call goes by several names; the next is tried only when a server knows no call of that name (facts §6, 4)."""
        learned = self.context.learned
        known = learned.get(edit_of(module))
        names = sorted(MODULES[module].edits, key=lambda name: name != known)
        for position, name in enumerate(names):
            try:
                found = self.edit(name, module, id, values, lines)
            except NoSuchEndpoint:
                if position == len(names) - 1:
                    raise
                continue
            if len(names) > 1 and known != name:
                learned.set(edit_of(module), name)
            return found
        raise AssertionError(module)  # every module has an edit call

    def edit(self, endpoint: str, module: str, id: str, values: Params, lines: Sequence[Row] | None = None) -> str:
        """Create or update by the call of exactly that name, edit_contact_custom1 for one; return the record's id."""
        sent = {**values, "crmid": id}
        if lines is not None:
            sent[LINES] = orjson.dumps(list(lines)).decode()
        return self._written(writing(endpoint), sent, module, "" if id == NEW else id)

    def link(self, parent_id: str, child_id: str) -> str:
        """edit_record_link: link two records; return the parent's id. In closed beta."""
        return self._written(LINK, {"parent_id": parent_id, "child_id": child_id}, "record", parent_id)

    def add_to_campaign(self, campaignid: str, recordid: str, **params: JSON) -> str:
        """add_to_campaign: answers "Success", or a text that says what is wrong. In closed beta."""
        sent = {**params, "campaignid": campaignid, "recordid": recordid}
        answer, told = self._ask(CAMPAIGN, sent, "campaign", campaignid)
        if isinstance(told, str) and told.strip().lower() == "success":
            return told.strip()
        if isinstance(told, str) and told.strip() and not may_be_saved(told):
            raise failure(CAMPAIGN, answer, told, "campaign", campaignid)
        raise answer.not_understood(_("no “Success” in answer to a write"))

    def call(self, endpoint: str, params: Params, *, reads: bool = False) -> JSON:
        """Any call by name, for what the document does not tell. Never repeated and taken for one that writes, unless `reads`
        says that it changes nothing."""
        call = reading(endpoint) if reads else writing(endpoint)
        return self._ask(call, params, endpoint, str(params.get("crmid", "")))[1]

    # Requests

    def _ask(self, call: Call, params: Params, about: str, id: str = "") -> tuple[Answer, JSON]:
        """Return an answer and what it says."""
        answer = self._send(call, params)
        return answer, result(call, answer, about, id)

    def _written(self, call: Call, params: Params, about: str, id: str) -> str:
        """Return the id in the answer to a write: of a record that was there, that one's."""
        answer, told = self._ask(call, params, about, id)
        found = new_id(call, answer, told, about, id)
        if id not in ("", found):
            raise answer.not_understood(_("another record's id in answer to a write"))
        return found

    def _send(self, call: Call, params: Params) -> Answer:
        """Send a call with the keys. Where one of its own fields is called `code` the account's cannot go along, or it would
        become a postcode; then the access key stands for it, which a login with the code gave."""
        account = self.account
        if account.code and (CODE in params or call.operation.lower() in with_code()):
            return self._send_without_code(call, params)
        own = {CODE: account.code} if account.code else {}
        if account.auth == BY_LOGIN:
            return self._in_session(call, {**own, **params})
        keys = own if account.auth == BY_HEADER else account.credentials()
        return self._http.send(call, f"api/rest/{call.operation}", data=form({**params, **keys}))

    def _send_without_code(self, call: Call, params: Params) -> Answer:
        """Send a call of an account with a code without it. Raises AccessDenied where that is not enough."""
        try:
            answer = self._in_session(call, params)
        except NoSuchEndpoint as e:  # there is no login at this server
            raise code_is_a_field(call) from e
        if is_refusal(call, answer):
            raise code_is_a_field(call)
        return answer

    def _in_session(self, call: Call, params: Params) -> Answer:
        """Send a call with the access key. One refused for its access key was not carried out: it is sent once more."""
        for _attempt in (1, 2):
            token = self._session()
            answer = self._http.send(call, f"api/rest/{call.operation}", data=form({**params, "accesskey": token}))
            if not is_refusal(call, answer):
                break
            self.context.sessions.drop(SLOT, token)
        return answer


def root(url: str) -> str:
    """Return the system's root for an address with or without the API's path. Raises ConfigError."""
    return root_of(url.partition("/api/rest")[0], "https://yoursystemname.opencrm.co.uk", "/index.php")


def checked_id(id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one: "0" would create a record."""
    if not is_id(id):
        raise RecordNotFound(_("“%(id)s” is not an id of OpenCRM, which are numbers.", id=id[:40]))
    return id


def reading(endpoint: str) -> Call:
    """Return a call that changes nothing, though it is a POST; each module has calls of its own, so they are made by name."""
    return Call(endpoint, "POST", safe=True)


def writing(endpoint: str) -> Call:
    """Return a call that changes something and is never repeated by itself."""
    return Call(endpoint, "POST", safe=False, writes=True)


def is_refusal(call: Call, answer: Answer) -> bool:
    """Say whether the answer refuses the access key, which it does in a few words."""
    if len(answer.body) > SHORT:
        return False
    try:
        result(call, answer, "")
    except AuthError:
        return True
    except ConnectorError:  # whoever asked reads the answer, and meets the same
        return False
    return False


def edit_of(module: str) -> str:
    """Return the name under which is learned by which call a module is edited."""
    return f"edit of {module}"
