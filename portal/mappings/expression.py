"""The expressions of field mappings: `{{ firstname|default:"-" }} {{ lastname|upper }}`. The rule: an expression sees one record and
nothing else, ends soon, changes nothing, and fails with a sentence that shows the expression and the value.

`docs/expressions.md` tells people what they can write; a test runs every example of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.template.base import NodeList, TextNode, VariableNode

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_syntax import ExpressionParser
from portal.mappings.expression_tags import TAGS, value_of, written
from portal.mappings.expression_values import Evaluation, ExpressionError, Given

__all__ = ["Expression", "ExpressionError", "Given", "compile_expression", "evaluate", "fields_of", "tables_of"]

LONGEST_EXPRESSION = 2_000


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was understood: what it reads, and what carries it out."""

    text: str
    fields: frozenset[str]
    tables: frozenset[str]
    nodes: NodeList

    def of(self, evaluation: Evaluation) -> JSON:
        """Return what it becomes: one {{ … }} and nothing else is that value, which is not made text."""
        only = self.nodes[0] if len(self.nodes) == 1 else None
        return value_of(only, evaluation) if isinstance(only, VariableNode) else written(self.nodes, evaluation)


def compile_expression(text: str) -> Expression:
    """Return the expression; blanks around it say nothing. Raises ExpressionError naming the word or place that is wrong."""
    if len(text) > LONGEST_EXPRESSION:
        told = _("An expression may have at most %(limit)s characters; this one has %(count)s.", limit=LONGEST_EXPRESSION, count=len(text))  # fmt: skip
        raise ExpressionError(told)
    return _compiled(text)


def fields_of(text: str) -> frozenset[str]:
    """Return the names of the record's fields that it reads. Raises ExpressionError."""
    return compile_expression(text).fields


def tables_of(text: str) -> frozenset[str]:
    """Return the names of the value tables it looks up. Raises ExpressionError."""
    return compile_expression(text).tables


def evaluate(text: str, values: Mapping[str, JSON], given: Given = Given()) -> JSON:  # noqa: B008  # frozen
    """Return what the expression becomes for a record: the value itself where it is one {{ … }}, else text; None for blanks.

    A field that the record does not carry is nothing. `values` stay as they are. Raises ExpressionError.
    """
    expression = compile_expression(text)
    evaluation = Evaluation(expression.text, values, given)
    return evaluation.result(expression.of(evaluation))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Expression:
    parser = ExpressionParser(text.strip(), TAGS)
    nodes = NodeList(node for node in parser.parse() if not (isinstance(node, TextNode) and not node.s))
    return Expression(parser.text, frozenset(parser.fields), frozenset(parser.tables), nodes)
