"""Vtiger's and Simply CRM's spelling of values there and back: what is written is read as what it was, whatever it is."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import MemoryLearned
from connectors.simplycrm.codec import DATE_FORMAT, SimplyCodec
from connectors.simplycrm.records import as_values, flat
from connectors.spelling import canonical
from connectors.types import FieldSchema, FieldType
from connectors.vtiger.codec import VtigerCodec

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
CHOICE = TEXT.map(str.strip).filter(lambda text: text and "|##|" not in text and not text.startswith("##|"))
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: TEXT,
    FieldType.LONGTEXT: TEXT,
    FieldType.INTEGER: st.integers(-(2**31) + 1, 2**31 - 1).map(str),
    FieldType.DECIMAL: st.decimals(-(10**9), 10**9, places=4).map(str),
    FieldType.MONEY: st.decimals(-(10**9), 10**9, places=2).map(str),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates(date(1000, 1, 1)).map(date.isoformat),
    FieldType.TIME: st.times().map(lambda t: time(t.hour, t.minute, t.second).isoformat()),
    FieldType.DATETIME: st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)).map(
        lambda d: f"{d:%Y-%m-%dT%H:%M:%SZ}"
    ),
    FieldType.MULTICHOICE: st.lists(CHOICE, min_size=1, max_size=4),
    FieldType.REFERENCE: st.tuples(st.integers(1, 99), st.integers(1, 10**9)).map(lambda pair: f"{pair[0]}x{pair[1]}"),
}
FORMATS = {"dd-mm-yyyy": "%d-%m-%Y", "mm-dd-yyyy": "%m-%d-%Y", "yyyy-mm-dd": "%Y-%m-%d", "dd.mm.yyyy": "%d.%m.%Y", "dd/mm/yyyy": "%d/%m/%Y", "mm/dd/yyyy": "%m/%d/%Y"}  # fmt: skip


@pytest.mark.parametrize("codec", [VtigerCodec, SimplyCodec])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran"])
@given(data=st.data())
def test_what_is_written_is_read_as_what_it_was(codec: type[VtigerCodec], zone: str, data: st.DataObject) -> None:
    own = codec(zone, MemoryLearned())
    for type, values in VALUES.items():
        field = FieldSchema("x", "X", type)
        value = canonical(field, data.draw(values))
        try:
            wire = own.encode(field, value)
        except ValueError:
            assert type is FieldType.DATETIME  # the hour that no clock in that zone shows
            continue
        assert own.decode(field, wire) == value, type


@given(day=st.dates(date(1000, 1, 1)), format=st.sampled_from(sorted(FORMATS)))
def test_a_date_is_read_in_the_format_of_the_user_and_in_the_one_of_all_servers(day: date, format: str) -> None:
    codec, field = SimplyCodec("UTC", MemoryLearned()), FieldSchema("x", "X", FieldType.DATE)
    codec.learned.set(DATE_FORMAT, format)
    pattern = FORMATS[format].replace("%Y", f"{day.year:04}")
    assert codec.decode(field, day.strftime(pattern)) == codec.decode(field, day.isoformat()) == day.isoformat()


@given(text=TEXT, label=TEXT)
def test_the_mobile_api_is_sent_nothing_a_purifier_would_bite_and_reads_every_shape(text: str, label: str) -> None:
    sent = as_values({"lastname": text})
    assert not set("<>&") & set(sent)
    grouped = {"id": "4x1", "blocks": [{"label": label, "fields": [{"name": "lastname", "value": text}, {"name": "account_id", "value": {"value": "3x7", "label": label}}]}]}  # fmt: skip
    plain = {"id": "4x1", "lastname": text, "account_id": {"value": "3x7", "label": label}}
    assert flat(grouped) == flat(plain) == {"id": "4x1", "lastname": text, "account_id": "3x7"}
