"""Expressions and records for the tests of what holds for every one of them: as people write them, and as nobody should."""

from __future__ import annotations

from hypothesis import strategies as st

from connectors.types import JSON
from portal.mappings.expression import ExpressionError, Given, evaluate
from portal.mappings.expression_syntax import FILTERS


def no_such(table: str, value: JSON) -> JSON:
    raise ValueError("is not in the table")


GIVENS = (
    Given(),
    Given("Asia/Tehran", "IR", lambda table, value: [value, table]),
    Given("America/New_York", "US", no_such),
)
NAMES = st.sampled_from(["a", "a", "b", "b", "c", "tags", "address", "missing"])
WORDS = [
    "", "x", " ", "Ltd=>Limited", "=>", "a=>aaaaaaaaaa", ":3", "::-1", "2:1:-1", ",", "\\n", "yes,no,?", "YYYY-MM-DD", "D MMMM YY",
    "HH:mm", "DD/MM/YYYY", ".", "GB", "IR", "0", "-1", "3", "1e99", "400000", "1402/12/10", "٣", "\\", "_", "__class__",
]  # fmt: skip
ARGUMENTS = st.one_of(
    st.sampled_from(WORDS).map(lambda word: f'"{word}"'),
    st.text("abc=>:,.-0123456789YMDHm \\", max_size=12).map(lambda word: "'" + word.replace("\\", "") + "'"),
    NAMES,
    st.integers(-(10**9), 10**9).map(str),
    st.decimals(-1000, 1000, allow_nan=False, places=3).map(str),
    st.sampled_from(["True", "None", "a.city", "tags.0", "1e99", "9" * 70]),
)
FITTING = {  # an argument that the filter takes; the others need none
    "slice": "'::-1'", "replace": "'a=>bbbbbbbbbbb'", "split": "'a'", "join": "'xxxxxxxxxxxxxxxxxxxxxxxxxx'", "truncate": "99999",
    "truncatewords": "99999", "default": "'x'", "coalesce": "b", "yesno": "'a,b'", "lookup": "'t'", "round": "2", "plus": "9", "minus": "9",
    "multiply": "99999999999999999999999999", "divide": "3", "format_date": "'DDDD D MMMM YYYY'", "add_days": "1", "add_months": "1",
}  # fmt: skip


def pipe(name: str, argument: str = "") -> str:
    """Return a filter as it is written, with an argument that fits where none is given."""
    argument = argument or FITTING.get(name, "")
    return f"|{name}:{argument}" if argument else f"|{name}"


SOUND = st.sampled_from(sorted(FILTERS)).map(pipe)
PIPES = st.one_of(SOUND, st.builds(pipe, st.sampled_from(sorted(FITTING)), ARGUMENTS))
PATHS = st.sampled_from(["address.city", "tags.1", "tags.x", '"odd name"|field'])
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not", "and", "or", "and not"])


@st.composite
def a_value(draw: st.DrawFn, sound: bool) -> str:
    """Return what may stand between {{ and }}; `sound`: with arguments that fit."""
    start = draw(st.one_of(NAMES, PATHS) if sound else st.one_of(NAMES, PATHS, ARGUMENTS))
    return start + "".join(draw(st.lists(SOUND if sound else PIPES, max_size=3)))


def pieces(sound: bool) -> st.SearchStrategy[str]:
    """Return expressions in which all braces and tags are closed."""
    values = a_value(sound)
    leaves = (
        values.map("{{{{ {} }}}}".format),
        st.text(st.characters(exclude_characters="{}%#"), min_size=1, max_size=10),
        st.lists(values, min_size=1, max_size=3).map(lambda all_of_it: f"{{% firstof {' '.join(all_of_it)} %}}"),
        st.just("{% comment %}a{% endcomment %}"),
    )
    return st.recursive(
        st.one_of(*leaves),
        lambda inner: st.one_of(
            st.builds(
                "{{% if {} {} {} %}}{}{{% else %}}{}{{% endif %}}".format, values, OPERATORS, values, inner, inner
            ),
            st.builds("{{% with a={} n={} %}}{}{{% endwith %}}".format, values, values, inner),
            st.builds("{}{}".format, inner, inner),
        ),
        max_leaves=4,
    )


PIECES = st.one_of(pieces(sound=True), pieces(sound=False))
BROKEN = st.lists(
    st.one_of(
        st.sampled_from(
            ["{{", "}}", "{%", "%}", "{#", "#}", "|", ":", '"', "'", "\\", "_(", ")", ".", " ", "\n", "if", "endif", "else", "elif", "with", "endwith",
             "comment", "endcomment", "verbatim", "firstof", "not", "in", "==", "a", "a=", "__", "1", "1e", "-", *FILTERS]  # fmt: skip
        ),
        st.text(max_size=3),
    ),
    max_size=30,
).map("".join)  # fmt: skip
EXPRESSIONS = st.one_of(PIECES, PIECES, BROKEN, st.text(max_size=60))
TOLD = st.sampled_from(
    ["2024-02-29", "2024-02-29T23:59:00Z", "0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "23:59:00", "12.5", "-0", "1,234.50",
     "۱۲٫۵", "۱۴۰۲/۱۲/۳۰", "9" * 61, "020 7946 0018", "+98 912 345 6789", "ada@example.com", "<p>a<br>b</p>", "&#x110000;", "<![x]>", "\x00", "\ud800"]  # fmt: skip
)  # fmt: skip
PLAIN = st.one_of(st.none(), st.booleans(), st.text(max_size=30), TOLD)
HELD = st.recursive(
    st.one_of(PLAIN, st.integers(), st.floats(), st.just(10**100), st.builds(object)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["city", "0", "_x", "items"]), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.one_of(
    st.dictionaries(st.sampled_from(["a", "b", "c", "tags", "address", "odd name"]), HELD),
    st.fixed_dictionaries(
        {"a": TOLD, "b": TOLD, "c": PLAIN, "tags": st.lists(TOLD), "address": st.fixed_dictionaries({"city": TOLD})}
    ),
)


def outcome(expression: str, values: dict[str, JSON], given: Given = GIVENS[0]) -> str:
    """Return what came out, so that two can be compared whatever they are."""
    try:
        return repr(evaluate(expression, values, given))
    except ExpressionError as e:
        assert e.args and str(e)
        return f"error: {e}"
