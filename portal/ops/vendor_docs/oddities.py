"""What a person should know of a CRM beforehand, each with a link to where the evidence stands in docs/facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.conf import settings

from portal.ops.vendor_docs.markdown import anchor

FACTS = settings.BASE_DIR / "docs" / "facts"
NUMBERED = re.compile(r"([A-Z])(\d+)")  # “C5”: the fifth fact under “## C. …”


def oddities(slug: str, told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a bullet for each. Raises LookupError for a place that is not on the page of facts."""
    page = (FACTS / f"{slug}.md").read_text()
    links: dict[str, str] = {}
    for words, place in told:
        shown = _shown(place)
        if place:
            links[shown] = f"../facts/{slug}.md#{anchor(_heading(slug, page, place))}"
        yield f"* {words} {f'[{shown}]' if place else '(its document)'}"
    yield f"\nAll that is known beyond its document, with the evidence: [how {_name(page)} answers](../facts/{slug}.md).\n"
    yield from (f"[{shown}]: {link}" for shown, link in sorted(links.items()))


def _shown(place: str) -> str:
    numbered = NUMBERED.fullmatch(place)
    return f"facts {place}" if numbered else f"facts §{place}" if place[:1].isdigit() else "facts"


def _heading(slug: str, page: str, place: str) -> str:
    """Return the heading a place is under: one by its beginning, or that of a fact by its letter and number."""
    numbered = NUMBERED.fullmatch(place)
    begin = f"{numbered[1]}." if numbered else place
    found = re.search(rf"^#+ ({re.escape(begin)}.*?)\s*$(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    if not found or (numbered and not re.search(rf"^{numbered[2]}\. ", found[2], re.MULTILINE)):
        raise LookupError(f"docs/facts/{slug}.md has no “{place}”, which an oddity of {slug} names as its evidence")
    return found[1]


def _name(page: str) -> str:
    found = re.match(r"# How (.*?) answers", page)
    return found[1] if found else "it"
