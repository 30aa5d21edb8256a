"""How OpenCRM talks: one method per documented call of its REST API, in its own words.

Vendor: "OpenCRM API Developer and Reference Guide"; what its servers do beyond that is in facts §3 and §6. The rule: every call
is a POST with a form, so that keys and values never stand in an address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

import orjson

from connectors.context import Call, Context
from connectors.errors import AccessDenied, AuthError, ConfigError, ConnectorError, RecordNotFound
from connectors.http import Answer, Http
from connectors.opencrm.about import BY_HEADER, BY_LOGIN
from connectors.opencrm.answers import (
    SHORT,
    NoSuchEndpoint,
    access_key,
    edited,
    failure,
    missing,
    result,
)
from connectors.opencrm.catalog import KINDS, LINES, catalogued
from connectors.opencrm.codec import ISO, form, is_id
from connectors.opencrm.rows import Row, as_rows, id_of, merged
from connectors.opencrm.words import may_be_saved, says_missing
from connectors.types import JSON
from connectors.wording import text as _

LOGIN = Call("login", "POST", safe=True)
SLOT, CODE = "accesskey", "code"
Params = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Listing:
    """Some rows of a list, and the server's time; None where it does not tell."""

    rows: list[Row]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Keys:
    """Who calls. `auth` is how the keys are sent (`about`); `code` is what some accounts want besides, "" for nothing."""

    key: str = field(repr=False)
    passkey: str = field(repr=False)
    auth: str = ""
    code: str = field(default="", repr=False)


class OpenCrmClient:
    """One pair of keys at one system. Thread-safe; with an access key, one session for all."""

    def __init__(self, url: str, keys: Keys, context: Context, *, user_agent: str = "") -> None:
        """`user_agent` is who we say we are; empty: the portal. Raises ConfigError for an address, a key or a name that cannot
        be right."""
        self.root, self.context, self._keys = root(url), context, keys
        headers = {"KEY1": keys.key, "KEY2": keys.passkey} if keys.auth == BY_HEADER else {}
        self._http = Http(context, self.root, headers={**headers, **named(user_agent)})

    def close(self) -> None:
        """Give back the sockets."""
        self._http.close()

    # Reading

    def count(self, module: str, *, query_string: str = "", keywords: str = "") -> int:
        """get_{module}_list_count: how many records match."""
        call = reading(f"get_{module}_list_count")
        answer = self._ask(call, {"query_string": query_string, "keywords": keywords})
        value = result(call, answer, module)
        text = str(value).strip()
        if isinstance(value, bool) or not text.isascii() or not text.isdecimal():
            raise answer.not_understood(_("something that is not a number of records"))
        return int(text)

    def listing(self, endpoint: str, **params: JSON) -> Listing:
        """get_{module}_list, get_{module}_list_full, get_user_list: rows with an id each, of the parameters `query_string`,
        `limit_start`, `limit_end`, `keywords` and those of all functions."""
        call = reading(endpoint)
        answer = self._ask(call, {**ISO, **params})
        rows = as_rows(call, answer, endpoint)
        if not all(isinstance(row, dict) and id_of(row) for row in rows):
            raise answer.not_understood(_("a list of something that has no ids"))
        return Listing(rows, answer.at)

    def get(self, module: str, id: str) -> Row:
        """get_{module}: one record with every field; a sales record with `products`. Raises RecordNotFound."""
        call = reading(f"get_{module}")
        answer = self._ask(call, {**ISO, "crmid": id})
        value = result(call, answer, module, id)
        if isinstance(value, str) and says_missing(value, id, writes=False):
            raise missing(module, id, value)
        if isinstance(value, str) and re.search(r"[A-Za-z]{2}", value):
            raise failure(call, answer, value, module, id)
        row = merged(value)
        if not row:  # no reason to believe the record gone
            raise answer.not_understood(_("something that is not a record"))
        if id_of(row) != id:
            raise answer.not_understood(_("another record than was asked for"))
        return row

    def raw(self, endpoint: str, params: Params) -> JSON:
        """Return what a reading call answers, as it is."""
        call = reading(endpoint)
        return result(call, self._ask(call, params), endpoint, str(params.get("crmid", "")))

    # Writing

    def edit(self, module: str, id: str, values: Params, lines: Sequence[Row] | None = None) -> str:
        """edit_{module}: create (id "0") or change these fields only; return the record's id. With `lines`, a sales record has
        these product lines afterwards and no others. Raises RecordInvalid, RecordNotFound.

        The call goes by several names; the next is tried only when a server knows no call of that name (facts §6, 4).
        """
        learned = self.context.learned
        known = learned.get(f"edit of {module}")
        names = sorted(KINDS[module].edits, key=lambda name: name != known)
        for position, name in enumerate(names):
            try:
                found = self.edit_by(name, module, id, values, lines)
            except NoSuchEndpoint:
                if position == len(names) - 1:
                    raise
                continue
            if len(names) > 1 and known != name:
                learned.set(f"edit of {module}", name)
            return found
        raise AssertionError(module)  # every module has an edit call

    def edit_by(self, endpoint: str, module: str, id: str, values: Params, lines: Sequence[Row] | None = None) -> str:
        """Edit by the call of exactly that name, edit_contact_custom1 for one."""
        call = writing(endpoint)
        sent = {**values, "crmid": id}
        if lines is not None:
            sent[LINES] = orjson.dumps(list(lines)).decode()
        answer = self._ask(call, sent)
        found = edited(call, answer, module, "" if id == "0" else id)
        if id not in ("0", found):
            raise answer.not_understood(_("another record's id in answer to a write"))
        return found

    def link(self, parent_id: str, child_id: str) -> str:
        """edit_record_link: link two records; return the parent's id. In closed beta."""
        call = writing("edit_record_link")
        answer = self._ask(call, {"parent_id": parent_id, "child_id": child_id})
        if edited(call, answer, "record", parent_id) != parent_id:
            raise answer.not_understood(_("another record's id in answer to a write"))
        return parent_id

    def add_to_campaign(self, campaignid: str, recordid: str, **params: JSON) -> str:
        """add_to_campaign: answers "Success", or a text that says what is wrong. In closed beta."""
        call = writing("add_to_campaign")
        answer = self._ask(call, {**params, "campaignid": campaignid, "recordid": recordid})
        value = result(call, answer, "campaign", campaignid)
        if isinstance(value, str) and value.strip().lower() == "success":
            return value.strip()
        if isinstance(value, str) and value.strip() and not may_be_saved(value):
            raise failure(call, answer, value, "campaign", campaignid)
        raise answer.not_understood(_("no “Success” in answer to a write"))

    def call(self, endpoint: str, params: Params) -> JSON:
        """Any call by name, for what the document does not tell. Never repeated; taken for one that writes."""
        call = writing(endpoint)
        return result(call, self._ask(call, params), endpoint, str(params.get("crmid", "")))

    # Who we are

    def login(self) -> str:
        """login: return an access key for the keys."""
        keys = self._keys
        sent = {"key": keys.key, "passkey": keys.passkey, **({CODE: keys.code} if keys.code else {})}
        answer = self._http.send(LOGIN, "api/rest/login", data=sent)
        if b"error" in answer.body or answer.status != 200 or b" " in answer.body.strip():
            result(LOGIN, answer, "login")  # raises
        return access_key(answer)

    def _ask(self, call: Call, params: Params) -> Answer:
        """Send a call with the keys. Where one of its own fields is called `code` the account's cannot go along, or it would
        become a postcode; then the access key stands for it, which a login with the code gave."""
        keys = self._keys
        if keys.code and (CODE in params or call.operation.lower() in with_code()):
            return self._ask_without_code(call, params)
        own = {CODE: keys.code} if keys.code else {}
        if keys.auth == BY_LOGIN:
            return self._ask_in_session(call, {**own, **params})
        sent = {**own, **params, **({} if keys.auth == BY_HEADER else {"key": keys.key, "passkey": keys.passkey})}
        return self._http.send(call, f"api/rest/{call.operation}", data=form(sent))

    def _ask_without_code(self, call: Call, params: Params) -> Answer:
        """Send a call of an account with a code without it. Raises AccessDenied where that is not enough."""
        try:
            answer = self._ask_in_session(call, params)
        except NoSuchEndpoint as e:  # there is no login at this server
            raise code_is_a_field(call) from e
        if is_refusal(call, answer):
            raise code_is_a_field(call)
        return answer

    def _ask_in_session(self, call: Call, params: Params) -> Answer:
        """Send a call with the access key. One refused for its access key was not carried out: it is sent once more."""
        for _attempt in (1, 2):
            token = self._session()
            sent = form({**params, "accesskey": token})
            answer = self._http.send(call, f"api/rest/{call.operation}", data=sent)
            if not is_refusal(call, answer):
                break
            self.context.sessions.drop(SLOT, token)
        return answer

    def _session(self) -> str:
        sessions = self.context.sessions
        token = sessions.get(SLOT)
        if token is None:
            with sessions.login():
                token = sessions.get(SLOT)
                if token is None:
                    token = self.login()
                    sessions.put(SLOT, token)
        return token


