"""Which modules' lines the mappings carry over, told to who reads the records: some CRMs tell lines of one record only."""

from __future__ import annotations

from django.db.models import F, Q

from portal.mappings.models import FieldRule, Mapping
from portal.records.models import Mirror
from portal.records.pull import read_again
from portal.records.whole import lacks


def fields_needed(mirror: Mirror) -> frozenset[str]:
    """Return the fields of lines of that module which a live version of a mapping, or a draft, is about."""
    mapping = "version__mapping"
    rules = FieldRule.objects.filter(source=FieldRule.Source.LINES).filter(
        version__number__gte=F(f"{mapping}__version")
    )
    found: set[str] = set()
    for side in ("left", "right"):
        here = Q(**{f"{mapping}__{side}_connection": mirror.connection_id, f"{mapping}__{side}_module": mirror.module})
        found |= set(rules.filter(here).values_list(side, flat=True))
    return frozenset(found)


def read_lines(mapping: Mapping) -> None:
    """Have the modules read again whose copies lack lines that the mapping carries over since it was saved."""
    for connection, module in (
        (mapping.left_connection_id, mapping.left_module),
        (mapping.right_connection_id, mapping.right_module),
    ):
        mirror = Mirror.objects.filter(connection=connection, module=module).exclude(codec=0).first()
        if mirror is not None and any(lacks(mirror, field) for field in fields_needed(mirror)):
            read_again(mirror)
