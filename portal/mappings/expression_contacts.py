"""The filters of phone numbers, e-mail addresses and HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_filters import Filter, counted
from portal.mappings.expression_values import Given, one_text, size

_LONGEST_ADDRESS = 320
_LONGEST_PHONE = 100
_A_TAG = re.compile(r"</?[a-zA-Z!]")
_BLOCKS = frozenset({"div", "li", "tr", "ul", "ol", "dl", "dt", "dd", "table", "hr", "section", "article", "header", "footer"})  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"})
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
# Where a block begins or ends, a new line begins, and only one: these stand for it until all is read. No text holds them.
_LINE, _PARAGRAPH = "\x1e", "\x1f"
_BREAKS = re.compile(f"[ {_LINE}{_PARAGRAPH}]*[{_LINE}{_PARAGRAPH}][ {_LINE}{_PARAGRAPH}]*")


def _region_of(argument: JSON) -> str:
    region = one_text(argument).strip().upper()
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(_("is not the code of a country, such as GB or IR"))
    return region


def _parsed(value: str, region: str) -> phonenumbers.PhoneNumber:
    try:
        number = phonenumbers.parse(value[: _LONGEST_PHONE + 1], region)
    except phonenumbers.NumberParseException as e:
        raise ValueError(_("is not a phone number in %(region)s", region=region)) from e
    if len(value) > _LONGEST_PHONE or not phonenumbers.is_possible_number(number):
        raise ValueError(_("is not a phone number in %(region)s", region=region))
    return number


def _phone(value: str, region: str, given: Given) -> str:
    number = _parsed(value, region or given.region)
    if number.extension:
        # Nothing is cut off silently: this spelling has no place for it.
        raise ValueError(_("has an extension, for which there is no place in an international number"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _phone_national(value: str, region: str, given: Given) -> str:
    number = _parsed(value, region or given.region)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _email(value: str, _argument: None, _given: Given) -> str:
    address = value.strip()
    if address[:7].lower() == "mailto:":
        address = address[7:]
    try:
        if len(address) > _LONGEST_ADDRESS:
            raise ValueError(_("is not an e-mail address"))
        validate_email(address)
    except ValidationError as e:
        raise ValueError(_("is not an e-mail address")) from e
    return address.lower()


def _email_domain(value: str, _argument: None, given: Given) -> str:
    return _email(value, None, given).rpartition("@")[2]


class _Reader(HTMLParser):
    """Collects what a person would see of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unseen += tag in _UNSEEN
        self.parts.append("\n" if tag == "br" else _break(tag))
        if tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        self.unseen = max(0, self.unseen - (tag in _UNSEEN))
        self.parts.append(" " if tag in ("td", "th") else _break(tag))

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def _break(tag: str) -> str:
    return _PARAGRAPH if tag in _PARAGRAPHS else _LINE if tag in _BLOCKS else ""


def _seen(value: str) -> str:
    reader = _Reader()
    reader.feed(value.replace("<![", "<!"))  # a section of Word's: Python's parser gives up on it
    # Never `close`: it would search for the end of an unfinished tag again and again. What is left over is text.
    reader.handle_data(html.unescape(reader.rawdata))
    text = re.sub(r" +", " ", "".join(reader.parts))
    text = _BREAKS.sub(lambda found: "\n\n" if _PARAGRAPH in found[0] else "\n", text)
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def _work_of_html(value: str) -> int:
    # Of Python's parser: a tag or an entity is 5 µs, an attribute of two characters nearly 2.
    return 2_000 + 15 * size(value) + 300 * (value.count("<") + value.count("&"))


def _text(value: str, _argument: None, _given: Given) -> str:
    try:
        # Text without a tag keeps its lines, which HTML would run into one.
        return _seen(value) if _A_TAG.search(value) else html.unescape(value).strip()
    except (ValueError, AssertionError) as e:
        raise ValueError(_("is not HTML that can be read")) from e


FILTERS: Mapping[str, Filter] = {
    "phone": Filter(_phone, _region_of, absent="", work=counted(10_000)),
    "phone_national": Filter(_phone_national, _region_of, absent="", work=counted(10_000)),
    "email": Filter(_email, work=counted(2_000)),
    "email_domain": Filter(_email_domain, work=counted(2_000)),
    "text": Filter(_text, work=_work_of_html),
}
