"""`resolve_conflict ENTRY --take …`: choose about an entry that waits, and carry the choice out in this process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Entry
from portal.sync.choices.choice import decision_of
from portal.sync.choices.decide import decide
from portal.sync.choices.options import ChoiceRefused, choice_from
from portal.sync.command import DecisionCommand
from portal.ui.command import WrongUse


class Command(DecisionCommand):
    help = gettext_noop(
        "Choose about an entry that waits for a person, and have a run do it. Exit 0 only once it is done, 1 if not (also where the "
        "record changed meanwhile and is asked about anew), 3 while a plan awaits approval."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "entry", type=int, help=_("The entry's number, as show_run and the page “To decide” tell it.")
        )
        parser.add_argument(
            "--take",
            nargs="+",
            default=[],
            metavar="WORD",
            help=_(
                "Of values: left, right, both (leave both as they are), or FIELD=left … with the field's name on either side. Of"
                " records: new (make it on the other side), delete (the other one too), retire (never sync it again), retry (look"
                " again now). What fits the entry is told where none does."
            ),
        )
        parser.add_argument(
            "--record", default="", metavar="ID", help=_("The record on the other side with this id is it.")
        )
        parser.add_argument("--background", action="store_true", help=_("Only hand it to the qcluster."))

    def work(self, *, entry: int, take: list[str], record: str, background: bool, **options: Any) -> JSON:
        found = Entry.objects.select_related("connection", "source_connection").filter(pk=entry).first()
        if found is None:
            raise WrongUse(_("There is no entry %(entry)s. Take a number that show_run or the page “To decide” tells.") % {"entry": entry})  # fmt: skip
        try:
            choice = choice_from(take, found, record=record)
        except ChoiceRefused as e:
            raise WrongUse(str(e)) from e
        made = decide([(found, choice)], user=None, actor="command", enqueue=background)
        return {"choice": decision_of(choice), **self.done(made, background=background)}
