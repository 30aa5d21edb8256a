"""In which order the mappings of a set run: a table of what refers to what, and what holds for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sync.sets.order import Reference, is_stuck, leads_back, order_of, waits_for


def refers(text: str) -> list[Reference]:
    """Read "contacts>companies deals>contacts!": who refers to whom, “!” where the field is required."""
    pairs = [word.rstrip("!").split(">") + [word] for word in text.split()]
    return [Reference(a, b, f"{a}-{b}", word.endswith("!")) for a, b, word in pairs]


ORDERS = [
    ("b a", "", "a b", "", ""),
    (
        "deals contacts companies",
        "contacts>companies deals>contacts deals>companies",
        "companies contacts deals",
        "",
        "",
    ),
    ("a b", "a>elsewhere", "a b", "", ""),
    ("companies", "companies>companies", "companies", "companies-companies", ""),
    ("companies", "companies>companies!", "companies", "", "companies-companies"),
    # a circle begins with the record whose reference may follow later
    ("contacts companies", "contacts>companies! companies>contacts", "companies contacts", "companies-contacts", ""),
    ("contacts companies", "contacts>companies companies>contacts!", "contacts companies", "contacts-companies", ""),
    # both may: it begins with the one that more of the circle refer to, else by name
    ("a b c", "a>b b>a c>b", "a b c", "a-b", ""),
    ("a b c", "a>b b>a c>b a>c", "b c a", "b-a", ""),
    ("a b", "a>b! b>a!", "a b", "", "a-b b-a"),
    ("a b c d", "a>b b>c c>a! d>a", "a c b d", "a-b", ""),
    # who waits for a circle comes after it
    ("a y z", "a>y a>z y>z z>y", "y z a", "y-z", ""),
]


@pytest.mark.parametrize(("names", "references", "order", "later", "stuck"), ORDERS)
def test_what_is_referred_to_runs_first_and_a_circle_is_broken_where_a_field_may_stay_empty(
    names: str, references: str, order: str, later: str, stuck: str
) -> None:
    found = order_of(names.split(), refers(references))
    assert " ".join(found.names) == order
    assert " ".join(r.field for r in found.later) == later
    assert " ".join(r.field for r in found.stuck) == stuck


def test_a_mapping_waits_for_all_that_come_before_it_and_that_it_needs() -> None:
    known = refers("contacts>companies deals>contacts companies>contacts notes>notes")
    order = order_of({r.mapping for r in known}, known).names
    assert waits_for("deals", order, known) == {"contacts", "companies"}
    assert waits_for("companies", order, known) == waits_for("notes", order, known) == frozenset()


NAMES = st.sampled_from("abcde")
REFERENCES = st.lists(st.builds(Reference, NAMES, NAMES, st.sampled_from("xy"), st.booleans()), max_size=12)


@given(st.sets(NAMES, min_size=1), REFERENCES)
def test_every_mapping_runs_once_and_before_what_it_needs_but_for_circles(
    names: set[str], known: list[Reference]
) -> None:
    found = order_of(names, known)
    assert sorted(found.names) == sorted(names) and order_of(names, known[::-1]) == found
    among = [r for r in known if {r.mapping, r.to} <= names]
    for reference in among:
        early = found.names.index(reference.mapping) <= found.names.index(reference.to)
        assert not early or leads_back(reference, among)
        assert (reference in found.later) == (early and not reference.required)
        assert (reference in found.stuck) == is_stuck(reference, among)


@given(st.sets(NAMES, min_size=1), REFERENCES)
def test_nothing_waits_for_itself_or_for_what_comes_after_it(names: set[str], known: list[Reference]) -> None:
    order = order_of(names, known).names
    for at, name in enumerate(order):
        assert waits_for(name, order, known) <= set(order[:at])
