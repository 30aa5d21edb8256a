"""Where a Problem leads: to the pages of what it is about. The rule: the ledger knows its connection only; apps above add theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from portal.ledger.models import Problem


@dataclass(frozen=True, slots=True)
class Link:
    """A page: what it is called in short, and what going there does."""

    name: str
    url: str
    text: str


# Called with problems; returns the links of each by its number, in a fixed number of queries.
leads_to: list[Callable[[Sequence[Problem]], Mapping[int, Sequence[Link]]]] = []


def links_of(problems: Sequence[Problem]) -> dict[int, list[Link]]:
    """Return where each problem leads, by its number."""
    found: dict[int, list[Link]] = {problem.pk: [] for problem in problems}
    for ask in leads_to:
        for pk, links in ask(problems).items():
            found[pk] += links
    return found
