"""`review_matches MAPPING`: which records may be one though their match key does not say so; with `--accept-above` those from
that score on are made one. Asks no CRM and sends nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from connectors.types import JSON
from portal.mappings.models import Mapping
from portal.sync.cases import SIDES
from portal.sync.choices.relink import RelinkRefused
from portal.sync.matching import decide as match_decide
from portal.sync.matching.page import unlike
from portal.sync.matching.scores import OFFERED
from portal.sync.matching.words import in_words
from portal.sync.models import MatchCandidate, Preview
from portal.sync.previews import job as preview_job
from portal.sync.previews.ready import NotReady
from portal.ui.command import Failed, PortalCommand, WrongUse

SHOWN = 20  # pairs that are printed for a person


class Command(PortalCommand):
    help = gettext_noop(
        "Look in our own copies which records may be one though their match key does not say so, with scores and reasons. With "
        "--accept-above those are made one from that score on for which neither record has another partner nearly as likely; "
        "the next run goes by it. No CRM is asked and nothing is sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mapping", help=_("The mapping's name."))
        parser.add_argument(
            "--accept-above", type=int, metavar="N", help=_("From which score on (50 to 100) pairs are accepted.")
        )

    def work(self, *, mapping: str, accept_above: int | None, **options: Any) -> JSON:
        if accept_above is not None and not OFFERED <= accept_above <= 100:
            raise WrongUse(_("--accept-above takes a score from %(least)d to 100.") % {"least": OFFERED})
        found = Mapping.objects.select_related("left_connection", "right_connection").filter(name=mapping).first()
        if found is None:
            raise WrongUse(_("There is no mapping “%(name)s”.") % {"name": mapping})
        review = _review(found)
        result = {"mapping": found.name, "version": review.version, "counts": {s: review.counts[s] for s in SIDES}}
        result |= self.accepted(found, accept_above)
        pairs = match_decide.still_open(found).order_by("-score", "pk")
        doubles = MatchCandidate.objects.filter(mapping=found, state=MatchCandidate.State.OPEN).exclude(within="")
        return result | {
            "pairs": [_as_json(pair) for pair in pairs],
            "unlike": [_as_json(pair) for pair in unlike(found)],
            "doubles": [{"side": pair.within, **_as_json(pair)} for pair in doubles.order_by("within", "-score", "pk")],
        }

    def accepted(self, mapping: Mapping, least: int | None) -> dict[str, JSON]:
        """Accept what was asked for; return how many, and what could not be."""
        if least is None:
            return {}
        try:
            done = match_decide.accept_above(mapping, least, user=None, actor="command")
        except RelinkRefused as e:
            raise Failed(str(e)) from e
        if done.refused:
            text = ngettext(
                "%(n)d pair could not be made one.", "%(n)d pairs could not be made one.", len(done.refused)
            )
            self.fall_short(text % {"n": len(done.refused)})
        refused = [{"left": left, "right": right, "why": why} for left, right, why in done.refused]
        return {"accepted": done.number, "refused": refused}

    def show(self, result: JSON, **options: Any) -> None:
        for side in SIDES:
            told = ", ".join(f"{name} {number}" for name, number in result["counts"][side].items() if number)
            self.stdout.write(f"{side}: {told or '–'}")
        if "accepted" in result:
            text = ngettext("%(n)d pair is one from now on.", "%(n)d pairs are one from now on.", result["accepted"])
            self.stdout.write(text % {"n": result["accepted"]})
        for one in result.get("refused", ()):
            self.stdout.write("  {left} = {right}: {why}".format(**one))
        for title, name in (
            (_("May be one: %(n)d"), "pairs"),
            (_("Same key, yet unlike: %(n)d"), "unlike"),
            (_("Doubles in one CRM: %(n)d"), "doubles"),
        ):
            self.stdout.write(title % {"n": len(result[name])})
            for one in result[name][:SHOWN]:
                self.stdout.write(_as_text(one))


def _review(mapping: Mapping) -> Preview:
    try:
        row = preview_job.start(mapping, user=None, actor="command", kind=Preview.Kind.MATCHES, enqueue=False)
    except NotReady as e:
        commands = (_("Read it first: manage.py pull %(connection)s %(module)s") % asdict(one) for one in e.unread)
        raise Failed("\n".join([*e.reasons, *commands])) from e
    if row.goes_on:
        raise Failed(_("Somebody else looks at it just now: wait until that has ended."))
    if row.state != Preview.State.DONE:
        raise Failed(row.message or str(row.get_state_display()))
    return row


def _as_json(pair: MatchCandidate) -> dict[str, JSON]:
    names = ("left_id", "right_id", "score", "reasons", "doubts")
    return {name.removesuffix("_id"): getattr(pair, name) for name in names}


def _as_text(one: JSON) -> str:
    doubts = _("; but %(doubts)s") % {"doubts": ", ".join(map(str, in_words(one["doubts"])))} if one["doubts"] else ""
    side = f"{one['side']} " if "side" in one else ""
    return f"  {one['score']:>3} {side}{one['left']} = {one['right']}: {', '.join(map(str, in_words(one['reasons'])))}{doubts}"
