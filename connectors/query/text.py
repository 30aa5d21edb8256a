"""The filter language as text: `status = New and (lastname contains "o'brien" or email is empty)`, read and written.

    filter     = all { "or" all }
    all        = part { "and" part }
    part       = "not" part | "(" filter ")" | field test
    test       = ("=" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" "(" value { "," value } ")"
               | ("contains" | "starts with" | "ends with") value | "between" value "and" value | "is" ["not"] "empty"

Names and values are bare words or stand in single or double quotation marks with backslash escapes. A bad text raises
QueryError that says where (0-based) and why, and nothing else is ever raised.
"""

from __future__ import annotations

from typing import NoReturn

from connectors.errors import QueryError
from connectors.query.filters import And, Condition, Filter, Not, Op, Or, Order
from connectors.query.literals import condition
from connectors.query.names import check_operator, check_sortable, find_field
from connectors.query.words import Token, cut, quote
from connectors.types import FieldSchema, ModuleSchema
from connectors.wording import text as _

MAX_LENGTH = 20_000  # characters
MAX_DEPTH = 50  # brackets inside brackets
_SYMBOLS = {"==": Op.EQ, "<>": Op.NE}


def parse(text: str, schema: ModuleSchema, *, zone: str = "UTC") -> Filter | None:
    """Return the filter a person wrote; None for an empty text. Dates and naive times are local in `zone`, an IANA name.

    Raises QueryError with `.position` for anything wrong, ConfigError for a zone that does not exist.
    """
    if len(text) > MAX_LENGTH:
        sentence = _("The filter is longer than %(most)s characters.", most=f"{MAX_LENGTH:,}")
        raise QueryError(sentence, position=MAX_LENGTH)
    tokens = cut(text)
    return _Parser(tokens, schema, zone).whole() if len(tokens) > 1 else None


