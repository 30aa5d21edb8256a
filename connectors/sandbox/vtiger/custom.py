"""The simulated Vtiger's custom modules: tables that an administrator made, with names and labels in any language."""

from __future__ import annotations

import json
from typing import Any

from connectors.sandbox.vtiger.crm import Custom, data

JSON = Any


def custom_module(told: dict[str, JSON]) -> Custom:
    """Return a module made of {"name", "label", "prefix", "fields", "listed"}; it has what every module has, as Assets does, and is
    named by its first field."""
    common = ("assigned_user_id", "createdtime", "modifiedtime", "modifiedby", "source", "id")
    recorded = {field["name"]: field for field in data()["modules"]["Assets"]["fields"]}
    own = [
        {"mandatory": False, "editable": True, "isunique": False, "nullable": True, "default": "", **field}
        for field in told["fields"]
    ]
    described = {
        **data()["modules"]["Assets"],
        **{name: told[name] for name in ("name", "label")},
        "idPrefix": told["prefix"],
        "labelFields": own[0]["name"],
        "fields": own + [recorded[name] for name in common],
    }
    return Custom(json.dumps(described), bool(told.get("listed", True)))
