"""The words of the filter language: cutting a text into them, and writing names and values so that they can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.errors import QueryError
from connectors.spelling import UNSTORABLE
from connectors.wording import text as _

KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "starts", "ends", "with", "between", "is", "empty"})
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<op><=|>=|!=|<>|==|=|<|>)
    | (?P<mark>[(),])
    | (?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<word>[^\s(),=<>!"'][^\s(),=<>!]*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r"[\w.+@:/-]+")
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word, what it is and where it begins. `text` is without quotes and escapes; "end" closes every text."""

    kind: str  # op, mark, quoted, word, end
    text: str
    position: int

    def is_word(self, *words: str) -> bool:
        """Say whether this is one of these key words, in any case."""
        return self.kind == "word" and self.text.lower() in words


def cut(text: str) -> list[Token]:
    """Return the words of the text. Raises QueryError for a quotation mark without its partner."""
    if bad := UNSTORABLE.search(text):
        raise QueryError(_("Here is a character that no value can hold."), position=bad.start())
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position, end)
        if found is None:
            _refuse(text, position)
        assert found is not None and found.lastgroup is not None
        raw, start = found[found.lastgroup], found.start(found.lastgroup)
        if found.lastgroup == "quoted":
            raw = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), raw[1:-1], flags=re.DOTALL)
        tokens.append(Token(found.lastgroup, raw, start))
        position = found.end()
    return [*tokens, Token("end", "", len(text))]


def _refuse(text: str, position: int) -> None:
    while text[position].isspace():
        position += 1
    if text[position] in "\"'":
        raise QueryError(_("This quotation mark is never closed."), position=position)
    raise QueryError(_("“%(sign)s” cannot stand here.", sign=text[position]), position=position)


def quote(text: str) -> str:
    """Return the text as one word: bare where that is read back the same, else in quotation marks."""
    if _BARE.fullmatch(text) and text.lower() not in KEYWORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
