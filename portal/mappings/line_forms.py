"""The small table of a rule for lines: one row for each field of a line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from connectors.types import FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.definition import SideName
from portal.mappings.row_forms import RowForm

MOST = 60


class LineForm(RowForm):
    """What becomes of one field of a line, both ways."""

    left = forms.CharField(required=False, widget=forms.TextInput(attrs={"list": "left-line-fields"}))
    right = forms.CharField(required=False, widget=forms.TextInput(attrs={"list": "right-line-fields"}))

    @property
    def written(self) -> SideName:
        """Return the side of the one field that is named: a line's rule has no direction of its own."""
        named: list[SideName] = [side for side in ("left", "right") if self[side].value()]
        return named[0] if len(named) == 1 else self.target


LineFormSet: type[BaseFormSet[LineForm]] = formset_factory(
    LineForm, extra=1, can_delete=True, max_num=MOST, absolute_max=2 * MOST
)


def of_a_line(field: FieldSchema) -> ModuleSchema:
    """Return the fields of a line as those of a module."""
    return ModuleSchema(Module(field.name, field.label), field.lines)


def line_fields(schema: ModuleSchema) -> list[FieldSchema]:
    """Return the fields of the lines of a module, for a list to choose from."""
    return [line for field in schema.fields if field.type is FieldType.LINES for line in field.lines]


def posted(data: Any, prefix: str) -> Any:
    """Return what was posted of the table of that name; None where it was not on the page."""
    return data if f"{prefix}-TOTAL_FORMS" in (data or {}) else None
