"""The tags of expressions: if, with, firstof, comment. The rule: each part is written once at most, so that the work is
bounded by the length of the expression; what compares, compares as the filter language of the portal does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from django.template.base import Node, NodeList, TextNode, Token, VariableNode, token_kwargs
from django.template.defaulttags import TemplateIfParser

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_numbers import number_of
from portal.mappings.expression_syntax import ExpressionParser, Filtered
from portal.mappings.expression_values import Evaluation, ExpressionError, Number, cut, is_nothing, shown, size, text_of

_MOST_WORDS = 40  # of one condition


def value_of(node: VariableNode, evaluation: Evaluation) -> JSON:
    """Return what stands between {{ and }}. Raises ExpressionError."""
    return cast(Filtered, node.filter_expression).resolve(evaluation)  # our parser makes no others


def written(nodes: NodeList, evaluation: Evaluation) -> str:
    """Return the text that the nodes become. Raises ExpressionError."""
    parts = []
    for node in nodes:
        if isinstance(node, VariableNode):  # Django's would format numbers and times by the settings
            parts.append(evaluation.written(value_of(node, evaluation)))
        else:
            parts.append(node.render(evaluation))  # type: ignore[arg-type]  # ours and TextNode, which takes anything
    return "".join(parts)


class _If(Node):
    def __init__(self, branches: Sequence[tuple[Any, NodeList]]) -> None:
        self.branches = branches

    def render(self, evaluation: Evaluation) -> str:  # type: ignore[override]
        for condition, nodes in self.branches:
            if condition is None or _holds(condition, evaluation):
                return written(nodes, evaluation)
        return ""


class _With(Node):
    def __init__(self, values: Mapping[str, Filtered], nodes: NodeList) -> None:
        self.values, self.nodes = values, nodes

    def render(self, evaluation: Evaluation) -> str:  # type: ignore[override]
        outer = evaluation.names
        evaluation.names = outer | {name: value.resolve(evaluation) for name, value in self.values.items()}
        try:
            return written(self.nodes, evaluation)
        finally:
            evaluation.names = outer


class _FirstOf(Node):
    def __init__(self, values: Sequence[Filtered]) -> None:
        self.values = values

    def render(self, evaluation: Evaluation) -> str:  # type: ignore[override]
        for value in self.values:
            if not is_nothing(made := value.resolve(evaluation)):
                return evaluation.written(made)
        return ""


def _if(parser: ExpressionParser, token: Token) -> Node:
    branches: list[tuple[Any, NodeList]] = []
    while True:
        word, *words = token.split_contents()
        condition = None if word == "else" else _condition(parser, words)
        branches.append((condition, parser.parse(("endif",) if word == "else" else ("elif", "else", "endif"))))
        token = parser.next_token()
        if token.contents == "endif":
            return _If(branches)


def _condition(parser: ExpressionParser, words: Sequence[str]) -> Any:
    if len(words) > _MOST_WORDS:
        raise ExpressionError(_("A condition has more than %(count)s words.", count=_MOST_WORDS))
    return TemplateIfParser(parser, list(words)).parse()


def _with(parser: ExpressionParser, token: Token) -> Node:
    words = token.split_contents()[1:]
    values: Any = token_kwargs(words, parser)
    if not values or words:
        raise ExpressionError(
            _("“%(tag)s” cannot be understood: write it like with name=field.", tag=cut(token.contents))
        )
    outer, parser.local = parser.local, parser.local | frozenset(values)
    nodes = parser.parse(("endwith",))
    parser.delete_first_token()
    parser.local = outer
    return _With(values, nodes)


def _first_of(parser: ExpressionParser, token: Token) -> Node:
    values = [parser.compile_filter(word) for word in token.split_contents()[1:]]
    if not values:
        raise ExpressionError(_("“firstof” needs the names of fields after it."))
    return _FirstOf(values)


def _comment(parser: ExpressionParser, token: Token) -> Node:
    parser.skip_past("endcomment")
    return TextNode("")


TAGS: Mapping[str, Callable[[ExpressionParser, Token], Node]] = {
    "if": _if,
    "with": _with,
    "firstof": _first_of,
    "comment": _comment,
}


def _holds(tree: Any, evaluation: Evaluation) -> bool:
    """Say whether a condition is true. Not Django's way, which takes every error for false."""
    if tree.id == "literal":
        value = tree.value.resolve(evaluation)
        return value is not False and not is_nothing(value)
    if tree.id == "not":
        return not _holds(tree.first, evaluation)
    if tree.id == "and":
        return _holds(tree.first, evaluation) and _holds(tree.second, evaluation)
    if tree.id == "or":
        return _holds(tree.first, evaluation) or _holds(tree.second, evaluation)
    one, other = (_operand(side, evaluation) for side in (tree.first, tree.second))
    evaluation.spend(size(one) + size(other), one)
    kind = tree.id.replace("not", "").strip()  # two of Django's operators have two words, of which “not” is one
    return _COMPARED[kind](one, other, evaluation) is (kind == tree.id)


def _operand(tree: Any, evaluation: Evaluation) -> JSON:
    return tree.value.resolve(evaluation) if tree.id == "literal" else _holds(tree, evaluation)


def _equal(one: JSON, other: JSON, evaluation: Evaluation) -> bool:
    if is_nothing(one) or is_nothing(other):
        return is_nothing(one) and is_nothing(other)
    if isinstance(one, Number) or isinstance(other, Number):
        try:
            return number_of(one) == number_of(other)
        except ValueError:
            return False  # what is no number equals none
    return bool(one == other) if isinstance(one, list | dict) else text_of(one) == text_of(other)


def _less(one: JSON, other: JSON, evaluation: Evaluation) -> bool:
    if is_nothing(one) or is_nothing(other):
        return False  # nothing is neither less nor more
    try:
        return number_of(one) < number_of(other)
    except ValueError as e:
        if isinstance(one, Number) or isinstance(other, Number):
            told = _("“%(expression)s” compares %(one)s with %(other)s, and not both are numbers.", expression=cut(evaluation.text), one=shown(one), other=shown(other))  # fmt: skip
            raise ExpressionError(told) from e
    return text_of(one) < text_of(other)


def _among(one: JSON, other: JSON, evaluation: Evaluation) -> bool:
    if is_nothing(one) or is_nothing(other):
        return False
    return one in other if isinstance(other, list) else text_of(one) in text_of(other)


_COMPARED: Mapping[str, Callable[[JSON, JSON, Evaluation], bool]] = {
    "==": _equal,
    "is": _equal,
    "!=": lambda one, other, evaluation: not _equal(one, other, evaluation),
    "<": _less,
    ">": lambda one, other, evaluation: _less(other, one, evaluation),
    "<=": lambda one, other, evaluation: _less(one, other, evaluation) or _equal(one, other, evaluation),
    ">=": lambda one, other, evaluation: _less(other, one, evaluation) or _equal(one, other, evaluation),
    "in": _among,
}
