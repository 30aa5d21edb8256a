"""The names of countries in the portal's languages, for telling entries of pick lists apart."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import override

from portal.connections.regions import REGIONS


def spellings() -> list[tuple[str, ...]]:
    """Return for each country its code and what it is called in every language of the portal."""
    found = {code: [code] for code in REGIONS}
    for language, _name in settings.LANGUAGES:
        with override(language):
            for code, name in REGIONS.items():
                found[code].append(str(name))
    return [tuple(dict.fromkeys(names)) for names in found.values()]
