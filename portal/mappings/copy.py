"""A copy of a mapping under another name. The rule: it says the same and does nothing by itself: it is a draft until a person
makes it live."""

from __future__ import annotations

from dataclasses import replace

from portal.accounts.models import User
from portal.mappings.definition import Definition, Rule
from portal.mappings.models import Mapping
from portal.mappings.save import save_draft
from portal.mappings.stored import definition_of, newest


def copy_mapping(mapping: Mapping, name: str, *, user: User | None, actor: str) -> Mapping:
    """Save what the mapping says in its newest version under that name, which is free, and return the copy. Rules that refer to
    the mapping itself refer to the copy; value tables are shared."""
    return save_draft(None, copied(definition_of(mapping, newest(mapping)), name), user=user, actor=actor)


def copied(definition: Definition, name: str) -> Definition:
    """Return the definition under another name, its rules as new ones."""

    def renewed(rule: Rule) -> Rule:
        linked = name if rule.mapping == definition.name else rule.mapping
        return replace(rule, uuid="", mapping=linked, lines=tuple(map(renewed, rule.lines)))

    return replace(definition, name=name, rules=tuple(map(renewed, definition.rules)))