def checked_id(module: str, id: str) -> str:
    """Return the id. Raises RecordNotFound for what cannot be one: "0" would create a record."""
    if not is_id(id):
        told = _("“%(id)s” is not an id of %(name)s in OpenCRM, which are numbers.", id=id[:40], name=module)
        raise RecordNotFound(told)
    return id


def reading(endpoint: str) -> Call:
    """Return a call that changes nothing, though it is a POST."""
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


@lru_cache(maxsize=1)
def with_code() -> frozenset[str]:
    """Return the edit calls of modules that have a field `code`."""
    names = [name for name in KINDS if any(one.name == CODE for one in catalogued(name))]
    return frozenset(edit for name in names for edit in KINDS[name].edits)


def code_is_a_field(call: Call) -> AccessDenied:
    """Return the error for a call that the account's code would change and that is refused without it."""
    return AccessDenied(
        _(
            "Nothing was changed by “%(name)s”: OpenCRM wants this account's code with each call, and takes it for the postcode,"
            " which has the same name, here. Ask OpenCRM's support for keys that need no code, and empty the setting “Code”.",
            name=call.operation,
        )
    )


def named(user_agent: str) -> dict[str, str]:
    """Return the header that says who we are; none for the portal's own. Raises ConfigError for names OpenCRM's firewall turns
    away (facts §3)."""
    name = user_agent.strip()
    if any(script in name.lower() for script in ("curl", "python")):
        raise ConfigError(
            _("OpenCRM's firewall turns away callers whose name holds “curl” or “python”: choose another name.")
        )
    return {"User-Agent": name} if name else {}


def root(url: str) -> str:
    """Return the system's root for an address with or without the API's path. Raises ConfigError."""
    parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
    if not parts.netloc:
        raise ConfigError(_("The address should look like https://yoursystemname.opencrm.co.uk."))
    path = parts.path.split("/api/rest")[0].removesuffix("/index.php").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
