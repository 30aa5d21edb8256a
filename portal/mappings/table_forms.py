"""The form of a value table: its head, and the rows of its grid with what a person should know of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.mappings.definition import SideName
from portal.mappings.models import ValueTable
from portal.mappings.table_check import Flaw, remarks, tidied
from portal.mappings.table_csv import LARGEST, BadCsv, Pair, read_csv, text_of_bytes
from portal.mappings.table_values import Offered
from portal.mappings.tables import Table
from portal.ui.wording import translated

WIDE = {"class": "vTextField"}


@dataclass(slots=True)
class Cell:
    """One value of the grid, and what is told of it. `odd`: the field at this side has a list and does not name it."""

    value: str = ""
    told: str = ""
    odd: bool = False


@dataclass(slots=True)
class GridRow:
    """One row as the page shows it: `remarks` are for information, `errors` stop the saving, `fresh` was just suggested."""

    left: Cell = field(default_factory=Cell)
    right: Cell = field(default_factory=Cell)
    remarks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    fresh: str = ""

    @property
    def tone(self) -> str:
        """Return the CSS class of the row."""
        return " errors" if self.errors else " fresh" if self.fresh else ""


class TableForm(forms.Form):
    """Everything but the rows."""

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        allow_unicode=True,
        max_length=100,
        widget=forms.TextInput(attrs=WIDE),
        help_text=gettext_lazy("Rules and expressions call it by this name: “countries”, “lead-states”."),
    )
    description = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=200, required=False, widget=forms.TextInput(attrs=WIDE)
    )
    unlisted = forms.ChoiceField(
        label=gettext_lazy("A value that stands in no row"),
        choices=ValueTable.Unlisted.choices,
        help_text=gettext_lazy(
            "Nothing is guessed. Adding to a list is for CRMs that allow it: a run then plans it as a line of its own and waits"
            " for a person’s word before it is sent."
        ),
    )
    default_left = forms.CharField(
        label=gettext_lazy("Default on the left"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs=WIDE | {"list": "values-left", "autocomplete": "off"}),
    )
    default_right = forms.CharField(
        label=gettext_lazy("Default on the right"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs=WIDE | {"list": "values-right", "autocomplete": "off"}),
        help_text=gettext_lazy("Only for “use the default”. Empty: the field becomes empty."),
    )

    def __init__(self, *args: Any, row: ValueTable | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = ValueTable.objects.exclude(pk=self.row.pk) if self.row else ValueTable.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("Another value table has this name."))
        return name

    def table(self, pairs: tuple[Pair, ...]) -> Table:
        """Return what was typed, with these rows, as it would be kept. Only after `is_valid`, whatever that said."""
        said = dict.fromkeys(self.fields, "") | self.cleaned_data
        table = Table(said["name"], pairs, said["unlisted"] or "error", said["default_left"], said["default_right"])
        return tidied(table)

    def show(self, flaw: Flaw) -> None:
        """Put what is wrong, but with a row, beside the field it is about."""
        self.add_error(flaw.place if flaw.place in self.fields else None, translated(flaw.text))


class CsvForm(forms.Form):
    """A text or a file with rows, and what becomes of those that are there."""

    text = forms.CharField(
        label=gettext_lazy("Rows"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField", "spellcheck": "false", "dir": "ltr"}),
        help_text=gettext_lazy("Left and right with a comma, a semicolon or a tab between, one pair a line."),
    )
    file = forms.FileField(
        label=gettext_lazy("or a file"), required=False, help_text=gettext_lazy("CSV in UTF-8 or UTF-16.")
    )
    heading = forms.BooleanField(label=gettext_lazy("The first line is a heading"), required=False)
    mode = forms.ChoiceField(
        label=gettext_lazy("Rows that are there already"),
        choices=[
            ("merge", gettext_lazy("kept, but for those in the file")),
            ("replace", gettext_lazy("go: the file is the whole table")),
        ],
    )

    def clean(self) -> dict[str, Any]:
        """Add `pairs`, and put the text of a file where a person sees it."""
        data = super().clean() or {}
        try:
            if data.get("file"):
                data["text"] = self._text_of(data["file"])
            data["pairs"] = read_csv(data.get("text") or "", heading=bool(data.get("heading")))
        except BadCsv as e:
            self.add_error("file" if data.get("file") else "text", forms.ValidationError(list(e.errors)))
        return data

    def _text_of(self, file: Any) -> str:
        if file.size > LARGEST:
            raise BadCsv([_("The file is larger than %(most)d megabytes.") % {"most": LARGEST // 1_000_000}])
        return text_of_bytes(file.read())


def pairs_of(data: QueryDict) -> tuple[Pair, ...]:
    """Return the rows of a grid that was sent, without empty ones."""
    sent = zip_longest(data.getlist("left"), data.getlist("right"), fillvalue="")
    return tuple(pair for left, right in sent if any(pair := (left.strip(), right.strip())))


def grid_of(
    pairs: tuple[Pair, ...],
    offered: Mapping[SideName, Mapping[str, Offered]],
    closed: Mapping[SideName, bool],
    *,
    errors: Mapping[int, list[str]] | None = None,
    fresh: Mapping[int, str] | None = None,
) -> list[GridRow]:
    """Return the rows for the page. `offered` and `closed` are by side: its values, and whether its fields take no others."""
    said = remarks(pairs)
    return [
        GridRow(
            _cell(left, offered["left"], closed["left"]),
            _cell(right, offered["right"], closed["right"]),
            remarks=[translated(text) for text in said.get(at, ())],
            errors=list((errors or {}).get(at, ())),
            fresh=(fresh or {}).get(at, ""),
        )
        for at, (left, right) in enumerate(pairs)
    ]


def _cell(value: str, offered: Mapping[str, Offered], closed: bool) -> Cell:
    told = offered.get(value)
    is_odd = bool(value) and closed and (told is None or not told.listed)
    return Cell(value, told.told if told else "", is_odd)
