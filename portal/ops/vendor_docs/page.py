"""The page of one CRM: its sections and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module

from django.conf import settings

from connectors.base import Connector
from connectors.types import Setting
from portal.ops.shown import Line, lines
from portal.ops.vendor_docs.abilities import abilities, limits
from portal.ops.vendor_docs.calls import calls
from portal.ops.vendor_docs.errors import errors
from portal.ops.vendor_docs.evidence import LIMITS, MODULES, evidence
from portal.ops.vendor_docs.markdown import anchor, plain, table
from portal.ops.vendor_docs.oddities import oddities
from portal.ops.vendor_docs.reference import modules, types

MADE = "<!-- Made from the code by `manage.py write_docs`; do not edit by hand. -->\n"
DOCUMENTS = settings.BASE_DIR / "tests" / "connectors" / "documents"
ADDING = (
    "Then press *Add connection* in the portal, choose %(label)s and fill in what is needed. What is secret is sealed and never shown"
    " again; the connection is read-only until you allow writing. From the shell, with the names in brackets:\n\n"
    "    manage.py add_connection %(slug)s --name NAME --set SETTING=VALUE …"
)


def vendor(kind: type[Connector]) -> str:
    """Return the page of one CRM."""
    document = lines(DOCUMENTS, kind.slug)
    named = [line for line in document if line.kind in MODULES]
    known = frozenset(line.item for line in named) | frozenset(m.module.name for m in kind.catalog)
    about = import_module(f"{kind.__module__.rpartition('.')[0]}.about")
    sections = {
        "How to connect it": _connecting(kind),
        "What the portal can do with it, and what not": abilities(kind),
        "Limits": [*limits(kind), *_documented(document)],
        "What is odd about it": oddities(kind.slug, about.ODDITIES),
        "Modules": modules(kind, named),
        "Types of fields": types(kind),
        "Errors": errors(kind),
        "Calls by name": calls(kind, known),
        "What shows each line of the vendor's document": evidence([*document, *lines(DOCUMENTS, "all")]),
    }
    contents = " · ".join(f"[{heading}](#{anchor(heading)})" for heading in sections)
    text = [f"# {kind.label}\n", MADE, f"{about.INTRODUCTION}\n", f"{contents}\n"]
    text += [line for heading, body in sections.items() for line in (f"## {heading}\n", *body, "")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(text)).rstrip() + "\n"


def _connecting(kind: type[Connector]) -> Iterator[str]:
    yield f"{kind.credentials_help}\n"
    yield f"{ADDING % {'label': kind.label, 'slug': kind.slug}}\n"
    rows = [(f"{s.label} (`{s.name}`)", _kept(s), " ".join(_words(s))) for s in kind.settings]
    yield from table(("Setting", "", "Where to find it"), rows)
    yield "When the test of the connection fails, it is most likely one of these:\n"
    yield from (f"* {cause}" for cause in kind.likely_causes)


def _kept(setting: Setting) -> str:
    needed = setting.required and not setting.default
    return ", ".join([*["needed"] * needed, *["secret"] * setting.secret])


def _words(setting: Setting) -> Iterator[str]:
    """Yield where to find it, what there is to choose from, and what it is when nobody sets it."""
    yield setting.help
    if setting.choices:
        yield f"One of: {', '.join(f'“{choice.label}” (`{choice.value}`)' for choice in setting.choices)}."
    if setting.default:
        usual = next((f"“{choice.label}”" for choice in setting.choices if choice.value == setting.default), "")
        yield f"Unless set: {usual or setting.default}."


def _documented(document: Iterable[Line]) -> Iterator[str]:
    """Yield the limits of which the vendor's document speaks."""
    told = [f"{line.item}{f' ({line.told})' if line.told else ''}" for line in document if line.kind in LIMITS]
    if told:
        yield f"* Its document says: {plain('; '.join(told))}."
