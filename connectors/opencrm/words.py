"""What the sentences of OpenCRM say, by their words. The rule: a refusal is known from how a text begins, never from a word
somewhere in it, and what may have been saved is never read as refused: a second try would make a second record.

Of all sentences the document gives two, "Invalid User Details - AUTHENTICATION FAILED" and "Unauthorized" ("Error Messages");
the others are what such servers say. Words of limits and permissions count only where they are about the API, its calls or
the keys: a customer has a credit limit, and a value may be "not allowed".
"""

from __future__ import annotations

import re

_BEGIN = r"\A\W*(?:error\b\W*)?(?:the |this |requested )*(?:api )?"
_THING = r"(?:method|function|end ?point|operation|call)\b"
_NAME = r"(?:[\s:\"'“”.,-]*(?:(?:get|edit|add)_\w+)?[\s\"'“”.!]*)"
NO_ENDPOINT = re.compile(
    _BEGIN + rf"(?:unknown|invalid|no such|undefined|unsupported|unrecogni[sz]ed) (?:api )?{_THING}{_NAME}\Z"
    rf"|{_BEGIN}{_THING}{_NAME}(?:was |is |could )?"
    r"(?:not (?:be )?found|does ?n[o']t exist|not exist|does not exist|unknown|not supported|not available)\b",
    re.IGNORECASE,
)
NO_ENTRY = re.compile(
    r"\A\W*(?:error\b\W*)?(?:"
    r"invalid user details\b(?:\W+authentication failed)?"
    r"|authentication failed\W*\Z"
    r"|unauthori[sz]ed\b(?=\W*\Z|[.,;:]|\s*[(-]| (?:access|request|call)\b)"
    r"|invalid (?:access|api|pass) ?(?:key|code)\b(?=\W*\Z|\W*(?:supplied|provided|given|or|and)\b)"
    r")",
    re.IGNORECASE,
)
NO_RECORD = re.compile(
    r"\b(record|crmid|contact|company|id)\b[^.,;]{0,40}\b(not found|does ?n[o']t exist|not exist|deleted|no longer)"
    r"|\bno (such )?record\b|\binvalid (crmid|record)\b",
    re.IGNORECASE,
)
NOT_ALLOWED = re.compile(
    r"\A\W*(?:error\b\W*)?(?:access (?:is )?denied|permission denied|forbidden)\b"
    r"|\bip\b(?: address)?[^;]{0,60}\b(?:restricted|blocked|not (?:allowed|permitted|enabled))\b"
    r"|\b(?:api|rest|(?:api|access|pass) ?keys?)\b[^.;]{0,40}\b"
    r"(?:not (?:allowed|permitted|enabled|available)|no permission|disabled|forbidden|denied|restricted)\b",
    re.IGNORECASE,
)
TOO_MANY = re.compile(
    r"\b(?:api|request|api calls?|api usage|(?:daily|hourly|monthly) (?:api|call|request)s?) (?:rate )?limit\b"
    r"|\A\W*(?:error\b\W*)?(?:rate|call|usage) limit\b"
    r"|\blimit (?:of|on|for) (?:\w+ )?(?:api|calls|requests)\b"
    r"|\btoo many (?:api )?(?:requests|calls)\b",
    re.IGNORECASE,
)
NOTHING_FOUND = re.compile(
    r"no (matching )?(records?|results?|rows|data)( (were )?(found|returned))?\.?", re.IGNORECASE
)
A_WORD = re.compile(r"[A-Za-z]{2}")
WARNED = re.compile(r"\b(Warning|Notice|Deprecated|Strict Standards):")

_NUMBER_FIRST = re.compile(r"\A\W*\d+(?![\d.%)])(?!\s+(?:errors?|fields?|lines?|products?|problems?)\b)", re.IGNORECASE)
_CLAUSE = re.compile(r"[.;:,!\n]|\b(?:but|however|though|while)\b", re.IGNORECASE)
_SAVED = re.compile(r"\b(?:success\w*|saved|created|updated)\b", re.IGNORECASE)
_ID = re.compile(r"\b(?:record_?|crm)?id\b[\s\"'=]*\d+", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|no|none|nothing|never|neither|nor|cannot|can't|could|couldn't|must|fail\w*|invalid|unable|before|without"
    r"|does ?n[o']t|deleted)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"authentication failed|\bundefined (?:function|method)\b|\b(?:function|method)\b \S+ not found\b"
    r"|\b(?:workflow|smtp|mailer|deadlock|time ?out|timed out)\b",
    re.IGNORECASE,
)
_WANTED = re.compile(r"\b(?:must|should|required|missing)\b", re.IGNORECASE)


def may_be_saved(text: str) -> bool:
    """Say whether a text in answer to a write may stand for a record that was saved: one that begins with a number, has one on
    a line of its own, says so in one of its clauses, or tells of what comes after saving, such as mail and workflows."""
    if _ASIDE.search(NO_ENDPOINT.sub("", NO_ENTRY.sub("", text))):
        return True
    has_number = bool(_NUMBER_FIRST.match(text)) or any(line.strip().isdecimal() for line in text.splitlines())
    return has_number or any(map(_says_saved, _CLAUSE.split(text)))


def _says_saved(clause: str) -> bool:
    """Say whether a clause tells of something saved, or of an id: "saved with no mail" does, "not saved" and "created by is
    required" do not."""
    found = _SAVED.search(clause)
    if found:
        return not _DENIED.search(clause, 0, found.start()) and not _WANTED.search(clause, found.end())
    return bool(_ID.search(clause)) and not _DENIED.search(clause)


def says_missing(text: str, id: str, *, writes: bool) -> bool:
    """Say whether a text tells that the record with this id is not there. In answer to a write it must name the id: a write
    names other records too, those it refers to and those of its lines."""
    return bool(id and NO_RECORD.search(text)) and (not writes or re.search(rf"\b{re.escape(id)}\b", text) is not None)
