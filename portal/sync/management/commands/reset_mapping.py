"""`reset_mapping NAME`: forget what its two sides agreed on, so that everything is planned again; says first what that does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.mappings.named import mapping_named
from portal.sync.reset import kept_of, reset
from portal.sync.run import SyncRefused
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = gettext_noop(
        "Forget how far a mapping was carried out and what its two sides agreed on. Links, history and what waits stay; nothing is "
        "sent, and until somebody approves a plan each run stops at its plan. Only with --yes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The mapping's name."))
        parser.add_argument("--yes", action="store_true", help=_("Do it; without, it is only said what would happen."))

    def work(self, *, name: str, yes: bool, **options: Any) -> JSON:
        mapping = mapping_named(name)
        if not yes:
            raise WrongUse(_explained(name, kept_of(mapping).agreed))
        try:
            kept = reset(mapping, user=None, actor="command")
        except SyncRefused as e:
            raise WrongUse(str(e)) from e
        return {"mapping": name, **asdict(kept)}

    def show(self, result: JSON, **options: Any) -> None:
        text = _("Forgotten for %(agreed)d pairs. See what that leads to, nothing being sent: manage.py sync %(mapping)s --plan")  # fmt: skip
        self.stdout.write(text % result)


def _explained(name: str, agreed: int) -> str:
    text = _(
        "This forgets what was agreed on for %(agreed)d linked pairs of “%(name)s”. They stay linked, and the ledger stays. The next "
        "run compares every pair as if for the first time: what is equal is agreed on, an empty side is filled, and where both "
        "differ the source wins (one way) or the policy decides (both ways), also over what was edited on the other side. That run "
        "stops at its plan. To see such a plan without forgetting anything: manage.py sync %(name)s --all-again. "
        "To do it: manage.py reset_mapping %(name)s --yes"
    )
    return text % {"name": name, "agreed": agreed}
