"""Sentences that can be translated later, without Django. The rule: what a person may read is made by `text`, which is the
English sentence itself and remembers of what it was made; whoever shows it looks up the template in the person's language.

Modules import it as `_`, the name by which gettext's tools find what is to be translated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType


class Text(str):
    """An English sentence with the `template` and the `params` it was made of. Immutable; may be pickled and copied.

    A list of texts keeps them as `parts`, and its `template` is what stands between them.
    """

    __slots__ = ("params", "parts", "template")
    template: str
    params: Mapping[str, object]
    parts: tuple[str, ...]

    def __new__(cls, template: str, params: Mapping[str, object], parts: tuple[str, ...] = ()) -> Text:
        made = super().__new__(cls, template.join(parts) if parts else template % params if params else template)
        for name, value in (("template", template), ("params", MappingProxyType(dict(params))), ("parts", parts)):
            object.__setattr__(made, name, value)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Text cannot be changed")

    def __reduce__(self) -> tuple[type[Text], tuple[str, dict[str, object], tuple[str, ...]]]:
        return Text, (self.template, dict(self.params), self.parts)


def text(template: str, /, **params: object) -> Text:
    """Return the sentence: the template, an English literal, with each %(name)s filled in. A parameter may be a Text."""
    return Text(template, params)


def said(error: Exception) -> str:
    """Return what an error says: the Text it was raised with, where `str` would give the English alone."""
    told = error.args[0] if error.args else None
    return told if isinstance(told, str) else str(error)


def joined(separator: str, parts: Iterable[str]) -> str:
    """Return the parts with the separator between them; each keeps its own template."""
    kept = tuple(parts)
    return Text(separator, {}, kept) if kept else ""
