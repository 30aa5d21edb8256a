"""How surely two records are one: measured against what a careful person says, and never out of bounds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.definition import Definition, Rule, Side
from portal.sync.matching.scores import OFFERED, SURE, Scored, score
from portal.sync.matching.traits import Traits, blocks, roles, traits

T = FieldType
TRUTH = yaml.safe_load(Path(__file__).with_name("match_truth.yaml").read_text())
PEOPLE = {
    "first": FieldSchema("firstname", "First Name", T.TEXT),
    "last": FieldSchema("lastname", "Last Name", T.TEXT),
    "company": FieldSchema("company", "Company", T.TEXT),
    "email": FieldSchema("email", "E-mail", T.EMAIL),
    "phone": FieldSchema("phone", "Phone", T.PHONE),
    "mobile": FieldSchema("mobile", "Mobile", T.PHONE),
    "city": FieldSchema("mailingcity", "City", T.TEXT),
}
COMPANIES = {
    "name": FieldSchema("accountname", "Account Name", T.TEXT),
    "website": FieldSchema("website", "Website", T.URL),
    "phone": FieldSchema("phone", "Phone", T.PHONE),
    "email": FieldSchema("email1", "E-mail", T.EMAIL),
    "city": FieldSchema("bill_city", "Billing City", T.TEXT),
    "vat": FieldSchema("vat_number", "VAT number", T.TEXT),
}
KINDS = {
    "person": ("Contacts", PEOPLE, ("firstname", "lastname")),
    "company": ("Accounts", COMPANIES, ("accountname",)),
}
NOTHING = Definition("m", Side("a", "A"), Side("b", "B"), "both")


def schema(kind: str) -> ModuleSchema:
    module, fields, labels = KINDS[kind]
    return ModuleSchema(Module(module, module), tuple(fields.values()), label_fields=labels)


def traits_of(kind: str, said: Mapping[str, str]) -> Traits:
    known = roles(NOTHING, {"left": schema(kind), "right": schema(kind)})["left"]
    return traits({KINDS[kind][1][name].name: value for name, value in said.items()}, known, "GB")


def judged() -> list[tuple[dict[str, Any], str, Scored]]:
    return [
        (pair, kind, score(traits_of(kind, pair["left"]), traits_of(kind, pair["right"])))
        for kind, pairs in TRUTH.items()
        for pair in pairs
    ]


@pytest.mark.parametrize("only_unseen", [False, True], ids=["all", "holdout"])
def test_what_may_be_accepted_at_once_is_right_and_most_of_what_is_right_is_in_it(only_unseen: bool) -> None:
    found = [(pair, scored.score) for pair, _kind, scored in judged() if pair.get("holdout") or not only_unseen]
    right = [pair for pair, _score in found if pair["same"]]
    bulk = [pair for pair, score in found if score >= SURE]
    kept = [pair for pair in bulk if pair["same"]]
    assert len(kept) / len(bulk) >= 0.95, [pair["why"] for pair in bulk if not pair["same"]]
    assert len(kept) / len(right) >= 0.8, [pair["why"] for pair in right if pair not in bulk]


def test_hardly_a_right_pair_is_not_offered_at_all() -> None:
    missed = [pair["why"] for pair, _kind, scored in judged() if pair["same"] and scored.score < OFFERED]
    assert len(missed) <= 1, missed


def test_every_right_pair_shares_a_block() -> None:
    for pair, kind, _scored in judged():
        if pair["same"]:
            one, other = traits_of(kind, pair["left"]), traits_of(kind, pair["right"])
            assert set(blocks(one)) & set(blocks(other)), pair["why"]


def test_a_field_that_only_one_side_names_means_what_its_rule_says() -> None:
    odd = ModuleSchema(Module("Contacts", "Contacts"), (FieldSchema("cf_901", "Wayfarer", T.TEXT),))
    rules = (Rule("cf_901", "phone"),)
    found = roles(
        Definition("m", Side("a", "A"), Side("b", "B"), "both", (), rules), {"left": odd, "right": schema("person")}
    )
    assert traits({"cf_901": "020 7946 0101"}, found["left"], "GB").phones == ("+442079460101",)


def test_generic_domains_and_company_forms_say_nothing() -> None:
    one = traits_of("company", {"name": "شرکت سهامی خاص", "email": "a@gmail.com"})
    assert (one.domains, score(one, traits_of("company", {"name": "GmbH", "email": "b@gmail.com"})).score) == ((), 0)


ANYTHING = st.text(max_size=12) | st.sampled_from(
    ["Ada", "A.", "ada@acme.example", "info@acme.example", "020 7946 0101", "شرکت"]
)
ANYTHING |= st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=3), max_size=2)
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(PEOPLE | COMPANIES, ANYTHING))


@given(RECORDS, RECORDS, st.sampled_from(["person", "company"]))
def test_a_score_is_the_same_both_ways_and_never_out_of_bounds(one: Any, other: Any, kind: str) -> None:
    left, right = (traits_of(kind, {n: v for n, v in r.items() if n in KINDS[kind][1]}) for r in (one, other))
    found = score(left, right)
    assert found == score(right, left)
    assert 0 <= found.score <= 100


@given(RECORDS, st.sampled_from(["person", "company"]))
def test_traits_outlive_being_kept_as_json(record: Any, kind: str) -> None:
    known = traits_of(kind, {n: v for n, v in record.items() if n in KINDS[kind][1]})
    kept = orjson.loads(orjson.dumps(tuple(known)))
    assert Traits.kept(kept) == known


def test_a_company_told_by_its_record_is_compared_by_its_name() -> None:
    reference = FieldSchema("account_id", "Account", T.REFERENCE, refers_to=("Accounts",))
    linked = ModuleSchema(Module("Contacts", "Contacts"), (PEOPLE["last"], reference))
    found = roles(NOTHING, {"left": linked, "right": schema("person")})
    one = traits({"lastname": "Kay", "account_id": "11x7"}, found["left"], "GB", {"11x7": "Kestrel Ltd"})
    other = traits({"lastname": "Kay", "company": "Kestrel"}, found["right"], "GB")
    assert "same_company" in score(one, other).reasons
