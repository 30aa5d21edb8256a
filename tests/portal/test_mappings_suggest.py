"""Suggestions: measured against what careful people map (`suggest_truth.yaml`), and what is never offered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import OFFERED, connect
from connectors.context import Context
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from connectors.types import FieldSchema, FieldType, Module, ModuleSchema, Values
from connectors.wording import Text
from portal.mappings.likeness import Side
from portal.mappings.meaning import joined
from portal.mappings.suggest import Profiles, suggest, suggest_match_key, suggest_modules
from portal.mappings.terms import COUNTRIES, FIELDS, MODULES, QUALIFIERS, SYSTEM, VALUES
from portal.records.profile import profile
from tests.connectors.every_vendor import RULES

TRUTH = yaml.safe_load((Path(__file__).parent / "suggest_truth.yaml").read_text())
Read = Callable[..., tuple[ModuleSchema, list[Values]]]
T = FieldType


def schema(module: str, *fields: FieldSchema, label_fields: tuple[str, ...] = ()) -> ModuleSchema:
    return ModuleSchema(Module(module, module), fields, label_fields)


def pairs(left: ModuleSchema, right: ModuleSchema, profiles: Profiles | None = None, **asked: Any) -> dict[str, str]:
    return {s.left: s.right for s in suggest(left, right, profiles or {}, **asked)}


def pair_of(left: ModuleSchema, right: ModuleSchema) -> tuple[tuple[Side, ModuleSchema], tuple[Side, ModuleSchema]]:
    return ("left", left), ("right", right)


# Measured


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """Return a function from "vendor/module" to the fields a simulated server tells, and some of its records."""
    with Sandbox(OFFERED, records=60) as sandbox:
        kept: dict[tuple[str, str], tuple[ModuleSchema, list[Values]]] = {}

        def of(place: str, language: str = "") -> tuple[ModuleSchema, list[Values]]:
            if (place, language) not in kept:
                vendor, _, module = place.partition("/")
                given = {**sandbox.credentials[vendor], **({"language": language} if language else {})}
                crm = connect(vendor, given, given, Context(network=RULES))
                records = crm.read(module, Query(limit=100)).records
                kept[place, language] = crm.describe(module), [r.values for r in records]
                crm.close()
            return kept[place, language]

        yield of


def side(read: Read, pair: Mapping[str, Any], which: str) -> tuple[ModuleSchema, list[Values]]:
    place = pair[which]
    if "/" not in place:
        told = (line.split(", ") for line in pair["fields"])
        fields = (FieldSchema(name, label, T(type), refers_to=tuple(to)) for name, label, type, *to in told)
        return schema(pair["right"].partition("/")[2], *fields, label_fields=("firstname", "lastname")), []
    return read(place, pair.get("language", "") if place.startswith("sarvcrm") else "")


def measured(read: Read, section: str, with_values: bool) -> tuple[float, float]:
    """Print a line for every pair of modules; return which share of what was offered is right, and of what there is was found."""
    totals = [0, 0, 0]
    for pair in TRUTH[section]:
        (left, lefts), (right, rights) = side(read, pair, "left"), side(read, pair, "right")
        profiles: Profiles = {"left": profile(lefts, left), "right": profile(rights, right)} if with_values else {}
        truth, may = set(pair["pairs"].items()), set(pair.get("may", {}).items())
        assert all(left.field(one) and right.field(other) for one, other in truth | may), "a field that is not there"
        offered = set(pairs(left, right, profiles).items()) - may
        counts = len(offered), len(offered & truth), len(truth)
        print(f"{pair['left']:28}{pair['right']:24} offered {counts[0]:3}  right {counts[1]:3}  of {counts[2]:3}")
        for wrong in sorted(offered - truth):
            print("    wrong:", *wrong)
        for missed in sorted(truth - offered):
            print("    missed:", *missed)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    precision, recall = totals[1] / totals[0], totals[1] / totals[2]
    print(f"{section}, {'with' if with_values else 'without'} values: {precision:.1%} right, {recall:.1%} found")
    return precision, recall


@pytest.mark.parametrize("section", ["pairs", "holdout"])
@pytest.mark.parametrize("with_values", [False, True], ids=["by names", "by names and values"])
def test_nine_of_ten_offers_are_right_and_eight_of_ten_pairs_are_found(
    read: Read, section: str, with_values: bool
) -> None:
    precision, recall = measured(read, section, with_values)
    assert precision >= 0.90 and recall >= 0.80


def test_both_ways_are_offered_what_both_sides_can_hold(read: Read) -> None:
    (left, _), (right, _) = read("vtiger/Contacts"), read("sarvcrm/Contacts", "fa_IR")
    found = suggest(left, right, targets=("left", "right"))
    assert len(found) > 15
    for pair in found:
        assert (one := left.field(pair.left)) and (other := right.field(pair.right)) and one.editable and other.editable


def test_two_schemas_of_150_fields_are_compared_in_half_a_second() -> None:
    words = [line.partition("=")[2].split("|")[-1] for line in FIELDS.split()]
    names = [*words, *(f"{word}_of_it_{n}" for n, word in enumerate(words))][:150]
    left = schema("Contacts", *(FieldSchema(f"a_{n}_{name}", name) for n, name in enumerate(names)))
    right = schema("People", *(FieldSchema(f"b_{n}_{name}", name.upper()) for n, name in enumerate(names)))
    seen: Profiles = {
        side: profile(({f.name: f"{f.label.lower()[:9]} {n}" for f in of.fields} for n in range(200)), of)
        for side, of in pair_of(left, right)
    }
    began = time.process_time()
    assert suggest(left, right, seen)
    assert time.process_time() - began < 0.5


# What is offered, and what never


def test_a_suggestion_says_why_in_sentences_that_can_be_translated() -> None:
    left, right = (
        schema("Contacts", FieldSchema("jobtitle", "Job title")),
        schema("Contacts", FieldSchema("x", "Position")),
    )
    (found,) = suggest(left, right)
    assert found.confidence >= 0.5
    assert [str(reason) for reason in found.reasons] == ["“Job title” and “Position” are two names of the same"]
    assert all(isinstance(reason, Text) for reason in found.reasons)


def test_a_persian_label_is_understood_with_arabic_letters_too() -> None:
    left = schema("Contacts", FieldSchema("field_1", "شركت"), FieldSchema("field_2", "پست الكترونيكي"))
    right = schema("Leads", FieldSchema("company", "Company"), FieldSchema("email", "E-mail", T.EMAIL))
    assert pairs(left, right) == {"field_1": "company", "field_2": "email"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("shipping_city", "billing_city"),
        ("other_phone", "home_phone"),
        ("email2", "email1"),
        ("active", "discontinued"),
        ("start_date", "end_date"),
        ("first_name", "last_name"),
        ("cf_901", "cf_901"),
        ("buy_price", "sell_price"),
    ],
)
def test_what_is_nearly_the_same_is_not(left: str, right: str) -> None:
    assert pairs(schema("Any", FieldSchema(left, left)), schema("Any", FieldSchema(right, right))) == {}


def test_the_opposite_under_the_same_name_is_not_offered() -> None:
    left = schema("Products", FieldSchema("discontinued", "Discontinued", T.BOOLEAN))
    right = schema("Products", FieldSchema("discontinued", "Product Active", T.BOOLEAN))
    assert pairs(left, right) == {}


def test_a_field_that_cannot_be_written_is_read_from_but_not_written() -> None:
    can, cannot = FieldSchema("company", "Company"), FieldSchema("account_name", "Account", editable=False)
    assert pairs(schema("Leads", cannot), schema("Leads", can)) == {"account_name": "company"}
    assert pairs(schema("Leads", can), schema("Leads", cannot)) == {}


def test_a_reference_is_offered_only_what_refers_to_the_same_kind_of_record() -> None:
    left = schema("Quotes", FieldSchema("related", "Related", T.REFERENCE, refers_to=("Organizations",)))
    right = schema("Quotes", FieldSchema("related", "Related", T.REFERENCE, refers_to=("contacts",)))
    same = schema("Quotes", FieldSchema("accountid", "Company", T.REFERENCE, refers_to=("company",)))
    assert pairs(left, right) == {} and pairs(left, same) == {"related": "accountid"}


def test_fields_without_a_word_meet_by_their_values() -> None:
    left, right = schema("Any", FieldSchema("cf_1", "Cf 1")), schema("Any", FieldSchema("cf_7", "Cf 7"))
    plants = [f"Plant {n}" for n in range(40)]
    seen: Profiles = {
        "left": profile(({"cf_1": p} for p in plants), left),
        "right": profile(({"cf_7": p.upper()} for p in plants[2:]), right),
    }
    assert pairs(left, right) == {}
    (found,) = suggest(left, right, seen)
    assert found.reasons == ("about 100 % of the values are the same",)


def test_a_text_that_holds_no_numbers_of_phones_is_less_surely_a_phone() -> None:
    left, right = schema("Any", FieldSchema("phone", "Phone")), schema("Any", FieldSchema("phone", "Phone", T.PHONE))
    words: Profiles = {"left": profile(({"phone": p} for p in ("yes", "no", "maybe", "ask")), left)}
    assert suggest(left, right) and not suggest(left, right, words)


def test_what_is_taken_is_offered_no_other_partner() -> None:
    left = schema("Contacts", FieldSchema("email", "E-mail", T.EMAIL), FieldSchema("phone", "Phone", T.PHONE))
    right = schema("Contacts", FieldSchema("email1", "E-mail", T.EMAIL), FieldSchema("phone", "Phone", T.PHONE))
    assert pairs(left, right, taken=[("phone", "email1")]) == {}
    assert pairs(left, right, taken=[("phone", "phone")]) == {"email": "email1"}


# Keys and modules, of real ones


def test_real_contacts_are_recognised_by_their_e_mail(read: Read) -> None:
    (left, lefts), (right, rights) = read("vtiger/Contacts"), read("sarvcrm/Contacts", "fa_IR")
    seen: Profiles = {"left": profile(lefts, left), "right": profile(rights, right)}
    assert suggest_match_key(left, right, seen)[0].pairs == (("email", "email1"),)
    assert suggest_match_key(left, right)[0].pairs == (("email", "email1"),)


def test_real_modules_find_their_partners(read: Read) -> None:
    names = {
        "vtiger": ["Contacts", "Accounts", "Leads", "HelpDesk", "Potentials", "Products", "Quotes", "Users"],
        "sarvcrm": ["AOS_Quotes", "AOS_Products", "Accounts", "Cases", "Contacts", "Leads", "Opportunities"],
        "opencrm": ["company", "contact", "lead", "opportunity", "product", "quote", "ticket"],
    }
    found = {
        other: {
            s.left: s.right for s in suggest_modules(*([Module(n, n) for n in names[v]] for v in ("vtiger", other)))
        }
        for other in ("sarvcrm", "opencrm")
    }
    assert found["sarvcrm"] == {
        "Contacts": "Contacts", "Accounts": "Accounts", "Leads": "Leads", "HelpDesk": "Cases",
        "Potentials": "Opportunities", "Products": "AOS_Products", "Quotes": "AOS_Quotes",
    }  # fmt: skip
    assert found["opencrm"] == {
        "Contacts": "contact", "Accounts": "company", "Leads": "lead", "HelpDesk": "ticket",
        "Potentials": "opportunity", "Products": "product", "Quotes": "quote",
    }  # fmt: skip


# The table of terms


def test_no_word_has_two_meanings() -> None:
    for text in (FIELDS, MODULES, QUALIFIERS, VALUES, COUNTRIES):
        meant: dict[str, set[str]] = {}
        for line in text.split():
            for word in line.partition("=")[2].split("|"):
                meant.setdefault(joined(word), set()).add(line)
        assert [word for word, lines in meant.items() if len(lines) > 1] == []
    assert {line.partition("=")[0] for line in FIELDS.split()} >= SYSTEM
