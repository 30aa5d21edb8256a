"""Tables that an administrator of a Vtiger, or of a Simply CRM, made: with names and labels in a language of their own."""

from __future__ import annotations

from typing import Any

GUARANTEES = {
    "name": "Zemanatha",
    "label": "ضمانت‌نامه‌ها",
    "prefix": "71",
    "fields": [
        {"name": "onvan", "label": "عنوان", "type": {"name": "string"}, "mandatory": True},
        {
            "name": "cf_1201",
            "label": "وضعیت",
            "type": {
                "name": "picklist",
                "picklistValues": [{"value": "open", "label": "در جریان"}, {"value": "بسته", "label": "بسته‌شده"}],
            },
        },
        {"name": "cf_1203", "label": "Größe & Länge", "type": {"name": "double"}},
        {"name": "cf_1205", "label": "顧客", "type": {"name": "reference", "refersTo": ["Accounts"]}},
    ],
}
UNLISTED: dict[str, Any] = {**GUARANTEES, "name": "Makhfi", "label": "مخفی", "prefix": "72", "listed": False}
