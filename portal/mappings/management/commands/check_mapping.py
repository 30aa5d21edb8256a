"""`check_mapping NAME`: what is wrong with a mapping, before anything runs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from connectors.types import JSON
from portal.mappings.editing import open_editing
from portal.mappings.models import Mapping
from portal.mappings.stored import definition_of
from portal.ui.command import Failed, PortalCommand, WrongUse
from portal.ui.wording import translated


class Command(PortalCommand):
    help = gettext_noop(
        "Check a mapping against the fields of both CRMs and what the mirrors hold: its newest version, live or draft. Exit 1"
        " when there are errors; warnings are only told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The mapping's name."))
        parser.add_argument("--live", action="store_true", help=_("Check the live version, not a draft."))

    def work(self, *, name: str, live: bool, **options: Any) -> JSON:
        mapping = Mapping.objects.filter(name=name).select_related("left_connection", "right_connection").first()
        if mapping is None:
            raise WrongUse(_("There is no mapping “%(name)s”.") % {"name": name})
        if live and not mapping.is_live:
            raise Failed(_("“%(name)s” is not live yet.") % {"name": name})
        editing = open_editing(mapping)
        editing = editing.saying(definition_of(mapping)) if live else editing
        found = [(f.level, f.place, translated(f.text), f.hits) for f in editing.findings]
        errors = sum(level == "error" for level, *_rest in found)
        if errors:
            text = ngettext("%(count)d error in “%(name)s”.", "%(count)d errors in “%(name)s”.", errors)
            self.fall_short(text % {"count": errors, "name": name})
        keys = ("level", "place", "text", "records")
        return {"mapping": name, "findings": [dict(zip(keys, finding, strict=True)) for finding in found]}

    def show(self, result: JSON, **options: Any) -> None:
        for finding in result["findings"]:
            records = "" if finding["records"] is None else f" ({finding['records']})"
            self.stdout.write(f"{finding['level']:8}{finding['place']}: {finding['text']}{records}")
        if not result["findings"]:
            self.stdout.write(_("Nothing is wrong with it."))
