"""Values on their way there and back, of every type: each arrives unharmed, or is refused before anything is sent, or the
connector returns what the server made of it, for the ledger's “stored differently”; then the vendor's `DIFFERENT` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.base import Connector
from connectors.errors import RecordInvalid
from connectors.spelling import canonical
from connectors.types import NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema, Values
from tests.connectors.contract.support import ContractFixtures, CountingObserver, Seeder, optional_fields

EXAMPLES = 25
TEXTS = {
    "emoji": "Café 🙂👍🏽",
    "markup": "a < b && c > d <b>bold</b> &amp; &#39; <script>alert(1)</script>",
    "quotes": "O'Brien \"x\" `y` «z» \\ \\n",
    "signs": "%s %d {x} ${x} ^,^ |##| ,;|",
    "persian": "علی‌رضا ۱۲۳ ي ك «نقل»",
    "words that mean something": "true",
    "null": "null",
    "zero": "0",
    "leading zeros": "007",
    "number with a comma": "1,234.50",
    "scientific": "1e5",
    "date": "2024-02-30",
    "json": '{"a": [1, "x"]}',
    "long": "long text ä " * 2000,
    "composed": "é and e\u0301, ﬁ, Ｗ",
    "right to left": "\u202babc\u202c \u200d\u200c",
}  # fmt: skip
LINES = {"lines": "line 1\nline 2\n\nline 4", "tab": "a\tb", "long lines": "long line of text ä\n" * 4000}
NUMBERS = {
    "comma": "1,234.5", "persian": "۱۲۳٫۵", "scientific": "1e3", "text": "many", "true": "true", "bool": True, "nothing but a sign": "-",
    "many digits": "123456789012345678.25", "tiny": "0.0000001", "large": "99999999999", "negative zero": "-0.0", "spaced": " 12 ",
}  # fmt: skip
MOMENTS = {
    "no such day": "2023-02-29", "day first": "31.12.2024", "zero": "0000-00-00", "persian": "۲۰۲۴-۰۲-۲۹", "early": "1000-01-01",
    "late": "9999-12-31", "before 1970": "1969-12-31", "word": "tomorrow", "with a time": "2024-02-29 23:59", "zulu": "2024-02-29T23:59:59Z",
    "offset": "2024-02-29T23:59:00+03:30", "the hour twice": "2024-10-27T00:30:00Z", "twice again": "2024-10-27T01:30:00Z", "time": "23:59", "seconds": "07:08:09", "no such time": "24:00",
}  # fmt: skip
BOOLEANS = {"true": "true", "yes": "yes", "on": "on", "one": "1", "off": "off", "real": True, "false": False, "word": "maybe", "two": "2"}  # fmt: skip
GOOD = (  # what nobody may refuse
    *(f"text: {name}" for name in ("quotes", "signs", "persian", "words that mean something", "null", "zero", "leading zeros", "date", "json")),
    *("longtext: markup", "longtext: lines", "decimal: persian", "money: persian", "integer: spaced"),
    *("date: persian", "date: before 1970", "datetime: zulu", "datetime: offset", "datetime: the hour twice", "boolean: yes", "time: time"),
)  # fmt: skip
CHOICES = {"unknown": "no such choice", "emoji": "🙂", "number": "0", "separators": "A|##|B ^,^ C,D;E"}
POINTERS = {"name": "Acme", "quote": "1' or '1'='1", "blank": "1 2"}
READABLE = st.characters(
    max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc", "Cn", "Co", "Zs", "Zl", "Zp"]
)  # blanks and controls are servers' own affair, emoji are among the odd ones
ANY_TEXT = st.text(READABLE, min_size=1, max_size=40)
YEARS = date(1000, 1, 1), datetime(1000, 1, 1)  # earlier ones no database promises to hold
ANY: Mapping[FieldType, st.SearchStrategy[Any]] = {
    **dict.fromkeys(TEXT_TYPES, ANY_TEXT),
    **dict.fromkeys(NUMBER_TYPES, st.decimals(-(10**12), 10**12, allow_nan=False, places=2).map(str)),
    FieldType.INTEGER: st.integers().map(str),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates(YEARS[0]).map(str),
    FieldType.TIME: st.times().map(lambda time: time.isoformat("seconds")),
    FieldType.DATETIME: st.datetimes(YEARS[1]).map(lambda at: at.isoformat(timespec="seconds") + "Z"),
}
ODD: Mapping[FieldType, Mapping[str, Any]] = {
    **dict.fromkeys(TEXT_TYPES, TEXTS),
    FieldType.LONGTEXT: TEXTS | LINES,
    **dict.fromkeys(NUMBER_TYPES, NUMBERS),
    FieldType.BOOLEAN: BOOLEANS,
    **dict.fromkeys((FieldType.CHOICE, FieldType.MULTICHOICE), CHOICES),
    **dict.fromkeys((FieldType.REFERENCE, FieldType.OWNER), POINTERS),
    **dict.fromkeys((FieldType.DATE, FieldType.TIME, FieldType.DATETIME), MOMENTS),
}


class Errand:
    """Writes values into one record and looks what became of each."""

    def __init__(self, crm: Connector, module: str, id: str, observer: CountingObserver) -> None:
        self.crm, self.module, self.id, self.observer = crm, module, id, observer
        self.last = crm.get(module, id).values

    def fates(self, values: dict[FieldSchema, Any]) -> dict[FieldSchema, str]:
        """Return for each field "arrived", "refused", or what was sent and what came back."""
        left, fates = dict(values), dict.fromkeys(values, "refused")
        while left:
            calls = len(self.observer.calls)
            try:
                told = self.crm.update(
                    self.module, self.id, {field.name: value for field, value in left.items()}
                ).values
            except RecordInvalid as refusal:
                if any(call.writes for call in self.observer.calls[calls:]):  # the server refused it
                    assert {f: self.last[f.name] for f in left} == {f: self._read()[f.name] for f in left}
                kept = {field: value for field, value in left.items() if field.name not in refusal.fields}
                if len(kept) == len(left) > 1:  # a server that does not say which: each by itself
                    return fates | {f: fate for one in left.items() for f, fate in self.fates(dict([one])).items()}
                left = kept if len(kept) < len(left) else {}
                continue
            self.last = self._read()
            return fates | {field: self._fate(field, value, told) for field, value in left.items()}
        return fates

    def _read(self) -> Values:
        return self.crm.get(self.module, self.id).values

    def _fate(self, field: FieldSchema, value: Any, told: Values) -> str:
        assert told[field.name] == self.last[field.name], f"{field.name} was told otherwise than it is"
        wanted = canonical(field, value, self.crm.config["time_zone"])  # raises for what should have been refused
        return "arrived" if told[field.name] == wanted else f"{wanted!r:.60} became {told[field.name]!r:.60}"


class ValuesContract(ContractFixtures):
    """The codec against the server. `DIFFERENT`: an odd value's name, or "type: name", to why this server keeps another."""

    DIFFERENT: Mapping[str, str] = {}

    @pytest.fixture
    def errand(self, crm: Connector, seeder: Seeder, observer: CountingObserver) -> Errand:
        return Errand(crm, seeder.module, seeder.put("Values"), observer)

    @pytest.fixture
    def tried(self, schema: ModuleSchema, seeder: Seeder) -> dict[FieldType, FieldSchema]:
        """One field of each type that may be written."""
        return {field.type: field for field in reversed(optional_fields(schema, seeder)) if field.type in ODD}

    def test_an_odd_value_arrives_or_is_refused_or_the_difference_is_told(
        self, errand: Errand, tried: dict[FieldType, FieldSchema]
    ) -> None:
        assert len(tried) >= 3
        rows = {field: [*ODD[kind].items()] for kind, field in tried.items()}
        became: dict[str, str] = {}
        for number in range(max(map(len, rows.values()))):
            row = {field: odd[number] for field, odd in rows.items() if number < len(odd)}
            fates = errand.fates({field: value for field, (_name, value) in row.items()})
            became |= {f"{field.type}: {row[field][0]}": fate for field, fate in fates.items()}
        different = {name: fate for name, fate in became.items() if fate not in ("arrived", "refused")}
        unsaid = {n: fate for n, fate in different.items() if {n, n.partition(": ")[2]}.isdisjoint(self.DIFFERENT)}
        assert unsaid == {}
        assert self.DIFFERENT.keys() <= {*different, *(name.partition(": ")[2] for name in different)}
        assert not [name for name in GOOD if became.get(name) == "refused"]
        declared = {str(kind) for alteration in errand.crm.alters for kind in alteration.types}
        assert {name.partition(": ")[0] for name in different} <= declared, "told before anything is sent: `alters`"

    def test_any_value_arrives_or_is_refused_or_the_difference_is_told(
        self, errand: Errand, tried: dict[FieldType, FieldSchema]
    ) -> None:
        own = {field: ANY[kind] for kind, field in tried.items() if kind in ANY}

        @settings(
            max_examples=EXAMPLES,
            suppress_health_check=[*HealthCheck],
            database=None,
            derandomize=True,
            phases=[Phase.generate],
        )
        @given(st.fixed_dictionaries(own))
        def check(values: dict[FieldSchema, Any]) -> None:
            fates = errand.fates(values)
            assert not [(f.name, fate) for f, fate in fates.items() if fate not in ("arrived", "refused")]

        check()
