"""The decision table: what happened on each side, and what is done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.types import JSON, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.transform import Means, Place
from portal.sync.cases import Action, Lone, Pair, Seen, Terms
from portal.sync.merge import UNSURE
from portal.sync.plan import plan

FIELDS = (
    FieldSchema("email", "E-mail", FieldType.EMAIL),
    FieldSchema("name", "Name", required=True, max_length=10),
    FieldSchema("city", "City"),
    FieldSchema("age", "Age", FieldType.INTEGER),
)
NOW = "2026-03-01T12:00:00+00:00"
ABSENT = "absent"
GONE = "gone"


def terms(direction: str = "left-to-right", policy: str = "left", deletes: str = "ignore", **rule: Any) -> Terms:
    """One rule on “city”, besides e-mail and name. `can` are flags of both modules."""
    module = Module("People", "People", **rule.pop("can", {}))
    schema = ModuleSchema(module, rule.pop("fields", FIELDS))
    rules = (Rule("email", "email", uuid="e"), Rule("name", "name", uuid="n"), Rule("city", "city", uuid="c", **rule))
    sides = Side("north", "People"), Side("south", "People")
    definition = Definition(
        "people", *sides, direction, (("email", "email"),), rules, conflict_policy=policy, delete_policy=deletes
    )
    return Terms(definition, Means({"left": Place(schema), "right": Place(schema)}), NOW)


def seen(
    id: str, city: JSON = "X", *, modified: str = "", deleted: str = "", inside: bool = True, **other: JSON
) -> Seen:
    values = {"email": "a@b.c", "name": "Ada", "city": city, **other}
    values = {name: value for name, value in values.items() if value != ABSENT}
    key = (str(values["email"]),) if values.get("email") else None
    return Seen(id, values, 1, modified, deleted, inside, key)


def pair(left: JSON, right: JSON, base: tuple[JSON, JSON] | None, **times: str) -> Pair:
    """A linked pair; GONE is a deleted record, base None is a rule that never agreed."""
    records = [
        seen(id, "X" if city == GONE else city, deleted="gone" if city == GONE else "", modified=times.get(id, ""))
        for id, city in (("L", left), ("R", right))
    ]
    agreed: dict[str, Any] = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada")}
    return Pair(7, *records, agreed if base is None else agreed | {"c": base})


def told(actions: tuple[Action, ...]) -> list[str]:
    """Each action as words: “update right city=Y”, “conflict right both_changed”, “skip right agreed c=[Y, Y]”."""
    return [
        " ".join(
            [
                action.kind,
                action.side,
                *([action.reason] if action.reason else []),
                *(f"{name}={value}" for name, value in action.values.items()),
            ]
        )
        for action in actions
    ]


TO_RIGHT, TO_LEFT, BOTH = "left-to-right", "right-to-left", "both"
# direction, left now, right now, base -> what is done
TABLE: list[tuple[str, JSON, JSON, tuple[JSON, JSON] | None, list[str]]] = [
    # nobody changed anything: nothing, even where the two differ
    (TO_RIGHT, "X", "X", ("X", "X"), []),
    (TO_RIGHT, "X", "x!", ("X", "x!"), []),
    (BOTH, "X", "x!", ("X", "x!"), []),
    # only the left changed
    (TO_RIGHT, "Y", "X", ("X", "X"), ["update right city=Y"]),
    (BOTH, "Y", "X", ("X", "X"), ["update right city=Y"]),
    (TO_LEFT, "Y", "X", ("X", "X"), []),
    # only the right changed
    (TO_RIGHT, "X", "Y", ("X", "X"), []),
    (TO_LEFT, "X", "Y", ("X", "X"), ["update left city=Y"]),
    (BOTH, "X", "Y", ("X", "X"), ["update left city=Y"]),
    # both changed alike
    (TO_RIGHT, "Y", "Y", ("X", "X"), ["skip right agreed"]),
    (TO_LEFT, "Y", "Y", ("X", "X"), ["skip left agreed"]),
    (BOTH, "Y", "Y", ("X", "X"), ["skip right agreed"]),
    # both changed differently: one way the source wins, both ways the policy (here: left)
    (TO_RIGHT, "Y", "Z", ("X", "X"), ["update right city=Y"]),
    (TO_LEFT, "Y", "Z", ("X", "X"), ["update left city=Z"]),
    (BOTH, "Y", "Z", ("X", "X"), ["update right city=Y"]),
    # emptied: erases nothing unless the rule says so
    (TO_RIGHT, None, "X", ("X", "X"), []),
    (TO_LEFT, "X", None, ("X", "X"), []),
    (BOTH, None, "X", ("X", "X"), []),
    # not carried by the answer: no change
    (TO_RIGHT, ABSENT, "X", ("X", "X"), []),
    (TO_RIGHT, "Y", ABSENT, ("X", "X"), ["update right city=Y"]),
    (BOTH, ABSENT, "Y", ("X", "X"), []),
    # never agreed before: equal agrees, an empty side is filled, else the source or the policy
    (TO_RIGHT, "X", "X", None, ["skip right agreed"]),
    (TO_RIGHT, "X", None, None, ["update right city=X"]),
    (TO_RIGHT, None, "X", None, []),
    (BOTH, None, "X", None, ["update left city=X"]),
    (BOTH, "X", None, None, ["update right city=X"]),
    (TO_RIGHT, "X", "Y", None, ["update right city=X"]),
    (BOTH, "X", "Y", None, ["update right city=X"]),
    (TO_RIGHT, None, None, None, ["skip right agreed"]),
    # what only looks different is equal
    (TO_RIGHT, "a\r\nb ", "a\nb", ("X", "X"), ["skip right agreed"]),
    # deleted
    (TO_RIGHT, GONE, "X", ("X", "X"), []),
    (TO_RIGHT, "X", GONE, ("X", "X"), ["blocked right target_gone"]),
    (TO_LEFT, GONE, "X", ("X", "X"), ["blocked left target_gone"]),
    (BOTH, "X", GONE, ("X", "X"), []),
    (BOTH, "Y", GONE, ("X", "X"), ["blocked right target_gone"]),
    (BOTH, GONE, "Y", ("X", "X"), ["blocked left target_gone"]),
    (BOTH, GONE, GONE, ("X", "X"), ["skip right both_gone"]),
    (TO_RIGHT, GONE, GONE, ("X", "X"), ["skip right both_gone"]),
]


@pytest.mark.parametrize(("direction", "left", "right", "base", "expected"), TABLE)
def test_what_is_done_about_a_linked_pair(
    direction: str, left: JSON, right: JSON, base: tuple[JSON, JSON] | None, expected: list[str]
) -> None:
    assert told(plan(pair(left, right, base), terms(direction))) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("left", ["update right city=Y"]),
        ("right", ["update left city=Z"]),
        ("newest", ["update left city=Z"]),
        ("ask", ["conflict right both_changed"]),
    ],
)
def test_both_changed_differently_is_decided_by_the_policy(policy: str, expected: list[str]) -> None:
    case = pair("Y", "Z", ("X", "X"), L="2026-03-01T10:00:00Z", R="2026-03-01T11:00:00Z")
    assert told(plan(case, terms(BOTH, policy))) == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:01:59Z"),  # too close
        ("2026-03-01T10:00:00Z", "2026-03-01T13:00:00Z"),  # in the future
        ("2026-03-01T10:00:00Z", ""),  # not told
    ],
)
def test_newest_asks_where_the_times_say_nothing(left: str, right: str) -> None:
    case = pair("Y", "Z", ("X", "X"), L=left, R=right)
    assert told(plan(case, terms(BOTH, "newest"))) == ["conflict right both_changed"]


def test_the_policy_of_a_rule_comes_before_the_mappings() -> None:
    says = terms(BOTH, "left")
    rules = tuple(Rule(r.left, r.right, uuid=r.uuid, policy="right") for r in says.definition.rules)
    definition = Definition("p", Side("n", "P"), Side("s", "P"), BOTH, (("email", "email"),), rules)
    assert told(plan(pair("Y", "Z", ("X", "X")), Terms(definition, says.means, NOW))) == ["update left city=Z"]


def test_edits_of_different_fields_merge_without_a_conflict() -> None:
    left, right = seen("L", "Y"), seen("R", "X", name="Bo")
    base = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("X", "X")}
    assert told(plan(Pair(7, left, right, base), terms(BOTH, "ask"))) == ["update left name=Bo", "update right city=Y"]


def test_a_conflict_in_one_field_does_not_hold_up_the_others() -> None:
    left, right = seen("L", "Y", name="Bo"), seen("R", "Z")
    base = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("X", "X")}
    actions = plan(Pair(7, left, right, base), terms(BOTH, "ask"))
    assert told(actions) == ["update right name=Bo", "conflict right both_changed"]
    assert actions[1].evidence == {
        "city": {"rule": "c", "fields": ["city", "city"], "left": "Y", "right": "Z", "base": ["X", "X"]}
    }


def test_an_empty_winner_erases_where_the_rule_may_clear_but_never_at_a_first_match() -> None:
    assert told(plan(pair(None, "X", ("X", "X")), terms(may_clear=True))) == ["update right city=None"]
    assert told(plan(pair(None, "X", ("X", "X")), terms(BOTH, may_clear=True))) == ["update right city=None"]
    assert plan(pair(None, "X", None), terms(may_clear=True)) == ()


def test_a_required_field_is_never_erased() -> None:
    fields = tuple(FieldSchema(f.name, f.label, f.type, required=f.name == "city") for f in FIELDS)
    (action,) = plan(pair(None, "X", ("X", "X")), terms(may_clear=True, fields=fields))
    assert (action.kind, action.reason, list(action.errors)) == ("blocked", "cannot_convert", ["city"])


def test_a_rule_only_on_create_is_left_alone_afterwards() -> None:
    assert plan(pair("Y", "X", ("X", "X")), terms(only_on_create=True)) == ()
    (action,) = plan(Lone("left", seen("L")), terms(only_on_create=True))
    assert action.values["city"] == "X" and "c" not in action.base


def test_what_is_agreed_on_is_what_each_side_stores() -> None:
    (action,) = plan(pair("Y", "X", ("X", "X")), terms())
    assert action.base == {"c": ("Y", "Y")} and action.rules == ("c",)
    (action,) = plan(pair("a\r\nb", "a\nb", ("X", "X")), terms())
    assert action.base == {"c": ("a\r\nb", "a\nb")}


# A record without a partner


@pytest.mark.parametrize(
    ("lone", "expected"),
    [
        (Lone("left", seen("L")), ["create right email=a@b.c name=Ada city=X"]),
        (Lone("left", seen("L", None)), ["create right email=a@b.c name=Ada"]),
        (Lone("right", seen("R")), []),
        (Lone("left", seen("L", deleted="gone")), []),
        (Lone("left", seen("L", inside=False)), []),
        (Lone("left", seen("L", email=None)), ["blocked right no_match_key"]),
        (Lone("left", seen("L"), own=("M",)), ["conflict right doubled_key"]),
        (Lone("left", seen("L"), own=("M",), found=("R",)), ["conflict right doubled_key"]),
        (Lone("left", seen("L"), found=("R", "S")), ["conflict right several_matches"]),
        (Lone("left", seen("L"), found=("R",), taken=frozenset("R")), ["conflict right match_taken"]),
        (
            Lone("left", seen("L"), found=("R",), taken=frozenset("R"), widowed={"R": "K"}),
            ["conflict right match_taken_by_deleted"],
        ),
        (Lone("left", seen("L"), found=("R",), partner=seen("R")), ["skip right matched"]),
        (Lone("left", seen("L", "Y"), found=("R",), partner=seen("R")), ["update right city=Y"]),
        (Lone("left", seen("L", None), found=("R",), partner=seen("R")), ["skip right matched"]),
        (Lone("left", seen("L", name=None)), ["blocked right required_empty"]),
        (Lone("left", seen("L", name="x" * 11)), ["blocked right cannot_convert"]),
        (Lone("left", seen("L", email="😀@b.c")), ["blocked right unsafe_match_key"]),
    ],
)
def test_what_is_done_about_a_record_without_a_partner(lone: Lone, expected: list[str]) -> None:
    assert told(plan(lone, terms())) == expected


@pytest.mark.parametrize(("policy", "expected"), [("left", "update right city=X"), ("right", "update left city=Y")])
def test_both_ways_a_new_pair_is_planned_alike_from_either_side(policy: str, expected: str) -> None:
    left, right = seen("L"), seen("R", "Y")
    assert told(plan(Lone("left", left, found=("R",), partner=right), terms(BOTH, policy))) == [expected]
    assert told(plan(Lone("right", right, found=("L",), partner=left), terms(BOTH, policy))) == [expected]


def test_both_ways_a_record_without_a_partner_is_made_on_the_other_side() -> None:
    right = seen("R", "Y")
    assert told(plan(Lone("right", right), terms(BOTH))) == ["create left email=a@b.c name=Ada city=Y"]


def test_a_matched_pair_is_linked_and_agrees_on_what_is_equal() -> None:
    (action,) = plan(Lone("left", seen("L", "Y"), found=("R",), partner=seen("R")), terms())
    assert action.makes_link and action.link is None
    assert action.base == {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("Y", "Y")}


# Deletes


@pytest.mark.parametrize(
    ("deletes", "left", "right", "expected"),
    [
        ("delete", GONE, "X", ["delete right"]),
        ("delete", GONE, "Y", ["conflict right deleted_and_changed"]),
        ("mark", GONE, "X", ["blocked right source_gone"]),
        ("ignore", GONE, "Y", []),
        ("delete", "X", GONE, ["blocked right target_gone"]),
    ],
)
def test_a_deleted_record_is_carried_over_only_as_the_mapping_says(
    deletes: str, left: JSON, right: JSON, expected: list[str]
) -> None:
    assert told(plan(pair(left, right, ("X", "X")), terms(deletes=deletes))) == expected


def test_a_record_restored_after_both_were_deleted_is_not_deleted_again() -> None:
    restored = Pair(7, seen("L"), seen("R", deleted="gone"), {})
    assert told(plan(restored, terms(BOTH, deletes="delete"))) == ["blocked right target_gone"]


def test_a_record_outside_its_filter_says_nothing_and_still_hears() -> None:
    left, right = seen("L", "Y"), seen("R", "Z", inside=False)
    assert told(plan(Pair(7, left, right, {"c": ("X", "X")}), terms(BOTH, "right"))) == ["update right city=Y"]
    agreed = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("X", "X")}
    assert told(plan(Pair(7, seen("L"), right, agreed), terms(BOTH))) == []
    outside = Lone("left", left, found=("R",), partner=right)
    assert told(plan(outside, terms(BOTH, "ask"))) == ["update right city=Y"]


def test_what_may_be_an_edit_or_the_servers_own_making_is_asked_and_carried_to_no_side() -> None:
    base = {"e": ("a@b.c", "a@b.c"), "n": ("Ada", "Ada"), "c": ("Y", "Y", UNSURE)}
    [action] = plan(Pair(7, seen("L", "Y"), seen("R", "Z"), base), terms(BOTH, "left"))
    assert action.kind == "conflict" and action.evidence["city"] == {
        "rule": "c",
        "fields": ["city", "city"],
        "left": "Y",
        "right": "Z",
        "base": ["Y", "Y"],
    }


def test_a_missing_record_is_never_taken_for_a_deleted_one() -> None:
    case = Pair(7, seen("L", deleted="missing"), seen("R"), {"c": ("X", "X")})
    assert told(plan(case, terms(deletes="delete"))) == ["blocked right source_missing"]
    assert told(plan(case, replace(terms(deletes="delete"), swept=frozenset({"right"})))) == [
        "blocked right source_missing"
    ]


def test_a_missing_record_is_carried_over_by_a_run_that_looked_for_all_of_them() -> None:
    case = Pair(7, seen("L", deleted="missing"), seen("R"), {"c": ("X", "X")})
    (action,) = plan(case, replace(terms(deletes="delete"), swept=frozenset({"left"})))
    assert (action.kind, action.reason) == ("delete", "source_missing")


def test_a_deleted_record_is_carried_over_in_both_directions() -> None:
    assert told(plan(pair("X", GONE, ("X", "X")), terms(BOTH, deletes="delete"))) == ["delete left"]
    assert told(plan(pair(GONE, "X", ("X", "X")), terms(BOTH, deletes="delete"))) == ["delete right"]


@pytest.mark.parametrize(
    ("flag", "case", "reason"),
    [
        ("creatable", Lone("left", seen("L")), "cannot_create"),
        ("updatable", pair("Y", "X", ("X", "X")), "cannot_update"),
        ("deletable", pair(GONE, "X", ("X", "X")), "cannot_delete"),
    ],
)
def test_what_the_account_may_not_do_is_blocked_before_it_is_sent(flag: str, case: Pair | Lone, reason: str) -> None:
    (action,) = plan(case, terms(deletes="delete", can={flag: False}))
    assert (action.kind, action.reason) == ("blocked", reason)


@pytest.mark.parametrize("state", ["pending", "retired"])
def test_a_pair_being_created_or_undone_is_left_alone(state: str) -> None:
    assert plan(Pair(7, seen("L", "Y"), seen("R"), {}, state), terms()) == ()


def test_a_pair_of_which_we_have_one_copy_only_is_left_alone() -> None:
    assert plan(Pair(7, seen("L", "Y"), None), terms()) == ()


def test_a_record_that_left_the_filter_is_neither_updated_nor_deleted() -> None:
    case = Pair(7, seen("L", "Y", inside=False), seen("R"), {"c": ("X", "X")})
    assert plan(case, terms(deletes="delete")) == ()


def owned(default: str | None, **more: Any) -> Terms:
    """Terms of modules whose records have owners; new ones belong to `default`."""
    fields = (*FIELDS, FieldSchema("owner", "Owner", FieldType.OWNER, default=default, **more))
    made = terms()
    schema = ModuleSchema(made.places["left"].schema.module, fields, owner_field="owner")
    return replace(made, means=Means({"left": Place(schema), "right": Place(schema)}))


def test_a_new_record_belongs_to_the_connections_owner_unless_a_rule_says_to_whom() -> None:
    lone = Lone("left", seen("L", owner="left's"))
    assert plan(lone, owned("7"))[0].values["owner"] == "7"
    assert "owner" not in plan(lone, owned(None))[0].values
    assert plan(lone, owned("7", required=True))[0].kind == "create"
    assert "owner" not in plan(lone, owned("7", editable=False))[0].values
    ruled = owned("7")
    rule = Rule("", "owner", value="9", uuid="o")
    ruled = replace(ruled, definition=replace(ruled.definition, rules=(*ruled.definition.rules, rule)))
    assert plan(lone, ruled)[0].values["owner"] == "9"


def test_the_owner_of_a_record_there_is_stays() -> None:
    actions = plan(Pair(7, seen("L", "Y"), seen("R", "X"), {}), owned("7"))
    assert actions[0].kind == "update" and "owner" not in actions[0].values


def test_a_linked_record_that_leaves_its_filter_is_still_carried_over_where_the_mapping_says_so() -> None:
    case = Pair(7, seen("L", "Y", inside=False), seen("R"), {"c": ("X", "X")})
    kept = terms()
    kept = replace(kept, definition=replace(kept.definition, leaving="keep"))
    assert told(plan(case, kept)) == ["update right city=Y"]
    assert plan(Lone("left", seen("L", inside=False, key=("a",))), kept) == ()


# Expressions and linked records


def computing(text: str, evaluate: Any) -> Terms:
    """The rule on “city” is an expression."""
    made = terms()
    rules = tuple(
        r if r.uuid != "c" else Rule("", "city", "expression", expression=text, uuid="c") for r in made.definition.rules
    )
    means = replace(
        made.means,
        evaluate=lambda text, values, place, lookup: evaluate(values),
        reads=lambda text: frozenset({"city"}),
    )
    return replace(made, definition=replace(made.definition, rules=rules), means=means)


def test_what_an_expression_makes_is_carried_over_when_its_outcome_changed() -> None:
    upper = computing("{{ city|upper }}", lambda values: values["city"].upper())
    assert told(plan(Pair(7, seen("L", "y"), seen("R", "X"), {"c": ("X", "X")}), upper)) == ["update right city=Y"]
    assert plan(pair("x", "X", ("X", "X")), upper) == ()


def test_an_expression_that_fails_blocks_its_record_and_says_why() -> None:
    def fails(values: Any) -> Any:
        raise ValueError("there is no number in “x”")

    [action] = plan(Pair(7, seen("L", "y"), seen("R", "X"), {"c": ("X", "X")}), computing("{{ city|number }}", fails))
    assert (action.kind, action.reason) == ("blocked", "cannot_convert") and "no number" in action.errors["city"]


def test_an_expression_over_a_field_that_was_not_carried_changes_nothing() -> None:
    never = computing("{{ city }}", lambda values: pytest.fail("it must not be asked"))
    known = pair("x", "X", ("X", "X"))
    left = replace(known.at("left"), values={k: v for k, v in known.values("left").items() if k != "city"})
    assert plan(replace(known, left=left), never) == ()


def test_a_record_waits_for_the_partner_of_what_it_refers_to() -> None:
    made = terms()
    rules = (*made.definition.rules[:2], Rule("city", "city", "reference", mapping="places", uuid="c"))
    made = replace(made, definition=replace(made.definition, rules=rules))
    lone = Lone("left", seen("L", "7", key=("a",)))
    [action] = plan(lone, made)
    assert (action.kind, action.reason) == ("blocked", "no_partner")
    assert action.evidence == {"awaiting": [{"mapping": "places", "id": "7"}]}
    [action] = plan(lone, made.knowing(lambda mapping, side, id: "70"))
    assert (action.kind, action.values["city"]) == ("create", "70")


def referring(field: str = "city", *, circles: str = "places", stuck: str = "", **said: Any) -> Terms:
    """“city” refers to a record that “places” brings over, which refers back."""
    fields = tuple(replace(f, required=f.required or bool(stuck)) if f.name == field else f for f in FIELDS)
    made = terms(fields=fields)
    rules = (*made.definition.rules[:2], Rule("city", "city", "reference", mapping="places", uuid="c", **said))
    definition = replace(made.definition, rules=rules)
    return replace(made, definition=definition, circles=frozenset(circles.split()), stuck=frozenset(stuck.split()))


WAITS = {"city": {"mapping": "places", "id": "7"}}
ADA = "email=a@b.c name=Ada"
# what is said of the reference, the case -> what is done, and which fields follow
CIRCLES: list[tuple[Terms, Pair | Lone, list[str], Any]] = [
    (referring(), Lone("left", seen("L", "7")), [f"create right {ADA}"], WAITS),
    (referring(circles=""), Lone("left", seen("L", "7")), ["blocked right no_partner"], None),
    (referring(stuck="places"), Lone("left", seen("L", "7")), ["blocked right circle"], None),
    (referring(only_on_create=True), Lone("left", seen("L", "7")), ["blocked right no_partner"], None),
    # a linked pair: what else changed goes now; alone it waits
    (referring(), pair("7", None, None), ["blocked right no_partner"], None),
    (referring(), Pair(7, seen("L", "7", name="Bo"), seen("R", None), {"n": ("Ada", "Ada")}), ["update right name=Bo"], WAITS),
    # two that were just found to be one are linked all the same
    (referring(), Lone("left", seen("L", "7"), found=("R",), partner=seen("R", None)), ["skip right matched"], WAITS),
    (referring(stuck="places"), Lone("left", seen("L", "7"), found=("R",), partner=seen("R", "Z")), ["skip right matched"], WAITS),
    (referring(stuck="places"), pair("7", "Z", None), ["blocked right no_partner"], None),
]  # fmt: skip


@pytest.mark.parametrize(("how", "case", "expected", "later"), CIRCLES)
def test_a_reference_that_leads_in_a_circle_follows_later_where_it_may_stay_empty(
    how: Terms, case: Pair | Lone, expected: list[str], later: Any
) -> None:
    actions = plan(case, how)
    assert told(actions) == expected
    assert actions[0].evidence.get("later") == later and actions[0].makes_link == isinstance(case, Lone) * (
        actions[0].kind == "skip"
    )
    known = how.knowing(lambda mapping, side, id: "70")
    assert any(action.values.get("city") == "70" for action in plan(case, known)), "once the partner exists it goes"


def test_a_required_reference_in_a_circle_says_that_it_can_never_go() -> None:
    [action] = plan(Lone("left", seen("L", "7")), referring(stuck="places"))
    assert "never" in action.errors["city"] and action.evidence["awaiting"] == [WAITS["city"]]


def test_what_cannot_be_carried_over_for_another_reason_still_blocks_a_record_of_a_circle() -> None:
    [action] = plan(Lone("left", seen("L", "7", name="longer than ten")), referring())
    assert (action.kind, action.reason) == ("blocked", "cannot_convert")
