"""How text is made comparable, in a form that each database can repeat.

In PostgreSQL: `translate(normalize(lower(x COLLATE "und-x-icu"), NFC), FOLD_FROM, FOLD_TO)`; in SQLite this very function
is registered.
"""

from __future__ import annotations

from unicodedata import normalize

from connectors.spelling import ARABIC_DIGITS, PERSIAN_DIGITS

# Keyboards write the same Persian word with Arabic yeh and kaf; sigma has a form of its own at the end of a word, which
# would hide it from `contains`.
FOLD_FROM = "يىكς" + PERSIAN_DIGITS + ARABIC_DIGITS
FOLD_TO = "ییکσ" + "0123456789" * 2
_TABLE = str.maketrans(FOLD_FROM, FOLD_TO)


def fold(text: str) -> str:
    """Return the text in lower case, NFC, with Arabic letters and digits in their Persian and ASCII forms. Idempotent."""
    if text.isascii():
        return text.lower()
    return normalize("NFC", text.lower()).translate(_TABLE)
