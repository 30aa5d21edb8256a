"""What the simulated Really Simple Systems makes of a body it is sent: checked by type, 422 with every fault by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.reallysimple.schema import Field, Table

JSON = Any
MAX_TEXT = 255


class Invalid(Exception):
    """A value that fails the rule of that name; `detail` is the rule's argument."""

    def __init__(self, rule: str, detail: list[JSON] | None = None) -> None:
        super().__init__(rule)
        self.rule, self.detail = rule, detail or []


def checked(
    table: Table, body: dict[str, JSON], exists: Callable[[str, int], bool], whole: bool
) -> tuple[dict[str, JSON], dict[str, list[JSON]]]:
    """Return the values to store and the faults by field as the 422 answer has them. Unknown and read-only keys are ignored.

    `exists(object, id)` tells whether a reference leads anywhere; with `whole` a required field must be in the body.
    """
    values: dict[str, JSON] = {}
    faults: dict[str, list[JSON]] = {}
    for name, field in table.fields.items():
        if not field.editable or (name not in body and not (whole and field.required)):
            continue
        value = body.get(name)
        if field.required and (value is None or (isinstance(value, str) and not value.strip())):
            faults[name] = [{"Required": []}]
            continue
        try:
            values[name] = _stored(field, value)
            if field.target and values[name] and not exists(field.target, values[name]):
                raise Invalid("Exists", [field.target])
        except Invalid as e:
            faults[name] = [{e.rule: e.detail}]
    return values, faults


def _stored(field: Field, value: JSON) -> JSON:
    if value is None or value == "":
        return 0 if field.type == "boolean" else field.empty if value is None or field.type != "string" else ""
    if field.type == "boolean":
        return _boolean(value)
    if isinstance(value, bool | list | dict):
        raise Invalid("String")
    if field.type == "integer":
        return _integer(value)
    if field.type == "decimal":
        return _decimal(value)
    if field.type in ("date", "datetime"):
        return _moment(str(value), field.type)
    text = str(value)
    if field.type == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise Invalid("Email")
    if field.type != "text" and len(text) > MAX_TEXT:
        raise Invalid("Max", [str(MAX_TEXT)])
    return text


def _boolean(value: JSON) -> int:
    if value in (True, 1, "1", "true"):
        return 1
    if value in (False, 0, "0", "false"):
        return 0
    raise Invalid("Boolean")


def _integer(value: JSON) -> int:
    if not re.fullmatch(r"-?\d+", str(value)):
        raise Invalid("Integer")
    return int(value)


def _decimal(value: JSON) -> JSON:
    """Return a JSON number, whole where it is whole, as in the document's samples ("unitprice": 420)."""
    try:
        number = Decimal(str(value))
    except InvalidOperation as e:
        raise Invalid("Numeric") from e
    if not number.is_finite():
        raise Invalid("Numeric")
    return int(number) if number == number.to_integral_value() else float(number)


def _moment(text: str, kind: str) -> str:
    """Return "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; a zone in the text is dropped, the vendor knows none."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", text)
    try:
        moment = datetime.fromisoformat(f"{found[1]} {found[2] or '00:00:00'}") if found else None
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid("Date")
    return moment.strftime("%Y-%m-%d" if kind == "date" else "%Y-%m-%d %H:%M:%S")
