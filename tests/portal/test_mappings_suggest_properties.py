"""What must hold of suggestions whatever the fields are: total, the same again, one partner each, never a password."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import is_secret_field
from portal.mappings.suggest import Profiles, suggest, suggest_match_key, suggest_values
from portal.mappings.terms import FIELDS
from portal.records.profile import FieldProfile, profile

T = FieldType
WORDS = sorted({word for line in FIELDS.split() for word in line.partition("=")[2].split("|")})
NAMES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(
        ["accesskey", "user_password", "portal_hash", "id", "crmid", "cf_901", "", "فی", "نام", "ﷺ", "x" * 40]
    ),
    st.builds("{}{}".format, st.sampled_from(["other", "mailing_", "Billing ", "home", "2"]), st.sampled_from(WORDS)),
    st.text(max_size=12),
)
FIELD = st.builds(
    FieldSchema,
    name=NAMES,
    label=NAMES,
    type=st.sampled_from(FieldType),
    editable=st.booleans(),
    refers_to=st.sampled_from([(), ("Contacts",), ("company", "contact"), ("Nobody",)]),
    choices=st.lists(st.builds(Choice, st.text(max_size=4), st.text(max_size=4)), max_size=3).map(tuple),
)
SCHEMA = st.builds(
    lambda name, fields: ModuleSchema(Module(name, name), tuple(fields), tuple(f.name for f in fields[:1])),
    st.sampled_from(["Contacts", "Accounts", "HelpDesk", "AOS_Products", "Anything"]),
    st.lists(FIELD, max_size=14, unique_by=lambda f: f.name),
)
VALUE = st.one_of(
    st.none(), st.booleans(), st.sampled_from(["Acme", "a@b.example", "+44 20 7946 0000", "2024-02-29", "7"])
)


def seen_of(of: ModuleSchema, data: st.DataObject) -> dict[str, FieldProfile]:
    rows = data.draw(st.lists(st.fixed_dictionaries({f.name: VALUE for f in of.fields}), max_size=4))
    return profile(rows, of)


@settings(max_examples=150, deadline=None)
@given(SCHEMA, SCHEMA, st.data())
def test_any_two_modules_have_suggestions_that_can_be_carried_out(
    left: ModuleSchema, right: ModuleSchema, data: st.DataObject
) -> None:
    seen: Profiles = {"left": seen_of(left, data), "right": seen_of(right, data)}
    found = suggest(left, right, seen)
    assert found == suggest(left, right, seen)
    assert len({s.left for s in found}) == len({s.right for s in found}) == len(found)
    assert [s.confidence for s in found] == sorted((s.confidence for s in found), reverse=True)
    for s in found:
        one, other = left.field(s.left), right.field(s.right)
        assert one and other and other.editable and 0.5 <= s.confidence < 1 and s.reasons
        assert not is_secret_field(s.left) and not is_secret_field(s.right) and T.ID not in (one.type, other.type)


@settings(max_examples=100, deadline=None)
@given(SCHEMA, SCHEMA, st.data())
def test_for_both_directions_the_sides_may_change_places(
    left: ModuleSchema, right: ModuleSchema, data: st.DataObject
) -> None:
    one, other = seen_of(left, data), seen_of(right, data)
    there = suggest(left, right, {"left": one, "right": other}, targets=("left", "right"))
    back = suggest(right, left, {"left": other, "right": one}, targets=("left", "right"))
    assert {(s.left, s.right, s.confidence) for s in there} == {(s.right, s.left, s.confidence) for s in back}


@settings(max_examples=50, deadline=None)
@given(SCHEMA, SCHEMA, FIELD, FIELD, st.data())
def test_keys_and_values_are_found_for_anything(
    left: ModuleSchema, right: ModuleSchema, one: FieldSchema, other: FieldSchema, data: st.DataObject
) -> None:
    keys = suggest_match_key(left, right, {"left": seen_of(left, data), "right": seen_of(right, data)})
    assert all(not is_secret_field(name) for key in keys for pair in key.pairs for name in pair)
    values = suggest_values(one, other)
    assert len({v.left for v in values}) == len(values)
