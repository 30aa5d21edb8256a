"""What an expression becomes for a record. The examples are those of docs/expressions.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from connectors.types import JSON
from portal.mappings.expression import ExpressionError, Given, compile_expression, evaluate, fields_of, tables_of
from portal.mappings.expression_syntax import FIELD, FILTERS
from portal.mappings.expression_tags import TAGS
from portal.ui.wording import translated

PAGE = (settings.BASE_DIR / "docs" / "expressions.md").read_text()
COUNTRIES = {"UK": "United Kingdom"}


def look_up(table: str, value: JSON) -> JSON:
    assert table == "countries"
    if value not in COUNTRIES:
        raise ValueError(f"is not in the value table “{table}”")
    return COUNTRIES[value]


GIVEN = Given("Asia/Tehran", "GB", look_up)


def cells(line: str) -> list[str]:
    """Return the cells of a table's row, of which `|` within a cell is written as `\\|`."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def rows(heads: str) -> Iterator[list[str]]:
    """Return the rows of all tables of the page that begin with these heads."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _rule, *lines = table.splitlines()
        if re.fullmatch(heads, ", ".join(cells(head))):
            yield from map(cells, lines)


def value(cell: str) -> JSON:
    return None if cell == "nothing" else json.loads(cell.strip("`"))


RECORD = {name.strip("`"): value(held) for name, held in rows("Field, holds")}
EXAMPLES = [(row[-2].strip("`"), value(row[-1])) for row in rows("(Expression|.*, for example), becomes")]


def test_the_page_has_a_record_and_examples() -> None:
    assert len(RECORD) > 15 and len(EXAMPLES) > 60


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES)
def test_an_example_of_the_page_becomes_what_the_page_says(expression: str, expected: JSON) -> None:
    assert evaluate(expression, RECORD, GIVEN) == expected


def test_the_page_tells_of_every_filter_and_tag_in_a_row_whose_example_uses_it() -> None:
    told = {row[0].strip("`") for row in rows("Filter, .*") if row[0] and f"|{row[0].strip('`')}" in row[2]}
    assert told == set(FILTERS)
    assert {row[0].strip("`") for row in rows("Tag, .*") if row[0]} == set(TAGS)
    assert f"|{FIELD} }}}}" in " ".join(expression for expression, _ in EXAMPLES)


@pytest.mark.parametrize(
    ("expression", "fields", "tables"),
    [
        ("no field", set(), set()),
        ("{{ a.b|default:c }} {{ d|default:'e' }}", {"a", "c", "d"}, set()),
        ("{% if a and b|length > 3 %}{{ c }}{% endif %}{% firstof d 'e' %}", {"a", "b", "c", "d"}, set()),
        ("{% with x=a y=x %}{{ x.b }}{{ y }}{% endwith %}{{ y }}", {"a", "x", "y"}, set()),
        ("{{ 'a/b'|field|lookup:'t' }}{{ c|lookup:\"u\" }}", {"a/b", "c"}, {"t", "u"}),
        ("{{ True }}{{ None }}{{ 12.5 }}{# {{ a }} #}", set(), set()),
    ],
)
def test_what_an_expression_reads_is_known(expression: str, fields: set[str], tables: set[str]) -> None:
    assert fields_of(expression) == fields
    assert tables_of(expression) == tables


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("{{ a|uper }}", "no filter “uper”; did you mean “upper”?"),
        ("{{ a|safe }}", "no filter “safe”"),
        ("{{ a }} {% for x in a %}", "no tag “for” at character 9; there are comment, firstof, if, with"),
        ("name: {{ a", "“{{” at character 7 is not closed"),
        ("{{ a\n}}", "“{{” at character 1 is not closed on its line"),
        ("a }} b", "“}}” at character 3 closes nothing"),
        ("{% if a %}b", "“if” at character 1 has no “endif”"),
        ("b{% endif %}", "“endif” has no beginning at character 2"),
        ("{{ }}", "“{{ }}” cannot be understood at character 1"),
        ("{{ a|default: 'b' }}", "“: 'b'” in “a|default: 'b'” cannot be understood"),
        ("{{ a.__class__ }}", "“a.__class__” is not the name of a field"),
        ("{{ _('a') }}", "expressions do not translate"),
        ("{{ a|upper:'b' }}", "“upper” takes nothing after a colon"),
        ("{{ a|replace }}", "“replace” needs a colon"),
        ("{{ a|replace:'b' }}", "“b”, which does not say what becomes what"),
        ("{{ a|slice:'x' }}", "“x”, which does not say where to cut"),
        ("{{ a|round:99 }}", "“99”, which is not a whole number from 0 to 20"),
        ("{{ a|format_date:'dd/mm/yyyy' }}", "is not a format such as DD.MM.YYYY"),
        ("{{ a|date:'MM/YYYY' }}", "does not name the year (YYYY), the month (MM) and the day (DD)"),
        ("{{ a|date:'YYYY-MM-DD DDDD DDDD' }}", "names a part of the date twice"),
        ("{{ a|lookup:b }}", "“lookup” wants a name in quotation marks"),
        ("{{ a|field }}", "“field” stands right after the name of a field"),
        ("{% with a %}b{% endwith %}", "write it like with name=field"),
        ("x" * 2001, "at most 2000 characters; this one has 2001"),
        ("{% if a %}" * 10 + "{% endif %}" * 10, "More than 9 tags"),
    ],
)
def test_an_expression_that_is_wrong_says_where(expression: str, words: str) -> None:
    with pytest.raises(ExpressionError) as told:
        compile_expression(expression)
    assert words in str(told.value)


def refused(expression: str, values: dict[str, Any], given: Given = GIVEN) -> str:
    with pytest.raises(ExpressionError) as told:
        evaluate(expression, values, given)
    return str(told.value)


def test_an_error_of_a_record_shows_the_filter_the_expression_and_the_value() -> None:
    assert refused("{{ born|date }}", {"born": "soon"}) == (
        "“{{ born|date }}”: the filter “date” was given “soon”, which is not a date such as 2024-02-29."
    )


def test_an_error_shows_no_more_than_60_characters_of_either() -> None:
    told = refused("{{ a|number }}" + "x" * 500, {"a": "y" * 500})
    assert "x" * 46 + "…”" in told and "y" * 60 + "…”" in told and len(told) < 250


def test_an_error_can_be_translated() -> None:
    with pytest.raises(ExpressionError) as told:
        evaluate("{{ a|number }}", {"a": "b"})
    assert "%(filter)s" in told.value.args[0].template
    assert translated(told.value) == str(told.value)


@pytest.mark.parametrize(
    ("expression", "held", "words"),
    [
        ("{{ a|date }}", "3/4/2024", "could be two days"),
        ("{{ a|date }}", "30.02.2024", "is not a date such as"),
        ("{{ a|date:'DD/MM/YYYY' }}", "2024-02-29", "is not a date in the format DD/MM/YYYY"),
        ("{{ a|from_jalali }}", "1402/12/30", "is not a Jalali date"),
        ("{{ a|to_jalali }}", "0400-01-01", "is before the Jalali calendar’s first year"),
        ("{{ a|add_days:400000 }}", "9000-01-01", "would leave the years"),
        ("{{ a|time }}", "2024-02-29", "has no time of day"),
        ("{{ a|number }}", "1,23", "is not a number such as 1,234.50"),
        ("{{ a|number }}", "1.234,5", "is not a number such as 1,234.50"),
        ("{{ a|plus:1 }}", "9" * 61, "has more than 60 digits"),
        ("{{ a|divide:0 }}", "1", "cannot be divided by 0"),
        ("{{ 1|plus:a }}", "b", "was told to use “b”, which is not a number"),
        ("{{ 1|plus:a }}", None, "was told to use nothing, which is not a number"),
        ("{{ a|phone }}", "tomorrow", "is not a phone number in GB"),
        ("{{ a|phone }}", "020 7946 0018 ext. 5", "has an extension"),
        ("{{ a|email }}", "ada at example", "is not an e-mail address"),
        ("{{ a|lookup:'countries' }}", "FR", "is not in the value table “countries”"),
        ("{{ a|upper }}", {"b": "c"}, "is not one text but several values"),
        ("{{ a|text }}", "&#" + "9" * 5000 + ";", "is not HTML that can be read"),
        ("{{ a|replace:'b=>cc' }}", "b" * 60_000, "becomes longer than 100000 characters"),
        ("{{ a }}", "b" * 100_001, "becomes longer than 100000 characters"),
        ("{{ a }}", 10**70, "is of a kind that expressions cannot use"),
        ("{% if a > 5 %}b{% endif %}", "many", "and not both are numbers"),
        ("{% if a|number > 5 %}b{% endif %}", "many", "the filter “number” was given “many”"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_the_reason(expression: str, held: JSON, words: str) -> None:
    assert words in refused(expression, {"a": held})


@pytest.mark.parametrize(
    ("expression", "held", "expected"),
    [
        ("{{ a }}", "  ", None),
        ("{{ a }}", False, False),
        ("{{ a }} ", ["x"], ["x"]),
        ("{{ a }}{{ a }}", None, None),
        ("{{ b|upper }}", "x", None),
        ("{{ a|default:'-' }}", False, False),
        ("{{ a|lower }}", ["X", None, "Y"], ["x", "y"]),
        ("{{ a|title }}", "o'neil's 3rd HOUSE", "O'Neil's 3rd House"),
        ("{{ a|truncate:5 }}", "abcdefgh", "abcd…"),
        ("{{ a|truncate:5 }}", "ab cdefg", "ab…"),
        ("{{ a|truncate:5 }}", "abcd efg", "abcd…"),
        ("{{ a|split:'\\n'|join }}", "x\n y\n\n", "x, y"),
        ("{{ a|number }}", "$ 1'234'567.891", "1234567.891"),
        ("{{ a|number }}", "-12.50 %", "-12.5"),
        ("{{ a|plus:0.2 }}", "0.1", "0.3"),
        ("{{ a|round:-1 }}", None, ExpressionError),
        ("{{ a|round:1 }}", "-0.25", "-0.3"),
        ("{{ a|date }}", "2024-02-29 12:00", "2024-02-29"),
        ("{{ a|date }}", "۲۹ Feb. 2024", "2024-02-29"),
        ("{{ a|date }}", "February 29th, 2024", "2024-02-29"),
        ("{{ a|date }}", "31/12/2024", "2024-12-31"),
        ("{{ a|date:'D MMM YY' }}", "1 feb 24", "2024-02-01"),
        ("{{ a|date:'MM/DD/YYYY' }}", "02/29/2024", "2024-02-29"),
        ("{{ a|datetime:'DD.MM.YYYY HH:mm' }}", "29.02.2024 03:30", "2024-02-29T00:00:00Z"),
        ("{{ a|date:'DDDD, D MMMM YYYY' }}", "Thursday, 29 February 2024", "2024-02-29"),
        ("{{ a|to_jalali:'DDD D MMM' }}", "2024-02-29", "پنجشنبه 10 اسفند"),
        ("{{ a|from_jalali }}", "۱۰ اسفند ۱۴۰۲", "2024-02-29"),
        ("{{ a|from_jalali:'YY/MM/DD' }}", "02/12/10", "2024-02-29"),
        ("{{ a|from_jalali }}", "1402/12/10 03:30", "2024-02-29T00:00:00Z"),
        ("{{ a|add_days:1 }}", "2024-02-29T23:59:00Z", "2024-03-01T23:59:00Z"),
        ("{{ a|add_months:-12 }}", "2024-02-29", "2023-02-28"),
        ("{{ a|hour }}", "07:30:00", "7"),
        ("{{ a|phone }}", "+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹", "+989123456789"),
        ("{{ a|email }}", "mailto:A@B.org", "a@b.org"),
        ("{{ a|text }}", True, "true"),
        ("{{ a|text }}", "one\ntwo &lt;3", "one\ntwo <3"),
        ("{{ a|text }}", "<style>p {}</style><div><div>x</div></div>5 < 6<![if a]> y <b", "x\n5 < 6 y <b"),
        ("{% if a == 12.50 %}y{% endif %}", "12.5", "y"),
        ("{% if a == '7' %}y{% endif %}", "007", None),
        ("{% if a > '9' %}y{% endif %}", "10", "y"),
        ("{% if a < '2024-03-01' %}y{% endif %}", "2024-02-29", "y"),
        ("{% if a > 1 or a < 1 or a == 1 %}y{% else %}n{% endif %}", None, "n"),
        ("{% if a == None and a != 'x' %}y{% endif %}", None, "y"),
        ("{% if not a %}y{% endif %}", False, "y"),
        ("{% if 'x' not in a %}y{% endif %}", ["xy"], "y"),
        ("{{ 'a \"b\"' }}", None, 'a "b"'),
    ],
)
def test_a_value_becomes_another(expression: str, held: JSON, expected: JSON) -> None:
    if expected is ExpressionError:
        assert "whole number" in refused(expression, {"a": held})
    else:
        assert evaluate(expression, {"a": held}, GIVEN) == expected


def test_a_list_that_comes_out_is_not_the_records_own() -> None:
    values = {"tags": [["a"], {"b": ["c"]}]}
    evaluate("{{ tags }}", values).append("d")
    evaluate("{{ tags }}", values)[1]["b"].clear()
    assert values == {"tags": [["a"], {"b": ["c"]}]}


def test_an_hour_that_the_clocks_leave_out_is_passed_over() -> None:
    london = Given("Europe/London")
    assert evaluate("{{ a|add_days:1 }}", {"a": "2024-03-30T01:30:00Z"}, london) == "2024-03-31T01:30:00Z"
    assert evaluate("{{ a|add_days:2 }}", {"a": "2024-03-30T01:30:00Z"}, london) == "2024-04-01T00:30:00Z"
