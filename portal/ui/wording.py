"""The connectors' sentences in the language of whoever reads them. The rule: connectors know no Django, so they hand over
what their sentences are made of (`connectors.wording`), and this is the one place that looks it up."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext, override

from connectors.wording import Text, said


def translated(value: str | Exception) -> str:
    """Return a connector's sentence, label or help, or what its error says, in the language now active. What is no Text,
    such as a vendor's own words, comes back as it is."""
    if isinstance(value, Exception):
        value = said(value)
    if not isinstance(value, Text) or not value:
        return value
    if value.parts:
        return gettext(value.template).join(translated(part) for part in value.parts)
    told = {name: translated(param) if isinstance(param, str) else param for name, param in value.params.items()}
    return gettext(value.template) % told if told else gettext(value.template)


def portal_language() -> override:
    """Return the context in which what is kept in the database is put into words: in LANGUAGE_CODE, whoever causes it,
    since others read it later."""
    return override(settings.LANGUAGE_CODE)


def to_keep(value: str | Exception) -> str:
    """Return a connector's sentence as it is kept in the database."""
    with portal_language():
        return translated(value)
