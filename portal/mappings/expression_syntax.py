"""How the text of an expression becomes something that can be carried out: Django's template language, with Django's own lexer
and parser. The rule: a name is a field of the record, a dot goes into its objects and lists and nowhere else; filters and
tags are the ones listed here; nothing is loaded, called, looped over or translated, and no setting is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from django.template.base import DebugLexer, NodeList, Parser, Token, TokenType, filter_re

from connectors.spelling import canonical_number
from connectors.types import JSON
from connectors.wording import said
from connectors.wording import text as _
from portal.mappings import expression_contacts, expression_dates, expression_numbers, expression_text
from portal.mappings.expression_filters import REQUIRED, Filter, Step
from portal.mappings.expression_values import Evaluation, ExpressionError, Number, cut, shown

FILTERS: Mapping[str, Filter] = {
    **expression_text.FILTERS,
    **expression_numbers.FILTERS,
    **expression_dates.FILTERS,
    **expression_contacts.FILTERS,
}
FIELD: Final = "field"  # {{ "address/city"|field }}: for names that Django's language cannot spell
_WORDS: Mapping[str, JSON] = {"True": True, "False": False, "None": None}
_DEEPEST = 10  # tags within each other
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the expression itself."""

    value: JSON

    def resolve(self, evaluation: Evaluation) -> JSON:
        """Return it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Path:
    """A field of the record, or a name of {% with %}, and the way into it: `address.city`, `tags.0`."""

    name: str
    local: bool = False
    inside: tuple[str, ...] = ()

    def resolve(self, evaluation: Evaluation) -> JSON:
        """Return what is there, None where nothing is. Knows keys and indexes: there is no way to an attribute."""
        value = evaluation.names.get(self.name) if self.local else evaluation.field(self.name)
        for part in self.inside:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 7:
                value = value[int(part)] if int(part) < len(value) else None
            else:
                return None
        return value


@dataclass(frozen=True, slots=True)
class Filtered:
    """A value and its filters: what stands between {{ and }}. An argument is either read already or a Path."""

    start: Constant | Path
    steps: tuple[tuple[Step, Any], ...] = ()

    def resolve(self, evaluation: Evaluation, ignore_failures: bool = False) -> JSON:
        """Return the value that comes out. Raises ExpressionError."""
        value = self.start.resolve(evaluation)
        for step, argument in self.steps:
            if isinstance(argument, Path):
                argument = step.read(argument.resolve(evaluation), evaluation)
            value = step.apply(value, argument, evaluation)
        return value


class ExpressionParser(Parser):
    """Django's parser with our filters and tags, which notes the fields and tables that are read."""

    def __init__(self, text: str, tags: Mapping[str, Callable[[Any, Token], Any]]) -> None:
        tokens = DebugLexer(text).tokenize()
        super().__init__(tokens)
        self.text = text
        self.tags = dict(tags)
        self.fields: set[str] = set()
        self.tables: set[str] = set()
        self.local: frozenset[str] = frozenset()  # names of {% with %} around what is read now
        self._depth = 0
        for token in tokens:
            self._refuse_braces(token)

    def parse(self, parse_until: Iterable[str] | None = None) -> NodeList:
        """Return the nodes up to one of these tags. Raises ExpressionError."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError(_("More than %(count)s tags stand within each other.", count=_DEEPEST - 1))
        nodes = super().parse(list(parse_until or ()))
        self._depth -= 1
        return nodes

    def compile_filter(self, token: str) -> Filtered:  # type: ignore[override]  # Django's own would reach attributes
        """Return what `token` says, without its braces. Raises ExpressionError."""
        upto = 0
        found = []
        for match in filter_re.finditer(token):
            if match.start() != upto:
                break
            upto = match.end()
            found.append(match)
        if upto != len(token) or not found or found[0]["filter_name"]:
            raise ExpressionError(_unread(token, upto))
        first, *rest = found
        start = self._value(first["constant"], first["var"])
        if (
            rest
            and rest[0]["filter_name"] == FIELD
            and isinstance(start, Constant)
            and not (rest[0]["constant_arg"] or rest[0]["var_arg"])
        ):
            start = self._field(str(start.value))
            del rest[0]
        return Filtered(start, tuple(self._step(m["filter_name"], m["constant_arg"], m["var_arg"]) for m in rest))

    def error(self, token: Token, e: Exception | str) -> ExpressionError:
        """Return our error instead of Django's, which is English and for programmers."""
        if isinstance(e, ExpressionError):
            return e
        return ExpressionError(_("“%(piece)s” cannot be understood%(place)s.", piece=cut(self._piece(token)), place=_place(token)))  # fmt: skip

    def invalid_block_tag(self, token: Token, command: str, parse_until: Iterable[str] | None = None) -> None:
        """Refuse a tag that is not ours, or not here."""
        if command in {"else", "elif", "endif", "endwith", "endcomment"}:
            told = _("“%(tag)s” has no beginning%(place)s.", tag=command, place=_place(token))
        else:
            names = ", ".join(sorted(self.tags))
            told = _("There is no tag “%(tag)s”%(place)s; there are %(names)s.", tag=cut(command), place=_place(token), names=names)  # fmt: skip
        raise ExpressionError(told)

    def unclosed_block_tag(self, parse_until: Iterable[str]) -> None:
        """Refuse a tag whose end is missing."""
        command, token = self.command_stack.pop()
        told = _("“%(tag)s”%(place)s has no “%(end)s”.", tag=command, place=_place(token), end=list(parse_until)[-1])
        raise ExpressionError(told)

    def _value(self, constant: str | None, variable: str | None) -> Constant | Path:
        if constant is not None:
            if constant.startswith("_("):
                raise ExpressionError(_("“%(word)s”: expressions do not translate; write the text alone.", word=cut(constant)))  # fmt: skip
            return Constant(_ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), constant[1:-1]))
        word = variable or ""
        if word in _WORDS:
            return Constant(_WORDS[word])
        try:
            return Constant(Number(canonical_number(word)))
        except ValueError:
            return self._path(word)

    def _path(self, word: str) -> Path:
        name, *inside = word.split(".")
        if not name or not all(inside) or name.startswith("_") or any(part.startswith("_") for part in inside):
            told = _("“%(word)s” is not the name of a field; one that begins with _ is written as {{ \"_name\"|field }}.", word=cut(word))  # fmt: skip
            raise ExpressionError(told)
        if name in self.local:
            return Path(name, True, tuple(inside))
        return self._field(name, tuple(inside))

    def _field(self, name: str, inside: tuple[str, ...] = ()) -> Path:
        self.fields.add(name)
        return Path(name, False, inside)

    def _step(self, name: str, constant: str | None, variable: str | None) -> tuple[Step, Any]:
        if name not in FILTERS:
            raise ExpressionError(_unknown(name))
        step = Step(name, FILTERS[name])
        reads, given = step.filter.reads, constant is not None or variable is not None
        if reads is None:
            if given:
                raise ExpressionError(_("The filter “%(filter)s” takes nothing after a colon.", filter=name))
            return step, None
        if not given and step.filter.absent is REQUIRED:
            raise ExpressionError(_("The filter “%(filter)s” needs a colon and a value after it.", filter=name))
        argument = self._value(constant, variable) if given else Constant(step.filter.absent)
        if isinstance(argument, Path):
            if step.filter.fixed:
                raise ExpressionError(_("The filter “%(filter)s” wants a name in quotation marks after its colon.", filter=name))  # fmt: skip
            return step, argument
        try:
            read = reads(argument.value)
        except ValueError as e:
            told = _("The filter “%(filter)s” was told to use %(value)s, which %(problem)s.", filter=name, value=shown(argument.value), problem=said(e))  # fmt: skip
            raise ExpressionError(told) from e
        if step.filter.fixed:
            self.tables.add(read)
        return step, read

    def _refuse_braces(self, token: Token) -> None:
        found = re.search(r"\{\{|\{%|\{#|\}\}|%\}|#\}", token.contents) if token.token_type == TokenType.TEXT else None
        if found:
            at = (token.position or (0, 0))[0] + found.start() + 1
            if found[0][0] == "{":
                told = _("“%(brace)s” at character %(place)s is not closed on its line.", brace=found[0], place=at)
            else:
                told = _("“%(brace)s” at character %(place)s closes nothing.", brace=found[0], place=at)
            raise ExpressionError(told)

    def _piece(self, token: Token) -> str:
        return self.text[slice(*token.position)] if token.position else token.contents


def _place(token: Token) -> str:
    return _(" at character %(place)s", place=token.position[0] + 1) if token.position else ""


def _unread(token: str, upto: int) -> str:
    return _("“%(rest)s” in “%(piece)s” cannot be understood.", rest=cut(token[upto:] or token), piece=cut(token))


def _unknown(name: str) -> str:
    if name == FIELD:
        return _("“field” stands right after the name of a field in quotation marks, and only there.")
    near = get_close_matches(name[:100].lower(), FILTERS, n=1, cutoff=0.5)
    if near:
        return _("There is no filter “%(name)s”; did you mean “%(near)s”?", name=cut(name), near=near[0])
    return _("There is no filter “%(name)s”.", name=cut(name))
