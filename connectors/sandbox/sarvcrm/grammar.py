"""The SQL fragments the simulated SarvCRM takes as `query` and `order_by`: read into a tree of what a client may well send.
Everything else (a second statement, a subquery, a comment) is a syntax error here, though the real database might run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.sarvcrm.errors import SqlError

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")|(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<word>[A-Za-z_][\w$]*)"""
    r"""|`(?P<quoted>[^`]+)`|(?P<sign><=>|<=|>=|<>|!=|&&|\|\||[=<>!(),.*+\-])|(?P<other>\S))""",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_COMPARISONS = ("<=>", "<=", ">=", "<>", "!=", "=", "<", ">")
_RESERVED = frozenset(
    (
        "and",
        "or",
        "not",
        "like",
        "in",
        "between",
        "is",
        "null",
        "true",
        "false",
        "select",
        "asc",
        "desc",
        "union",
        "from",
    )
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, a truth, or NULL (None)."""

    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """`table` is "" where the query gives none."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function, in lower case, and what it is applied to."""

    name: str
    parts: tuple[Any, ...]


Node = Literal | Column | Apply


def parse_where(text: str) -> Node:
    """Return the condition. Raises SqlError 1064."""
    parser = _Parser(text)
    node = parser.either()
    parser.end()
    return node


def parse_order(text: str) -> list[tuple[Node, bool]]:
    """Return (expression, descending) in order of importance. Raises SqlError 1064."""
    parser, found = _Parser(text), []
    while True:
        node = parser.operand()
        descending = parser.word("desc")
        if not descending:
            parser.word("asc")
        found.append((node, descending))
        if not parser.sign(","):
            parser.end()
            return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._tokens = [
            (m.lastgroup or "", m[m.lastgroup or 0], m.start(m.lastgroup or 0)) for m in _TOKEN.finditer(text)
        ]

    def either(self) -> Node:
        parts = [self._all()]
        while self.word("or") or self.sign("||"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Apply("or", tuple(parts))

    def _all(self) -> Node:
        parts = [self._negation()]
        while self.word("and") or self.sign("&&"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Apply("and", tuple(parts))

    def _negation(self) -> Node:
        if self.word("not") or self.sign("!"):
            return Apply("not", (self._negation(),))
        return self._predicate()

    def _predicate(self) -> Node:
        left = self.operand()
        for name in _COMPARISONS:
            if self.sign(name):
                return Apply("!=" if name == "<>" else name, (left, self.operand()))
        if self.word("is"):
            return self._is(left)
        negated = self.word("not")
        if self.word("like"):
            found: Node = Apply("like", (left, self.operand()))
        elif self.word("in"):
            found = Apply("in", (left, *self._list()))
        elif self.word("between"):
            low = self.operand()
            self._need(self.word("and"))
            found = Apply("between", (left, low, self.operand()))
        else:
            self._need(not negated)
            return left
        return Apply("not", (found,)) if negated else found

    def _is(self, left: Node) -> Node:
        negated = self.word("not")
        truth = next((word for word in ("null", "true", "false") if self.word(word)), "")
        self._need(bool(truth))
        found = Apply(f"is {truth}", (left,))
        return Apply("not", (found,)) if negated else found

    def _list(self) -> tuple[Node, ...]:
        self._need(self.sign("("))
        parts = [self.operand()]
        while self.sign(","):
            parts.append(self.operand())
        self._need(self.sign(")"))
        return tuple(parts)

    def operand(self) -> Node:
        kind, token, _ = self._peek()
        if self.sign("("):
            node = self.either()
            self._need(self.sign(")"))
            return node
        if self.sign("-"):
            return Apply("minus", (self.operand(),))
        if kind in ("text", "number"):
            self._at += 1
            return Literal(_unquoted(token) if kind == "text" else float(token))
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.word(word):
                return Literal(value)
        if self.word("binary"):
            return Apply("binary", (self.operand(),))
        self._need(kind == "quoted" or (kind == "word" and token.lower() not in _RESERVED))
        self._at += 1
        return self._call(token) if kind == "word" and self._peek()[1] == "(" else self._column(token)

    def _call(self, name: str) -> Node:
        self._need(self.sign("("))
        if name.lower() == "cast":
            value = self.operand()
            self._need(self.word("as"))
            target = self._peek()[1].lower()
            self._at += 1
            if self.sign("("):
                while not self.sign(")"):
                    self._need(bool(self._peek()[0]))
                    self._at += 1
            else:
                self._need(bool(target))
            self._need(self.sign(")"))
            return Apply("cast", (value, target))
        self._at -= 1
        if self._tokens[self._at + 1 : self._at + 2] and self._tokens[self._at + 1][1] == ")":
            self._at += 2
            return Apply(name.lower(), ())
        return Apply(name.lower(), self._list())

    def _column(self, first: str) -> Node:
        if not self.sign("."):
            return Column("", first)
        kind, token, _ = self._peek()
        self._need(kind in ("word", "quoted"))
        self._at += 1
        return Column(first, token)

    def end(self) -> None:
        self._need(not self._peek()[0])

    def word(self, word: str) -> bool:
        kind, token, _ = self._peek()
        return self._take(kind == "word" and token.lower() == word)

    def sign(self, sign: str) -> bool:
        kind, token, _ = self._peek()
        return self._take(kind == "sign" and token == sign)

    def _take(self, wanted: bool) -> bool:
        self._at += wanted
        return wanted

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "", len(self._text))

    def _need(self, right: bool) -> None:
        if not right:
            raise syntax_error(self._text[self._peek()[2] :][:80])


def syntax_error(near: str) -> SqlError:
    """Return the database's complaint about what stands there."""
    return SqlError(
        1064,
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version "
        f"for the right syntax to use near '{near}' at line 1",
    )


def _unquoted(token: str) -> str:
    r"""Return what a quoted text means: a doubled quote is one, a backslash takes the next as it is; \% and \_ keep theirs."""
    quote = token[0]
    return re.sub(
        r"\\(.)|" + quote * 2,
        lambda m: quote if m[1] is None else _ESCAPES.get(m[1], m[1]),
        token[1:-1],
        flags=re.DOTALL,
    )
