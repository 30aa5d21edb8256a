"""What is said of a module whose fields changed: to whom it matters, and what to do. For a person who made none of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.connections.models import Connection
from portal.connections.schema import Drift
from portal.connections.schema_diff import SchemaChange
from portal.mappings.hits import Hit
from portal.mappings.models import Mapping
from portal.ui.wording import translated

MOST = 12  # changes told in words; the command tells them all


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the changes mean for one mapping. `stopped`: it was paused for them and nobody has resumed it."""

    mapping: Mapping
    hits: tuple[Hit, ...] = ()
    stopped: bool = False

    @property
    def breaks(self) -> bool:
        """Say whether it can no longer work for certain."""
        return any(hit.breaks for hit in self.hits)

    @property
    def matters(self) -> bool:
        """Say whether somebody has to look at it."""
        return self.stopped or bool(self.hits)


@dataclass(frozen=True, slots=True)
class Words:
    """What a Problem says."""

    title: str
    detail: str
    advice: str


def reason(verdict: Verdict, connection: Connection) -> str:
    """Return why the mapping is paused."""
    hit = next(hit for hit in verdict.hits if hit.breaks)
    return f"{connection.name}: {translated(hit.change.sentence)} ({', '.join(map(translated, hit.places))})"


def words(connection: Connection, module: str, drift: Drift, found: Sequence[Verdict]) -> Words:
    """Return what the Problem of this module says."""
    label = drift.before.module.label or module
    told = {"connection": connection.name, "crm": connection.crm, "module": label}
    detail = "\n".join(_lines(drift, found))
    if broken := [verdict for verdict in found if verdict.breaks]:
        return Words(_paused(broken, told), detail, _mend())
    if waiting := [verdict for verdict in found if verdict.stopped]:
        return Words(_fits_again(waiting, told), detail, _resume())
    if found:
        title = _("%(module)s of “%(connection)s” (%(crm)s) changed") % told
        return Words(title, detail, _look())
    title = _("“%(connection)s” (%(crm)s) tells hardly any field of %(module)s") % told
    return Words(title, detail, _believe(connection, module))


def _paused(broken: Sequence[Verdict], told: dict[str, str]) -> str:
    text = ngettext(
        "%(mappings)s is paused: %(module)s of “%(connection)s” (%(crm)s) changed",
        "%(mappings)s are paused: %(module)s of “%(connection)s” (%(crm)s) changed",
        len(broken),
    )
    return text % {**told, "mappings": _names(broken)}


def _fits_again(waiting: Sequence[Verdict], told: dict[str, str]) -> str:
    text = ngettext(
        "%(mappings)s fits %(module)s of “%(connection)s” (%(crm)s) again, and is still paused",
        "%(mappings)s fit %(module)s of “%(connection)s” (%(crm)s) again, and are still paused",
        len(waiting),
    )
    return text % {**told, "mappings": _names(waiting)}


def _names(found: Sequence[Verdict]) -> str:
    names = [f"“{verdict.mapping}”" for verdict in found[:3]]
    return ", ".join(names) + (" …" if len(found) > 3 else "")


def _lines(drift: Drift, found: Sequence[Verdict]) -> Iterator[str]:
    if drift.doubted is not None:
        text = _("The last answer told %(count)d of %(known)d fields. That is not believed; nothing was changed.")
        yield text % {"count": drift.doubted, "known": len((drift.after or drift.before).fields)}
    concerned: dict[SchemaChange, list[str]] = {}
    for verdict in found:
        for hit in verdict.hits:
            places = ", ".join(map(translated, hit.places))
            concerned.setdefault(hit.change, []).append(f"“{verdict.mapping}” ({places})")
    for change, where in list(concerned.items())[:MOST]:
        told = {"what": translated(change.sentence), "where": "; ".join(where)}
        yield _("%(what)s It concerns: %(where)s.") % told
    if len(concerned) > MOST:
        yield _("And %(count)d more; “manage.py refresh_schema” tells them all.") % {"count": len(concerned) - MOST}


def _mend() -> str:
    return _(
        "Either put it back in the CRM and press “Read the fields again” on the connection’s page; or change the mapping so"
        " that it fits and make that live. Then resume it: it goes on where it stopped, and what changed meanwhile is carried over. It is not"
        " resumed by itself."
    )


def _resume() -> str:
    return _(
        "Look in the CRM whether the fields hold what they did: one that was deleted and made anew is empty. Then resume the"
        " mapping on its page. It is not resumed by itself."
    )


def _look() -> str:
    return _("These mappings go on. See whether they still do what they should, and save them: then this is over.")


def _believe(connection: Connection, module: str) -> str:
    text = _(
        "Look at the rights of the connection’s user in the CRM; mappings go by the fields known before. If the answer is right"
        " all the same, run: manage.py refresh_schema %(connection)s %(module)s --believe"
    )
    return text % {"connection": connection.name, "module": module}
