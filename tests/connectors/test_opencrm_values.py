"""How OpenCRM's values are spelled, and what the catalog of its fields knows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    RecordInvalid,
)
from connectors.opencrm.codec import OpenCrmCodec, year_first
from connectors.opencrm.modules import MODULES
from connectors.opencrm.schema import catalogued, schema
from connectors.types import FieldSchema, FieldType

DAY, MOMENT = FieldSchema("d", "D", FieldType.DATE), FieldSchema("m", "M", FieldType.DATETIME)


@pytest.mark.parametrize(
    ("field", "wire", "value"),
    [
        (DAY, "04-08-2015", "2015-08-04"),
        (DAY, "2015-08-04", "2015-08-04"),
        (DAY, "2015-08-04T00:00:00+01:00", "2015-08-04"),
        (DAY, "0000-00-00", None),
        (DAY, "-0001-11-30T00:00:00+00:00", None),
        (DAY, "soon", "soon"),
        (MOMENT, "2015-08-04 15:04:01", "2015-08-04T14:04:01Z"),
        (MOMENT, "04-08-2015 15:04:01", "2015-08-04T14:04:01Z"),
        (MOMENT, "2015-08-04T15:04:01+02:00", "2015-08-04T13:04:01Z"),
        (FieldSchema("n", "N", FieldType.MONEY), "1,234.50", "1234.5"),
        (FieldSchema("n", "N", FieldType.MONEY), "0.00", "0"),
        (FieldSchema("n", "N", FieldType.MONEY), "1,23", "1,23"),
        (FieldSchema("b", "B", FieldType.BOOLEAN), "1", True),
        (FieldSchema("b", "B", FieldType.BOOLEAN), "off", False),
        (FieldSchema("r", "R", FieldType.REFERENCE), "0", None),
        (FieldSchema("r", "R", FieldType.REFERENCE), 1001, "1001"),
        (FieldSchema("t", "T", FieldType.TEXT), " ", None),
    ],
)
def test_a_value_is_read_in_every_form_it_may_have(field: FieldSchema, wire: Any, value: Any) -> None:
    assert OpenCrmCodec("Europe/London").decode(field, wire) == value


@given(st.dates().map(str))
def test_a_date_survives_both_orders(day: str) -> None:
    year, month, of_month = day.split("-")
    assert year_first(f"{of_month}-{month}-{year}") == year_first(day) == day
    assert OpenCrmCodec().decode(DAY, OpenCrmCodec().encode(DAY, day)) == day


@given(st.datetimes().map(lambda moment: f"{moment:%Y}".rjust(4, "0") + moment.isoformat(timespec="seconds")[4:] + "Z"))
def test_a_moment_survives(moment: str) -> None:
    assert OpenCrmCodec().decode(MOMENT, OpenCrmCodec().encode(MOMENT, moment)) == moment


@given(st.text(max_size=60))
def test_a_text_arrives_or_is_refused(text: str) -> None:
    field, codec = FieldSchema("t", "T", FieldType.TEXT), OpenCrmCodec()
    try:
        wire = codec.encode(field, text)
    except RecordInvalid:
        assert "\x00" in text
        return
    assert codec.decode(field, wire) == (text if text.strip() else None)


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=3).map(str))
def test_a_number_with_too_many_places_is_refused(number: str) -> None:
    field, codec = FieldSchema("n", "N", FieldType.MONEY, wire_type="money.2"), OpenCrmCodec()
    fits = number.endswith("0")
    if not fits:
        with pytest.raises(RecordInvalid, match="decimal places"):
            codec.encode(field, number)
    else:
        wire = codec.encode(field, number)
        assert codec.decode(field, wire) == wire


# The catalog


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_known_before_any_record_is(module: str) -> None:
    found = schema(module, (), {})
    assert {"crmid", "assigned_user_id", "modifiedtime", "createdtime"} <= set(found.names)
    assert len(found.names) == len(set(found.names)) and found.owner_field == "assigned_user_id"
    assert all(f.label and (f.refers_to == () or set(f.refers_to) <= set(MODULES)) for f in found.fields)
    assert not found.module.deletable and (found.field("products") is not None) is MODULES[module].has_lines
    owner = found.field("assigned_user_id")
    assert owner is not None and owner.required
    assert set(MODULES[module].named_by) <= {field.name for field in catalogued(module)}


def test_a_record_tells_which_fields_there_are() -> None:
    found = schema(
        "contact", ("id", "lastname", "smownerid", "cf_901", "password", "login", "email"), {"cf_9": FieldType.DATE}
    )
    types = {field.name: (field.type.value, field.editable) for field in found.fields}
    assert types == {
        "crmid": ("id", False), "lastname": ("text", True), "assigned_user_id": ("owner", True),
        "email": ("email", True), "cf_901": ("text", False), "cf_9": ("date", True),
    }  # fmt: skip
