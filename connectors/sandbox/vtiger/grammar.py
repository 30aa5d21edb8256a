"""The grammar of webservice.php's query language, with the real parser's complaints word for word (vtiger-facts C1, C7, C8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.sandbox.vtiger.crm import PAGE, WsError

_TOKEN = re.compile(
    r"""\s*(?:(?P<value>'(?:[^']|'')*')|(?P<sign>>=|<=|!=|[=<>,;()*"'])|(?P<word>-?[\w.\-]+)|(?P<other>\S))""",
    re.DOTALL,
)
_SIGNS = {
    "=": "EQ", "<": "LT", ">": "GT", "<=": "LTE", ">=": "GTE", "!=": "NE",
    ",": "COMMA", ";": "SEMICOLON", "(": "PARENOPEN", ")": "PARENCLOSE", "*": "ASTERISK",
}  # fmt: skip
_KEYWORDS = {"select", "from", "where", "and", "or", "order", "by", "limit", "asc", "desc"}
_COMPARISONS = ("=", "<", ">", "<=", ">=", "!=")
_INTERNAL = ("INTERNAL_SERVER_ERROR", "Unknown Error while processing request")


@dataclass(frozen=True, slots=True)
class Test:
    """`column sign values`; sign is a comparison, "in" or "like"."""

    column: str
    sign: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A parsed query. `groups` are ANDed tests, ORed. `limit` is None where the database refuses the LIMIT."""

    columns: tuple[str, ...]  # ("*",) for all, () for count(*)
    groups: tuple[tuple[Test, ...], ...]
    order: tuple[str, ...]
    descending: bool
    offset: int
    limit: int | None


def parse(text: str) -> Select:
    """Return the query. Raises WsError QUERY_SYNTAX_ERROR or INTERNAL_SERVER_ERROR."""
    return _Parser(text).select()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [
            (m.lastgroup or "", m[m.lastgroup or 0], m.start(m.lastgroup or 0)) for m in _TOKEN.finditer(text)
        ]
        self._text, self._at = text, 0

    def select(self) -> Select:
        self._at = 1  # SELECT, seen by the caller
        columns = self._columns()
        self._next()  # the module, known to the caller
        groups = self._where() if self._word("where") else ()
        order, descending = self._order() if self._word("order") else ((), False)
        offset, limit = self._limit() if self._word("limit") else (0, PAGE)
        self._expect(";", "SEMICOLON", "VALUE" if self._after_limit() else "COLUMNNAME")
        if self._peek()[0]:
            raise self._unexpected("", "COLUMNNAME")
        return Select(columns, groups, order, descending, offset, limit)

    def _columns(self) -> tuple[str, ...]:
        if self._text_of(self._peek()) == "*":
            self._next()
            self._from()
            return ("*",)
        names: list[str] = []
        while True:
            kind, token, _ = self._next("COLUMNNAME")
            if token.lower() == "count" and self._text_of(self._peek()) == "(":
                return self._count()
            if kind != "word":
                raise self._unexpected("COLUMNNAME", back=True)
            if "." in token:
                raise WsError(*_INTERNAL)
            names.append(token)
            if self._text_of(self._peek()) != ",":
                break
            self._next()
        self._from()
        return tuple(dict.fromkeys(names))

    def _count(self) -> tuple[str, ...]:
        self._next()
        self._expect("*", "ASTERISK")
        self._expect(")", "PARENCLOSE")
        self._from()
        return ()

    def _from(self) -> None:
        if not self._word("from"):
            raise self._unexpected("SELECT", "COLUMNNAME")

    def _where(self) -> tuple[tuple[Test, ...], ...]:
        groups: list[list[Test]] = [[self._test()]]
        while True:
            if self._word("and"):
                groups[-1].append(self._test())
            elif self._word("or"):
                groups.append([self._test()])
            else:
                return tuple(map(tuple, groups))

    def _test(self) -> Test:
        if self._peek()[0] != "word":
            raise self._unexpected("COLUMNNAME")
        column = self._next()[1]
        if "." in column:
            raise WsError(*_INTERNAL)
        sign = self._peek()[1].lower()
        if sign == "in":
            self._next()
            return Test(column, "in", self._in())
        if sign != "like" and sign not in _COMPARISONS:
            raise self._unexpected("EQ,LT,GT,LTE,GTE,NE,IN,LIKE", "VALUE")
        self._next()
        return Test(column, sign, (self._value(),))

    def _in(self) -> tuple[str, ...]:
        self._expect("(", "PARENOPEN")
        values = [self._value()]
        while self._text_of(self._peek()) == ",":
            self._next()
            values.append(self._value())
        self._expect(")", "PARENCLOSE")
        return tuple(values)

    def _value(self) -> str:
        kind, token, _ = self._peek()
        if token in ('"', "''"):
            raise WsError(*_INTERNAL)  # C8: double quotes, and the empty value
        if kind not in ("value", "word"):
            raise self._unexpected("VALUE", "VALUE")
        self._next()
        if kind == "word":
            return token
        return re.sub(r"\\(.)", r"\1", token[1:-1].replace("''", "'"), flags=re.DOTALL)  # the database reads \\ as one

    def _order(self) -> tuple[tuple[str, ...], bool]:
        if not self._word("by"):
            raise self._unexpected("BY", "COLUMNNAME")
        columns = []
        while True:
            if self._peek()[0] != "word":
                raise self._unexpected("COLUMNNAME")
            columns.append(self._next()[1])
            if self._word("desc"):
                return tuple(columns), True  # C11: once, at the end
            if self._word("asc") or self._text_of(self._peek()) != ",":
                return tuple(columns), False
            self._next()

    def _limit(self) -> tuple[int, int | None]:
        numbers = [self._next("VALUE")[1]]
        if self._text_of(self._peek()) == ",":
            self._next()
            numbers.append(self._next("VALUE")[1])
        if any(n.startswith("-") for n in numbers):
            return 0, None
        if not all(n.isdigit() for n in numbers):
            return 0, PAGE
        return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, int(numbers[0]))

    def _after_limit(self) -> bool:
        return any(t[1].lower() == "limit" for t in self._tokens[: self._at])

    def _text_of(self, token: tuple[str, str, int]) -> str:
        return token[1] if token[0] == "sign" else ""

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "", len(self._text))

    def _next(self, expected: str = "COLUMNNAME") -> tuple[str, str, int]:
        token = self._peek()
        if not token[0]:
            raise self._unexpected(expected)
        self._at += 1
        return token

    def _word(self, word: str) -> bool:
        kind, token, _ = self._peek()
        if kind == "word" and token.lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str, name: str, kind: str = "COLUMNNAME") -> None:
        if self._text_of(self._peek()) != sign:
            raise self._unexpected(name, kind)
        self._at += 1

    def _unexpected(self, expected: str, kind: str = "COLUMNNAME", *, back: bool = False) -> WsError:
        """Return the parser's complaint about the token at hand; `kind` is what its lexer calls a word in this place."""
        if back:
            self._at -= 1
        found, token, position = self._peek()
        if not found:
            token, met = self._tokens[-1][1], "End of Input(0)"
        elif found == "sign":
            met = f"{_SIGNS.get(token, 'VALUE')}({token})"
        else:
            met = f"{token.upper() if token.lower() in _KEYWORDS else kind}({token})"
        line = self._text.count("\n", 0, position) + 1
        return WsError(
            "QUERY_SYNTAX_ERROR",
            f"Syntax Error on line {line}: token '{token}' Unexpected {met}, expected one of: {expected}",
        )
