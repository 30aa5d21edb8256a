"""`pause_mapping NAME`: no run of it begins, and one that is at work ends, until it is resumed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.mappings.named import mapping_named
from portal.mappings.pause import pause
from portal.ui.command import PortalCommand


class Command(PortalCommand):
    help = gettext_noop(
        "Pause a mapping: its schedule starts no run, and one that is at work ends after what it has sent. Links, what was agreed "
        "on, and what waits stay as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The mapping's name."))
        parser.add_argument("--reason", default="", help=_("Why, for whoever wonders later."))

    def work(self, *, name: str, reason: str, **options: Any) -> JSON:
        mapping = mapping_named(name)
        done = pause(mapping, user=None, actor="command", reason=reason)
        return {"mapping": name, "state": mapping.state, "reason": mapping.paused_reason, "changed": done}

    def show(self, result: JSON, **options: Any) -> None:
        text = _("“%(mapping)s” is paused: %(reason)s.") if result["changed"] else _("“%(mapping)s” was paused already: %(reason)s.")  # fmt: skip
        self.stdout.write(text % result)
