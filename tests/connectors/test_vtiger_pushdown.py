"""What Vtiger is asked for a filter, and when that is all of it: never less than the filter finds, never called exact where
the server compares otherwise."""

from __future__ import annotations

import pytest

from connectors.query import Condition, Op, parse
from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from connectors.vtiger.pushdown import Pushed, push

SCHEMA = ModuleSchema(
    Module("Contacts", "Contacts"),
    (
        FieldSchema("id", "Id", FieldType.ID),
        FieldSchema("lastname", "Last name"),
        FieldSchema("leadsource", "Source", FieldType.CHOICE),
        FieldSchema("languages", "Languages", FieldType.MULTICHOICE),
        FieldSchema("amount", "Amount", FieldType.MONEY),
        FieldSchema("birthday", "Birthday", FieldType.DATE),
        FieldSchema("modifiedtime", "Modified", FieldType.DATETIME),
        FieldSchema("assigned_user_id", "Owner", FieldType.OWNER),
    ),
    modified_field="modifiedtime",
)
ALL: tuple[tuple[str, ...], ...] = ((),)
ASKED = [
    ("lastname = Smart", (("lastname LIKE 'smart'",),), False),
    ('lastname starts with "O\'B"', (("lastname LIKE 'o''b%'",),), False),
    ("lastname is not empty", (("lastname LIKE '_%'",),), True),
    ("languages is not empty", (("languages LIKE '_%'",),), False),  # " |##| " holds no choice
    ("languages = German", (("languages LIKE '%german%'",),), False),
    ("amount > 10.5", (("amount > '10.5'",),), True),
    ("amount <= 10.5", (("amount <= '10.5'",),), False),  # an empty amount may be stored as 0
    ("birthday < 1990-01-01", (("birthday < '1990-01-01'",),), False),  # 0000-00-00 is no day
    ("birthday < 0001-01-01", (("birthday < '0001-01-01'",),), False),
    ("modifiedtime >= 2024-02-29T10:00:00Z", (("modifiedtime >= '2024-02-29 10:00:00'",),), True),
    ("id = 12x5", (("id IN ('12x5')",),), False),  # 11x5 and 12x005 are the same to it
    ("assigned_user_id in (19x1, 20x2)", (("assigned_user_id IN ('19x1','20x2')",),), False),
    ("lastname = Smart and amount > 1 or amount = 7", (("lastname LIKE 'smart'", "amount > '1'"), ("amount = '7'",)), False),
    ("not (amount <= 1 and amount is not empty)", ALL, False),  # there is no way to ask for what is empty
    ("lastname is empty", ALL, False),
    ("lastname < M", ALL, False),  # text sorts by a collation we do not know
]  # fmt: skip


@pytest.mark.parametrize(("text", "groups", "exact"), ASKED)
def test_a_filter_is_asked_in_the_servers_words(text: str, groups: tuple[tuple[str, ...], ...], exact: bool) -> None:
    assert push(parse(text, SCHEMA), SCHEMA, "UTC") == Pushed(groups, exact)


def test_the_server_is_asked_in_its_own_time() -> None:
    pushed = push(parse("modifiedtime >= 2024-07-01T10:00:00Z", SCHEMA), SCHEMA, "Europe/Berlin")
    assert pushed.groups == (("modifiedtime >= '2024-07-01 12:00:00'",),)


@pytest.mark.parametrize(
    "moment",
    [
        "2024-03-31T01:00:00Z",  # 03:00, which 02:00 is read as too
        "2024-10-27T01:30:00Z",  # the second 02:30 of that night
        "0001-01-01T00:00:00Z",  # the hour before it is not to be written
    ],
)
def test_a_time_that_is_not_written_in_one_way_only_is_not_asked(moment: str) -> None:
    pushed = push(Condition("modifiedtime", Op.GE, (moment,)), SCHEMA, "Europe/Berlin")
    assert pushed == Pushed(ALL, False)
