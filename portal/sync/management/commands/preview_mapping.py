"""`preview_mapping MAPPING`: what a run would do, from our own copies; with `--record` what with that one. Asks no CRM."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from connectors.values import redact
from portal.mappings.models import Mapping
from portal.mappings.stored import newest
from portal.mappings.transform import Side
from portal.sync.cases import SIDES
from portal.sync.planning import Planning
from portal.sync.previews.page import WORDS, sentences
from portal.sync.previews.ready import NotReady, planning_of, sources
from portal.sync.previews.record import Line, Shown, show
from portal.sync.previews.samples import Sample
from portal.sync.previews.tally import Tally, preview
from portal.ui.command import Failed, PortalCommand, WrongUse
from portal.ui.wording import translated

SHOWN = ("fail", "blocked", "conflict")  # kinds of which the samples are printed for a person


class Command(PortalCommand):
    help = gettext_noop(
        "Tell what a run of a mapping's newest version, a draft too, would do, from our own copies: no CRM is asked. Exit 0 "
        "also where records would fail (counts.fail), as a run ends; 1 where there can be no preview yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mapping", help=_("The mapping's name."))
        parser.add_argument("--record", metavar="ID", help=_("Only this record, rule by rule."))
        parser.add_argument("--side", choices=SIDES, help=_("On which side the record is; the source when not given."))

    def work(self, *, mapping: str, record: str | None, side: Side | None, **options: Any) -> JSON:
        found = Mapping.objects.select_related("left_connection", "right_connection").filter(name=mapping).first()
        if found is None:
            known_names = ", ".join(Mapping.objects.values_list("name", flat=True)) or _("none yet")
            text = _("There is no mapping “%(name)s”. There are: %(known)s.")
            raise WrongUse(text % {"name": mapping, "known": known_names})
        if side and not record:
            raise WrongUse(_("--side says where a --record is."))
        try:
            known = planning_of(found)
        except NotReady as e:
            raise Failed(_not_ready(e)) from e
        return self.head(known) | (_one(known, record, side) if record else self.all(known))

    def head(self, known: Planning) -> dict[str, JSON]:
        """Return of what this is the preview, and how old the copies are."""
        number = newest(known.mapping)
        return {
            "mapping": known.mapping.name,
            "version": number,
            "is_draft": number > known.mapping.version,
            "read_at": {side: at.isoformat() if (at := known.mirrors[side].pulled_at) else None for side in SIDES},
        }

    def all(self, known: Planning) -> dict[str, JSON]:
        """Return counts and samples of all records."""
        began = time.monotonic()
        with self.progress(unit=_(" records"), desc=known.mapping.name) as bar:

            def tell(done: int, total: int, tally: Tally) -> None:
                bar.total = total
                bar.update(done - bar.n)

            tally = preview(known, tell)
        samples = {kind: [_sample(one) for one in found] for kind, found in tally.samples.items()}
        return {"counts": tally.counts, "samples": samples, "seconds": round(time.monotonic() - began, 3)}

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(_of_what(result))
        for one in result.get("outcomes", ()):
            self.stdout.write(one["text"])
        for line in result.get("fields", ()):
            self.stdout.write(_as_text(line))
        for kind, number in result.get("counts", {}).items():
            if number or kind in ("create", "change", "fail"):
                self.stdout.write(f"{WORDS[kind]}: {number}")
            for one in result["samples"][kind] if kind in SHOWN else ():
                self.stdout.write(f"  {one['id']} {one['label']}: {one['why']}")


def _one(known: Planning, record: str, side: Side | None) -> dict[str, JSON]:
    side = side or sources(known)[0]
    if side not in sources(known):
        raise WrongUse(_("Nothing becomes of records on that side: the mapping goes the other way."))
    shown = show(known, side, record)
    if shown is None:
        where = {"id": record, "connection": known.connections[side].name, "module": known.mirrors[side].module}
        raise WrongUse(_("We have no copy of “%(id)s” in %(connection)s · %(module)s.") % where)
    return {
        "side": side,
        "id": shown.seen.id,
        "label": shown.label,
        "partner": shown.partner.id if shown.partner else None,
        "outcomes": _outcomes(known, shown),
        "fields": [_field(line) for line in shown.lines],
    }


def _outcomes(known: Planning, shown: Shown) -> list[JSON]:
    return [{"kind": s.kind or "nothing", "text": f"{s.text} {s.advice}".strip()} for s in sentences(known, shown)]


def _field(line: Line) -> JSON:
    steps = [{"kind": s.kind, "name": s.name, "value": translated(s.value)} for s in line.steps]
    now = redact({line.target: line.now})[line.target] if line.now is not None else None
    wrong = translated(line.wrong) or None
    return {
        "field": line.target,
        "mark": line.mark,
        "becomes": line.becomes,
        "now": now,
        "wrong": wrong,
        "steps": steps,
    }


def _sample(one: Sample) -> JSON:
    return asdict(one) | {"why": str(one.why)}


def _not_ready(error: NotReady) -> str:
    text = _("Read it first: manage.py pull %(connection)s %(module)s")
    commands = [text % asdict(one) for one in error.unread]
    return "\n".join([*error.reasons, *commands])


def _of_what(result: JSON) -> str:
    text = (
        _("%(mapping)s, version %(version)d, a draft:")
        if result["is_draft"]
        else _("%(mapping)s, version %(version)d:")
    )
    told = [text % result]
    if "id" in result:
        told.append(_("record %(id)s %(label)s") % result)
    return " ".join(told)


def _as_text(line: JSON) -> str:
    values = {name: "–" if line[name] is None else line[name] for name in ("field", "mark", "becomes", "now")}
    text = _("  %(field)s [%(mark)s]: %(becomes)s, now %(now)s") % values
    return f"{text} – {line['wrong']}" if line["wrong"] else text
