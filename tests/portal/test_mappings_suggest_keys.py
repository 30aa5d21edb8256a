"""By what records recognise each other, which modules meet by their labels, and which entries of pick lists are the same."""

from __future__ import annotations

from typing import Any

from django.utils.translation import override

from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema, Values
from portal.mappings import countries
from portal.mappings.suggest import suggest_match_key, suggest_modules, suggest_values
from portal.records.profile import profile

T = FieldType


def schema(module: str, *fields: FieldSchema) -> ModuleSchema:
    return ModuleSchema(Module(module, module), fields)


# Match keys


def people(*emails: str | None) -> list[Values]:
    return [{"first": f"F{n}", "last": "Lee", "mail": mail, "tel": f"020794600{n:02}"} for n, mail in enumerate(emails)]


LEFT = schema(
    "Contacts", FieldSchema("mail", "E-mail", T.EMAIL), FieldSchema("tel", "Phone", T.PHONE),
    FieldSchema("first", "First name"), FieldSchema("last", "Last name"), FieldSchema("org", "Company"),
    FieldSchema("boss", "Reports to", T.REFERENCE), FieldSchema("accesskey", "Access key"),
)  # fmt: skip


def test_an_e_mail_is_a_better_key_than_a_phone_and_a_phone_than_names() -> None:
    found = [key.pairs for key in suggest_match_key(LEFT, LEFT)]
    assert found[0] == (("mail", "mail"),) and found[1] == (("tel", "tel"),)
    assert found[2] == (("first", "first"), ("last", "last"), ("org", "org"))
    assert all("accesskey" not in pair and "boss" not in pair for key in found for pair in key)


def test_an_e_mail_that_is_empty_or_shared_is_no_good_key() -> None:
    seen = profile(people("a@b.example", None, None, None, "a@b.example", "c@b.example"), LEFT)
    (best, *others) = suggest_match_key(LEFT, LEFT, {"left": seen, "right": seen})
    assert best.pairs == (("tel", "tel"),) and "filled in 100 % of the records" in best.reasons
    assert (("mail", "mail"),) not in [key.pairs for key in others][:1]


# Modules


def test_a_module_of_ones_own_finds_its_namesake_by_its_label() -> None:
    one, other = Module("cm_17", "Cheese wheels"), Module("CheeseWheel", "Cheese wheel")
    assert [(s.left, s.right) for s in suggest_modules([one, Module("x", "Milk")], [other])] == [
        ("cm_17", "CheeseWheel")
    ]


# Entries of pick lists


def listed(*entries: str, type: FieldType = T.CHOICE, **labels: str) -> FieldSchema:
    told = (Choice(e, e) for e in entries)
    return FieldSchema("x", "X", type, choices=(*told, *(Choice(value, label) for value, label in labels.items())))


def found_values(left: FieldSchema, right: FieldSchema, **asked: Any) -> dict[Any, Any]:
    return {v.left: v.right for v in suggest_values(left, right, **asked)}


def test_entries_meet_by_value_label_and_word() -> None:
    left = listed("New", "Closed Won", "Web", "Word of mouth", "Purple")
    right = listed("Web Site", "Referral", "Won", "Lost", n1="new")
    assert found_values(left, right) == {
        "New": "n1", "Closed Won": "Won", "Web": "Web Site", "Word of mouth": "Referral"
    }  # fmt: skip
    assert found_values(listed("زياد", "کم"), listed("High", "Low")) == {"زياد": "High", "کم": "Low"}


def test_owners_meet_by_name_in_any_order() -> None:
    left = listed(type=T.OWNER, **{"19x1": "Sara Karimi", "19x5": "Nobody Else"})
    right = listed(type=T.OWNER, u7="Karimi Sara", u8="Emil Brown")
    assert found_values(left, right) == {"19x1": "u7"}


def test_countries_meet_by_code_and_name_in_any_language() -> None:
    with override("fa"):
        spellings = countries.spellings()
    left, right = listed("DE", "UK", "USA", "Iran", "FR"), listed("Germany", "GB", "United States", "ایران", "France")
    assert found_values(left, right, countries=spellings) == {
        "DE": "Germany", "UK": "GB", "USA": "United States", "Iran": "ایران", "FR": "France"
    }  # fmt: skip


def test_without_a_pick_list_the_most_frequent_values_are_taken() -> None:
    text, choices = FieldSchema("x", "X"), listed("Berlin", "London")
    seen = profile([{"x": "london"}, {"x": "Rome"}, {"x": "London"}], schema("Any", text))["x"]
    assert found_values(text, choices, profiles={"left": seen}) == {"London": "London", "london": "London"}


def test_yes_and_no_meet_a_pick_list() -> None:
    assert found_values(FieldSchema("x", "X", T.BOOLEAN), listed("Yes", "No")) == {True: "Yes", False: "No"}
