"""Lines of sales documents as one value: made whole, compared whole and in order, by rules for the fields of a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RecordInvalid
from connectors.types import JSON, Choice, FieldSchema, FieldType, Module, ModuleSchema
from connectors.values import Codec
from portal.connections.schema_diff import compare
from portal.mappings.check_rules import check_rules
from portal.mappings.compare import as_sent, comparable_of, is_made, is_spelled_anew
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.diff import rule_in_words
from portal.mappings.document import BadDocument, read_definition
from portal.mappings.export import mapping_document
from portal.mappings.findings import Known
from portal.mappings.hits import hits
from portal.mappings.tables import Table
from portal.mappings.transform import ABSENT, OTHER, Means, NoPartner, Place, awaited, carried, held

T = FieldType
ITEMS = FieldSchema(
    "items",
    "Items",
    T.LINES,
    lines=(
        FieldSchema("id", "Id", T.ID, editable=False),
        FieldSchema("product", "Product", T.REFERENCE, required=True, refers_to=("Products",)),
        FieldSchema("amount", "Amount", T.DECIMAL, required=True),
        FieldSchema("text", "Text", T.LONGTEXT),
        FieldSchema("tax", "Tax"),
    ),
)
ROWS = FieldSchema(
    "rows",
    "Rows",
    T.LINES,
    lines=(
        FieldSchema("article", "Article", T.REFERENCE, required=True, refers_to=("Articles",)),
        FieldSchema("quantity", "Quantity", T.INTEGER),
        FieldSchema("note", "Note", max_length=10),
        FieldSchema("taxclass", "Tax class"),
    ),
)
PRODUCT = Rule("product", "article", "reference", mapping="products")
AMOUNT = Rule("amount", "quantity")
NOTE = Rule("text", "note", compare="case")
TAX = Rule("", "taxclass", "value", value="Standard")
LINES = Rule("items", "rows", "lines", lines=(PRODUCT, AMOUNT, NOTE, TAX), uuid="u")
GB = ("GB", "GB")


def means(partner: dict[str, str] | None = None, **more: Any) -> Means:
    known = {"p1": "a1", "p2": "a2"} if partner is None else partner
    back = {there: here for here, there in known.items()}
    places = {
        side: Place(ModuleSchema(Module(side, side), (field,))) for side, field in (("left", ITEMS), ("right", ROWS))
    }
    knows = lambda mapping, side, id: (known if side == "left" else back).get(id)  # noqa: E731
    return Means(places, partner=knows, **more)  # type: ignore[arg-type]


def line(product: str | None, amount: str, **more: JSON) -> dict[str, JSON]:
    return {"id": "7", "product": product, "amount": amount, "text": None, **more}


def made(*lines: JSON, rule: Rule = LINES, **more: Any) -> JSON:
    return carried(rule, {"items": list(lines)}, "left", means(**more))


def test_every_line_is_made_by_its_rules_in_the_order_of_the_list() -> None:
    assert made(line("p2", "3", text="Blue"), line("p1", "12")) == [
        {"article": "a2", "quantity": "3", "note": "Blue", "taxclass": "Standard"},
        {"article": "a1", "quantity": "12", "note": None, "taxclass": "Standard"},
    ]


def test_the_same_rules_carry_lines_back() -> None:
    back = carried(
        LINES, {"rows": [{"article": "a1", "quantity": "3", "note": "x", "taxclass": "Zero"}]}, "right", means()
    )
    assert back == [{"product": "p1", "amount": "3", "text": "x"}]


@pytest.mark.parametrize(("values", "expected"), [({}, ABSENT), ({"items": None}, None), ({"items": []}, None)])
def test_a_list_that_did_not_come_is_no_empty_list(values: dict[str, JSON], expected: JSON) -> None:
    assert carried(LINES, values, "left", means()) is expected
    assert held(LINES, values, "left", means()) in (ABSENT, None)


def test_all_that_is_wrong_is_told_with_the_number_of_its_line() -> None:
    with pytest.raises(RecordInvalid) as refused:
        made(line("p1", "1.5"), line("p1", "2"), line("p2", "3", text="far too long a text"), line(None, "4"))
    told = refused.value.fields["rows"]
    assert "Line 1: “Quantity” must be a whole number" in told and "Line 2" not in told
    assert "Line 3: “Note” may have at most 10 characters" in told
    assert "Line 4: “Article” is required there and empty here." in told


def test_a_product_without_a_partner_is_waited_for_and_named() -> None:
    with pytest.raises(NoPartner) as waits:
        made(line("p1", "1"), line("p9", "2"))
    assert awaited(waits.value) == {"rows": {"mapping": "products", "id": "p9"}}
    assert "Line 2" in waits.value.fields["rows"]


def test_what_is_wrong_besides_a_missing_partner_is_not_waited_for() -> None:
    with pytest.raises(RecordInvalid) as refused:
        made(line("p9", "1.5"))
    assert not isinstance(refused.value, NoPartner)


def test_values_of_lines_go_through_value_tables_and_expressions() -> None:
    by_table = Rule("tax", "taxclass", table="taxes")
    text = Rule("", "note", "expression", expression="{{ amount }}")
    rule = Rule("items", "rows", "lines", lines=(PRODUCT, by_table, text))
    more: dict[str, Any] = {
        "tables": {"taxes": Table("taxes", (("VAT", "Standard"),))},
        "evaluate": lambda text, values, place, lookup: f"{values['amount']} pcs",
        "reads": lambda text: frozenset({"amount"}),
    }
    assert made(line("p1", "2", tax="VAT"), rule=rule, **more) == [
        {"article": "a1", "taxclass": "Standard", "note": "2 pcs"}
    ]
    held_now = held(rule, {"items": [line("p1", "2", tax="VAT")]}, "left", means(**more))
    assert held_now == [{"product": "p1", "tax": "VAT", "=note": "2 pcs"}]  # a changed outcome is a change


def test_an_entry_that_a_list_of_lines_lacks_is_refused_not_added() -> None:
    choices = replace(
        ROWS, lines=(*ROWS.lines[:3], replace(ROWS.lines[3], type=T.CHOICE, choices=(Choice("Zero", "Zero"),)))
    )
    places = {"left": means().places["left"], "right": Place(ModuleSchema(Module("r", "R"), (choices,)), appends=True)}
    adding = replace(means(tables={"taxes": Table("taxes", (), "append")}), places=places)  # type: ignore[arg-type]
    rule = replace(LINES, lines=(PRODUCT, AMOUNT, Rule("tax", "taxclass", table="taxes")))
    with pytest.raises(RecordInvalid, match="Line 1: “Tax class” has no entry “VAT”"):
        carried(rule, {"items": [line("p1", "2", tax="VAT")]}, "left", adding)


def test_only_what_a_rule_is_about_is_held() -> None:
    one, other = ({"items": [line("p1", "2", id=id, total="19")]} for id in ("33x1", "33x7"))
    assert held(LINES, one, "left", means()) == held(LINES, other, "left", means())
    assert held(LINES, one, "left", means()) == [
        {"product": "p1", "amount": "2", "text": None, "=taxclass": "Standard"}
    ]


def compared(lines: list[JSON]) -> JSON:
    return comparable_of(LINES, held(LINES, {"items": lines}, "left", means()), "left")


def test_lines_are_compared_each_field_as_its_rule_says_and_their_order_counts() -> None:
    one, two = line("p1", "1", text="Blue"), line("p2", "2")
    assert compared([one, two]) == compared([{**one, "text": " BLUE "}, two])
    assert compared([one, two]) != compared([two, one])
    assert compared([one, two]) != compared([one])
    assert compared([one, two]) != compared([one, {**two, "amount": "3"}])


def test_what_was_made_is_there_already_whatever_else_the_lines_hold() -> None:
    values = made(line("p1", "2"))
    there = held(LINES, {"rows": [{**values[0], "lineid": "5", "total": "19"}]}, "right", means())
    assert is_made(LINES, values, there, "right", GB)
    assert not is_made(LINES, values, [*there, *there], "right", GB)
    assert not is_made(LINES, ABSENT, there, "right", GB) and not is_made(LINES, values, None, "right", GB)


def test_of_a_stored_list_only_what_was_sent_is_looked_at() -> None:
    sent = [{"article": "a1", "quantity": "2"}]
    stored = [{"article": "a1", "quantity": "2", "lineid": "5"}]
    assert as_sent(sent, stored) == sent
    assert as_sent(sent, [*stored, *stored]) != sent
    assert as_sent("x", "y") == "y" and as_sent(sent, None) is None
    assert is_spelled_anew([{"a": "1", "note": "longer"}], [{"a": "1", "note": "long"}])
    assert not is_spelled_anew([{"a": "1"}], [{"a": "2"}]) and not is_spelled_anew(
        [{"a": "1"}], [{"a": "1"}, {"a": "1"}]
    )


DOCUMENT = {
    "name": "orders",
    "left": {"connection": "north", "module": "Orders"},
    "right": {"connection": "south", "module": "Sales"},
    "direction": "both",
    "match": [{"left": "number", "right": "number"}],
    "fields": [
        {
            "left": "items",
            "right": "rows",
            "lines": [
                {"left": "product", "right": "article", "mapping": "products"},
                {"left": "amount", "right": "quantity", "compare": "number"},
                {"right": "taxclass", "value": "Standard"},
            ],
        }
    ],
}


def test_a_document_of_rules_for_lines_is_read_and_exported_unchanged() -> None:
    definition = read_definition(DOCUMENT, "mappings[0]")
    [rule] = definition.rules
    assert (rule.source, [line.source for line in rule.lines]) == ("lines", ["reference", "field", "value"])
    assert mapping_document(definition) == DOCUMENT


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ({"left": "product", "right": "article", "may_clear": True}, "lines[0]"),
        ({"left": "product"}, "lines[0]"),
        ({"left": "a", "right": "b", "lines": []}, "lines[0]"),
    ],
)
def test_a_wrong_rule_of_a_line_is_refused_with_its_place(line: JSON, place: str) -> None:
    document = {**DOCUMENT, "fields": [{"left": "items", "right": "rows", "lines": [line]}]}
    with pytest.raises(BadDocument) as refused:
        read_definition(document, "mappings[0]")
    assert refused.value.place.endswith(place)


def test_rules_of_lines_are_told_in_words_and_found_by_who_asks_for_every_rule() -> None:
    words = rule_in_words(LINES, "both")
    assert words.startswith("items ⇄ rows (each line: product ⇄ article (linked by “products”), amount ⇄ quantity")
    definition = Definition("orders", Side("n", "O"), Side("s", "S"), "both", rules=(LINES,))
    assert {rule.mapping for rule in definition.every_rule if rule.mapping} == {"products"}


SCHEMAS = {side: means().places[side].schema for side in OTHER}
ORDERS = Definition("orders", Side("n", "O"), Side("s", "S"), "left-to-right", (), (LINES,))
KNOWN = Known(mappings={"products": (Side("n", "Products"), Side("s", "Articles"))})


def found(rule: Rule, **changes: Any) -> list[tuple[str, str]]:
    definition = replace(ORDERS, rules=(rule,), **changes)
    return [(f.place, str(f.text)) for f in check_rules(definition, SCHEMAS, KNOWN)]


def test_a_good_rule_for_lines_warns_of_nothing_but_that_lists_are_written_whole() -> None:
    for direction in ("left-to-right", "both"):
        [(place, text)] = found(LINES, direction=direction)
        assert place == "fields[0].lines" and "deleted for good" in text


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        (Rule("items", "rows"), "fields[0].right", "of the kind “lines”"),
        (replace(LINES, lines=()), "fields[0].lines", "say what becomes"),
        (replace(LINES, lines=(AMOUNT,)), "fields[0].lines", "required of each line of right"),
        (replace(LINES, lines=(PRODUCT, Rule("colour", "note"))), "fields[0].lines[1].left", "no field “colour”"),
        (replace(LINES, lines=(Rule("product", "article"),)), "fields[0].lines[0].right", "linked record"),
        (replace(LINES, lines=(replace(PRODUCT, mapping="x"),)), "fields[0].lines[0].mapping", "no mapping “x”"),
        (replace(LINES, lines=(PRODUCT, NOTE, Rule("tax", "note"))), "fields[0].lines[2].right", "lines[1] already"),
    ],
)
def test_what_is_wrong_with_a_rule_for_lines_is_told_at_its_place(rule: Rule, place: str, words: str) -> None:
    told = [text for at, text in found(rule) if at == place]
    assert any(words in text for text in told)


def test_what_only_the_server_sets_of_a_line_cannot_be_written() -> None:
    back = found(replace(LINES, lines=(PRODUCT, AMOUNT, Rule("id", "note"))), direction="right-to-left")
    assert ("fields[0].lines[2].left", "“id” (Id) can only be read in that CRM.") in back


AMOUNTS = st.integers(min_value=0, max_value=10**6).map(str)
TEXTS = st.none() | st.from_regex("[a-z0-9]{1,8}", fullmatch=True)
LISTS = st.lists(
    st.builds(
        lambda product, amount, text: line(product, amount, text=text), st.sampled_from(["p1", "p2"]), AMOUNTS, TEXTS
    ),
    min_size=1,
    max_size=6,
)


@given(LISTS)
def test_lines_that_go_over_and_come_back_are_what_they_were(lines: list[JSON]) -> None:
    there = carried(LINES, {"items": lines}, "left", means())
    back = carried(LINES, {"rows": there}, "right", means())
    assert back == [{name: part for name, part in one.items() if name != "id"} for one in lines]


@given(LISTS, LISTS)
def test_two_lists_count_as_equal_exactly_when_what_is_made_of_them_is(one: list[JSON], other: list[JSON]) -> None:
    rule = Rule("items", "rows", "lines", lines=(PRODUCT, AMOUNT, Rule("text", "note")))
    lists = [held(rule, {"items": lines}, "left", means()) for lines in (one, other)]
    is_equal = comparable_of(rule, lists[0], "left") == comparable_of(rule, lists[1], "left")
    assert is_equal == (made(*one, rule=rule) == made(*other, rule=rule))


@given(LISTS)
def test_lines_survive_the_codec_of_a_field_of_lines(lines: list[JSON]) -> None:
    codec = Codec()
    sent = codec.encode(ROWS, made(*lines))
    assert codec.decode(ROWS, sent) == made(*lines)


def test_a_field_of_a_line_that_is_gone_stops_the_mapping_and_names_the_rule() -> None:
    before, after = SCHEMAS["right"], replace(SCHEMAS["right"], fields=(replace(ROWS, lines=ROWS.lines[:1]),))
    found = hits(ORDERS, "right", compare(before, after, believed=True), before, after, lambda text: ())
    broken = {hit.change.field: hit.places for hit in found if hit.breaks}
    assert set(broken) == {"rows.quantity", "rows.note", "rows.taxclass"}
    assert "of its lines" in broken["rows.quantity"][0]
