"""No expression runs long or grows large, whatever it does to whatever a record holds. Processor time is measured, since others
work on the same machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connectors.types import JSON
from portal.mappings.expression import _compiled
from portal.mappings.expression_syntax import FILTERS
from portal.mappings.expression_values import LONGEST
from tests.portal.expressions import GIVENS, PIPES, outcome, pipe

AT_MOST = 0.2  # seconds
LETTERS = ("straße ünï o'neil 3rd ۱۲ " * 4200)[:LONGEST]
HUGE: dict[str, JSON] = {
    "big": LETTERS,
    "as": "a" * LONGEST,
    "blanks": " " * (LONGEST - 1) + "a",
    "commas": "a," * (LONGEST // 2),
    "list": ["ab"] * 50_000,
    "numbers": [str(number) for number in range(3000)],
    "phones": ["020 7946 0018"] * 1000,
    "dates": ["2024-02-29T23:59:00Z"] * 5000,
    "digits": "9" * LONGEST,
    "day": "2024 01 01 " + "a" * 100 + "1",
    "ringing": ["+(0)" * 25, "0;ext=" * 16, "1-" * 50, "۱(" * 50, "+" * 100, "9" * 100, "tel:+1;phone-context=" * 4]
    * 40,
    "signs": ["a." * 150 + "@", "a@" + "a-" * 150, "a@" + "a." * 150, '"' + "\\" * 300] * 40,
    "html": ("<p class=x>hello &amp; bye</p>" * 4000)[:LONGEST],
    "million": "ab " * 400_000,
    "deep": json.loads("[" * 500 + "]" * 500),
}
TRAPS = {  # of parsers of HTML
    "tags": "<b>" * 33_000, "open": "<a " * 5000 + "x" * 80_000, "comments": "<!--" * 5000 + "x" * 80_000, "ends": "</" * 5000 + "x" * 80_000 + ">",
    "script": "<script>" + "</x" * 5000 + "x" * 80_000 + ">", "bogus": "<!" * 5000 + "x" * 80_000, "orders": "<?" * 5000 + "x" * 80_000,
    "quotes": "<a " + "b='" * 5000 + "x" * 80_000, "attributes": "<a " + "b " * 45_000 + ">", "slashes": ("<a" + "/" * 40 + "x") * 1900,
    "entities": ("&" + "a" * 48) * 2000, "figures": "&#1234567;" * 9000, "blank": "<p" + " " * 95_000 + "<", "lines": "<br>" * 2000,
}  # fmt: skip
HUGE |= TRAPS


def seconds(deed: Callable[[], object]) -> float:
    """Return the processor time that the deed takes: the least of three, since others work here too."""
    best = 9.0
    for _ in range(3):
        _compiled.cache_clear()
        began = time.thread_time()
        deed()
        best = min(best, time.thread_time() - began)
        if best < AT_MOST / 2:
            break
    return best


def assert_soon(expression: str) -> None:
    taken = seconds(lambda: outcome(expression, HUGE, GIVENS[1]))
    assert taken < AT_MOST, expression[:100]


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_no_filter_makes_a_bomb(name: str) -> None:
    piped = pipe(name)
    for field in ("big", "as", "commas", "list", "numbers", "phones", "dates", "digits", "ringing", "signs", "html"):
        one = f"{{{{ {field}{piped} }}}}"
        assert_soon(one)
        assert_soon(one * (2000 // len(one)))
        assert_soon(f"{{{{ {field}{piped * ((1990 - len(field)) // len(piped))} }}}}")


@pytest.mark.parametrize("name", TRAPS)
def test_no_html_makes_a_bomb(name: str) -> None:
    assert_soon(f"{{{{ {name}|text }}}}")
    assert_soon(f"{{{{ {name}|text }}}}" * 100)


@pytest.mark.parametrize(
    "expression",
    [
        "{% with a=as|replace:'a=>bb' %}" * 9 + "{{ a }}" + "{% endwith %}" * 9,
        "{% with a='x'|replace:'x=>xxxxxxxxxxxxxxxxxxxx' %}" + "{% with a=a|replace:'x=>xxxxxxxxxxxxxxxxxxxx' %}" * 8 + "{{ a }}" + "{% endwith %}" * 9,
        "{{ 'x'" + "|replace:'x=>xx'" * 120 + " }}",
        "{{ big }}" * 220,
        "{{ million }}" * 150,
        "{{ million|split }}",
        "{{ list }}" * 200,
        "{{ list.0 }}" * 180,
        "{{ deep }}",
        "{{ deep|length }}",
        "{% if big in as or as in big %}x{% endif %}" * 45,
        "{% if " + " or ".join(["big == as"] * 10) + " %}x{% endif %}",
        "{% if " + "not " * 39 + "a %}x{% endif %}",
        "{% if " + "not " * 480 + "a %}x{% endif %}",
        "{% if a %}" * 200,
        "{% if a %}" * 9 + "{% endif %}" * 9,
        "{% comment %}" * 150,
        "{% with " + "a=big|upper " * 150 + "%}{% endwith %}",
        "{% firstof " + "missing " * 240 + "%}",
        "{% firstof " + '"' * 1900 + "%}",
        "{% firstof " + '_("a' * 480 + "%}",
        "{{" * 1000,
        "{%" * 1000,
        "{#" * 1000,
        "{{ a" + " " * 1900 + "}}",
        "{{ " + "|" * 1990 + "}}",
        '{{ "' + "\\" * 1980 + '" }}',
        "{{ " + '"' * 1990 + "}}",
        "{{ a" + ".a" * 990 + " }}",
        "{{ " + "9" * 1990 + " }}",
        "{{ 1" + "|multiply:99999999999999999999999999999" * 50 + " }}",
        "{{ 1e99|multiply:1e99 }}",
        "{{ digits|number }}{{ digits|plus:digits }}",
        "{{ a|" + "b" * 1900 + " }}",
        "{{ day|date:'YYYY MM DD" + " DDDD" * 8 + "' }}",
        "{{ day|date:'YYYY MM DD " + "DDDD" * 12 + "' }}",
        "{{ day|date:'YYYY MM DDDDMMMM' }}",
        "{{ ringing|phone|phone_national }}",
        "{{ ringing|phone }}",
        "{{ as" + "|upper" * 320 + " }}",
        "{{ " + "-" * 1990 + " }}",
        "{{ " + "1." * 990 + " }}",
        "{% " + "'a" * 900 + " %}",
        "{% if " + "'a\\" * 600 + " %}",
        "{{ as|date:'" + "YYYY MM DD" * 6 + "' }}",
        "x" * 10_000_000,
    ],
)  # fmt: skip
def test_a_bomb_ends_within_200_milliseconds(expression: str) -> None:
    assert_soon(expression)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(HUGE)), st.lists(PIPES, max_size=30)), min_size=1, max_size=12))
def test_an_expression_over_huge_values_ends_within_200_milliseconds(parts: list[tuple[str, list[str]]]) -> None:
    assert_soon("".join(f"{{{{ {name}{''.join(pipes)} }}}}" for name, pipes in parts)[:2000])
