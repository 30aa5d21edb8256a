"""A sentence that remembers of what it was made: it is the English sentence, whatever is done with it, and it cannot change."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from connectors import CONNECTORS, connector_class
from connectors.errors import ConfigError, RecordInvalid
from connectors.query import parse
from connectors.types import FieldSchema, FieldType, Module, ModuleSchema, Setting
from connectors.values import Codec
from connectors.wording import Text, joined, said, text

SCHEMA = ModuleSchema(
    Module("people", "People"),
    (FieldSchema("born", "Born on", FieldType.DATE), FieldSchema("children", "Children", FieldType.INTEGER)),
)


def test_a_text_is_the_sentence_and_keeps_its_template() -> None:
    told = text("There is no module “%(module)s”.", module="Contacts")
    assert told == "There is no module “Contacts”." and f"{told}" == told
    assert (told.template, dict(told.params)) == ("There is no module “%(module)s”.", {"module": "Contacts"})


def test_a_text_without_parameters_may_hold_a_percent_sign() -> None:
    assert text("100 % of it") == "100 % of it"
    assert text("%(count)d %% of it", count=7) == "7 % of it"


def test_a_text_inside_a_text_keeps_its_own_template() -> None:
    told = text("The operation %(problem)s.", problem=text("needs %(names)s", names="id"))
    inner = told.params["problem"]
    assert told == "The operation needs id." and isinstance(inner, Text) and inner.template == "needs %(names)s"


def test_the_parts_of_a_list_keep_their_templates() -> None:
    told = joined(text("; "), [text("is needed"), "x"])
    assert told == "is needed; x" and isinstance(told, Text) and told.template == "; "
    assert [getattr(part, "template", None) for part in told.parts] == ["is needed", None]
    assert joined(text("; "), []) == ""


def test_a_text_survives_copying_and_pickling_and_is_a_plain_string_in_json() -> None:
    told = text("%(why)s; %(rest)s", why=text("is %(what)s", what="late"), rest=joined(text(", "), ["a", "b"]))
    for again in (copy.copy(told), copy.deepcopy(told), pickle.loads(pickle.dumps(told))):
        assert again == told and again.template == told.template and again.params == told.params
        rest = again.params["rest"]
        assert isinstance(rest, Text) and rest.parts == ("a", "b")
    assert json.loads(json.dumps([told])) == orjson.loads(orjson.dumps([told])) == ["is late; a, b"]


def test_a_text_cannot_be_changed() -> None:
    told = text("%(name)s is missing", name="id")
    with pytest.raises(AttributeError):
        told.template = "nothing"
    with pytest.raises(TypeError):
        told.params["name"] = "x"  # type: ignore[index]


def test_a_setting_with_a_text_is_equal_to_one_with_the_same_words() -> None:
    assert Setting("url", text("Address")) == Setting("url", "Address")
    assert replace(Setting("url", text("Address")), required=False).label == "Address"


def test_an_error_says_the_text_it_was_raised_with() -> None:
    told = text("There is no time zone “%(zone)s”.", zone="X")
    assert said(ConfigError(told)) is told and ConfigError(told).message is told and said(ValueError(told)) is told
    assert said(ValueError(7)) == "7" and said(KeyError()) == ""


def test_what_is_wrong_with_a_value_keeps_all_its_templates() -> None:
    with pytest.raises(RecordInvalid) as refused:
        Codec().encode_values(SCHEMA, {"born": "soon", "children": "many", "name": "x"})
    assert said(refused.value) == (
        "Nothing was sent to People: “born” is not a date such as 2024-02-29; given was a text of 4 characters; "
        "“children” is not a number such as 1234.5; given was a text of 4 characters; “name” does not exist."
    )
    assert {
        "Nothing was sent to %(module)s: %(problems)s.", "; ", "“%(field)s” %(problem)s", "%(why)s; given was %(shape)s",
        "is not a date such as 2024-02-29", "is not a number such as 1234.5", "a text of %(count)s characters",
        "does not exist",
    } == set(templates(said(refused.value)))  # fmt: skip
    assert set(templates(refused.value.fields["name"])) == {"does not exist"}


def test_what_is_wrong_with_a_filter_keeps_all_its_templates() -> None:
    with pytest.raises(Exception, match="There is no field") as refused:
        parse("childrn = 2", SCHEMA)
    assert set(templates(said(refused.value))) == {
        "%(sentence)s %(hint)s",
        "There is no field “%(name)s” in %(module)s.",
        "Did you mean “%(name)s”?",
    }


@pytest.mark.parametrize("slug", CONNECTORS)
def test_whatever_a_connector_declares_for_people_is_a_text(slug: str) -> None:
    kind = connector_class(slug)
    words: list[str] = [kind.credentials_help, *kind.likely_causes]
    words += [word for s in kind.settings for word in (s.label, s.help, *(c.label for c in s.choices))]
    words += [word for o in kind.operations for word in (o.summary, *(p.label for p in o.parameters))]
    assert [word for word in words if word and not isinstance(word, Text)] == []


def templates(value: object) -> Iterator[str]:
    """Yield every template in a text."""
    if isinstance(value, Text):
        yield value.template
        for inner in (*value.params.values(), *value.parts):
            yield from templates(inner)
