"""What speaks for two records being one, and what against it, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: dict[str, str | Promise] = {
    "same_key": _("same match key"),
    "same_name": _("same name"),
    "name_alike": _("name alike"),
    "part_of_name": _("one name is part of the other"),
    "same_email": _("same e-mail address"),
    "same_mailbox": _("same shared mailbox"),
    "same_phone": _("same phone"),
    "same_company": _("same company"),
    "company_alike": _("company alike"),
    "same_domain": _("same domain"),
    "same_city": _("same town"),
    "same_code": _("same number of its own"),
    "other_name": _("another name"),
    "half_name": _("a part of the name differs"),
    "other_company": _("another company"),
    "other_city": _("another town"),
    "other_domain": _("another domain"),
    "other_code": _("another number of its own"),
}


def in_words(codes: list[str]) -> list[str | Promise]:
    """Return the words for codes of reasons or doubts; a code nobody knows as it is."""
    return [WORDS.get(code, code) for code in codes]
