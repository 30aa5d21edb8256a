"""What stands for a record that is not there yet: found wherever it is, replaced once that exists, and nothing else is touched."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.sync.sets.promise import is_promise, kept, promise, promises_in

IDS = st.text("0123456789", min_size=1, max_size=3)
PLAIN = st.none() | st.booleans() | IDS | st.lists(IDS, max_size=3)
PROMISES = st.builds(promise, st.sampled_from(["companies", "contacts"]), IDS, IDS | st.just(""))
LINES = st.lists(st.dictionaries(st.sampled_from("abc"), PLAIN | PROMISES, max_size=3), max_size=3)
VALUES = st.dictionaries(st.sampled_from("uvwxyz"), PLAIN | PROMISES | LINES, max_size=6)


@given(VALUES)
def test_once_every_partner_is_known_no_promise_is_left_and_all_else_is_as_it_was(values: dict[str, Any]) -> None:
    made = kept(values, lambda mapping, id: f"{mapping}:{id}")
    assert not promises_in(made) and made.keys() == values.keys()
    for name, value in values.items():
        if is_promise(value):
            assert made[name] == f"{value['made_by']}:{value['of']}"
        elif not promises_in(value):
            assert made[name] == value


@given(VALUES)
def test_while_no_partner_is_known_nothing_changes(values: dict[str, Any]) -> None:
    assert kept(values, lambda mapping, id: None) == values


def test_a_promise_in_a_line_of_a_sales_document_is_found_too() -> None:
    held = promise("products", "7", "")
    assert promises_in({"lines": [{"product": held, "quantity": "2"}], "name": "Offer"}) == [held]
