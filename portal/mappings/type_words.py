"""What the types of fields are called where a person reads them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from connectors.types import FieldType

TYPE_WORDS: dict[FieldType, str | Promise] = {
    FieldType.TEXT: pgettext_lazy("type of a field", "text"),
    FieldType.LONGTEXT: pgettext_lazy("type of a field", "long text"),
    FieldType.EMAIL: pgettext_lazy("type of a field", "e-mail"),
    FieldType.PHONE: pgettext_lazy("type of a field", "phone"),
    FieldType.URL: pgettext_lazy("type of a field", "web address"),
    FieldType.INTEGER: pgettext_lazy("type of a field", "whole number"),
    FieldType.DECIMAL: pgettext_lazy("type of a field", "number"),
    FieldType.MONEY: pgettext_lazy("type of a field", "money"),
    FieldType.PERCENT: pgettext_lazy("type of a field", "percent"),
    FieldType.BOOLEAN: pgettext_lazy("type of a field", "yes or no"),
    FieldType.DATE: pgettext_lazy("type of a field", "date"),
    FieldType.TIME: pgettext_lazy("type of a field", "time"),
    FieldType.DATETIME: pgettext_lazy("type of a field", "date and time"),
    FieldType.CHOICE: pgettext_lazy("type of a field", "pick list"),
    FieldType.MULTICHOICE: pgettext_lazy("type of a field", "several of a list"),
    FieldType.REFERENCE: pgettext_lazy("type of a field", "record"),
    FieldType.OWNER: pgettext_lazy("type of a field", "owner"),
    FieldType.ID: pgettext_lazy("type of a field", "id"),
    FieldType.FILE: pgettext_lazy("type of a field", "file"),
    FieldType.LINES: pgettext_lazy("type of a field", "lines"),
    FieldType.JSON: pgettext_lazy("type of a field", "data"),
}