class _Parser:
    """Reads the words from left to right; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[Token], schema: ModuleSchema, zone: str) -> None:
        self.tokens, self.schema, self.zone = tokens, schema, zone
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def takes(self, *words: str) -> bool:
        """Go on if the next words are these; else stay."""
        if all(token.is_word(word) for token, word in zip(self.tokens[self.at :], words, strict=False)):
            self.at += len(words)
            return True
        return False

    def refuse(self, message: str) -> NoReturn:
        if self.next.kind == "end":
            sentence = _("%(problem)s, but the filter ends here.", problem=message)
        else:
            sentence = _("%(problem)s; here is “%(found)s”.", problem=message, found=self.next.text)
        raise QueryError(sentence, position=self.next.position)

    def whole(self) -> Filter:
        result = self.any()
        if self.next.kind == "mark" and self.next.text == ")":
            self.refuse(_("This bracket was never opened"))
        if self.next.kind != "end":
            self.refuse(_("“and” or “or” is expected (a value of several words needs quotation marks)"))
        return result

    def any(self) -> Filter:
        parts = [self.all()]
        while self.takes("or"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def all(self) -> Filter:
        parts = [self.part()]
        while self.takes("and"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def part(self) -> Filter:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QueryError(_("Brackets and “not” may be %(most)s deep.", most=MAX_DEPTH), position=self.next.position)
        if self.takes("not"):
            result: Filter = Not(self.part())
        elif self.next.kind == "mark" and self.next.text == "(":
            self.take()
            result = self.any()
            self.mark(")", _("A closing bracket “)” is expected"))
        else:
            result = self.test()
        self.depth -= 1
        return result

    def mark(self, text: str, message: str) -> None:
        if self.next.kind != "mark" or self.next.text != text:
            self.refuse(message)
        self.take()

    def test(self) -> Filter:
        if self.next.kind not in {"word", "quoted"} or self.next.is_word("and", "or"):
            self.refuse(_("The name of a field is expected"))
        name = self.take()
        field = find_field(name.text, self.schema, position=name.position)
        operator = self.next
        op = self.operator(name)
        check_operator(field, op, position=operator.position)
        return condition(field, op, self.values(field, op), self.zone)

    def operator(self, name: Token) -> Op:
        if self.next.kind == "op":
            text = self.take().text
            return _SYMBOLS.get(text) or Op(text)
        for op in sorted((o for o in Op if str(o)[0].isalpha()), key=len, reverse=True):
            if self.takes(*op.split()):
                return op
        if self.next.is_word("not"):
            self.refuse(_("To turn a condition round write: not %(name)s …", name=quote(name.text)))
        if self.takes("is"):
            self.refuse(_("After “is” only “empty” or “not empty” can follow; else write “=”"))
        self.refuse(
            _("An operator is expected after “%(name)s”: %(operators)s", name=name.text, operators=", ".join(Op))
        )

    def values(self, field: FieldSchema, op: Op) -> list[Token]:
        if op in {Op.EMPTY, Op.NOT_EMPTY}:
            return []
        if op in {Op.IN, Op.NOT_IN}:
            return self.listed(field)
        first = self.value(field)
        if op is not Op.BETWEEN:
            return [first]
        if not self.takes("and"):
            self.refuse(_("“and” and a second value are expected after “between”"))
        return [first, self.value(field)]

    def listed(self, field: FieldSchema) -> list[Token]:
        self.mark("(", _("Values in brackets are expected, such as (a, b)"))
        if self.next.kind == "mark" and self.next.text == ")":
            self.take()
            return []
        found = [self.value(field)]
        while self.next.kind == "mark" and self.next.text == ",":
            self.take()
            found.append(self.value(field))
        self.mark(")", _("“,” or “)” is expected"))
        return found

    def value(self, field: FieldSchema) -> Token:
        if self.next.kind not in {"word", "quoted"} or self.next.is_word("and", "or"):
            self.refuse(_("A value for “%(field)s” is expected", field=field.name))
        if not self.next.text:
            self.refuse(_("To find empty values write: %(field)s is empty", field=quote(field.name)))
        return self.take()


def parse_order(text: str, schema: ModuleSchema) -> tuple[Order, ...]:
    """Return the columns of "lastname, -modified"; also "modified desc", the only way for a quoted name. Raises QueryError with `.position`."""
    parser = _Parser(cut(text[:MAX_LENGTH]), schema, "UTC")
    found: list[Order] = []
    while parser.next.kind != "end":
        if found:
            parser.mark(",", _("“,” is expected between columns"))
        column = _column(parser)
        if column.field in {other.field for other in found}:
            parser.refuse(_("“%(field)s” is named twice", field=column.field))
        found.append(column)
    return tuple(found)


def _column(parser: _Parser) -> Order:
    if parser.next.kind not in {"word", "quoted"}:
        parser.refuse(_("The name of a field is expected"))
    token = parser.take()
    minus = token.kind == "word" and token.text.startswith("-")
    field = find_field(token.text[minus:], parser.schema, position=token.position)
    check_sortable(field, position=token.position)
    descending = not parser.takes("asc") and (parser.takes("desc") or minus)
    return Order(field.name, descending)


def order_to_text(order: tuple[Order, ...]) -> str:
    """Return the order as `parse_order` reads it."""
    return ", ".join(quote(column.field) + (" desc" if column.descending else "") for column in order)


def to_text(filter: Filter | None) -> str:
    """Return the filter as `parse` reads it; "" for none."""
    if filter is None:
        return ""
    if isinstance(filter, Condition):
        return _condition_text(filter)
    if isinstance(filter, Not):
        return f"not {_inside(filter.part)}"
    word = " and " if isinstance(filter, And) else " or "
    if not filter.parts:  # every record has an id
        return "id is not empty" if isinstance(filter, And) else "id is empty"
    return word.join(_inside(part) for part in filter.parts)


def _inside(part: Filter) -> str:
    return f"({to_text(part)})" if isinstance(part, And | Or) else to_text(part)


def _condition_text(condition: Condition) -> str:
    values = [quote(("no", "yes")[value] if isinstance(value, bool) else str(value)) for value in condition.values]
    listed = condition.op in {Op.IN, Op.NOT_IN}
    written = f"({', '.join(values)})" if listed else " and ".join(values)
    return f"{quote(condition.field)} {condition.op} {written}".rstrip()
