"""What is checked before and after a write, since OpenCRM checks nothing and answers with an id only. The rule: what may have been
written is never called undone.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import ProtocolError, RecordNotFound
from connectors.types import JSON, TEXT_TYPES, ModuleSchema, Values
from connectors.wording import text as _


def holds(schema: ModuleSchema, found: Values, wire: Mapping[str, JSON]) -> bool:
    """Say whether a record found is the one just created: most of the texts sent are in it. An id cut off on the way names
    another."""
    sent = [f.name for f in schema.fields if f.type in TEXT_TYPES and wire.get(f.name) and f.name in found]
    same = [name for name in sent if compared(found[name]) == compared(wire[name])]
    return len(same) * 2 >= len(sent)


def compared(value: JSON) -> list[str]:
    """Return a text's beginning as words, the same however a server treats blanks and long texts."""
    return str(value or "").lower()[:100].split()


def unclear() -> ProtocolError:
    """Return the error for a create whose answer names no record that could be it."""
    sentence = _("OpenCRM answered with an id that is not the new record's: whether it was created is not known.")
    return ProtocolError(sentence, maybe_done=True)


def hidden(module: str, id: str, error: RecordNotFound) -> ProtocolError:
    """Return the error for a record that took a change and cannot be read after it."""
    sentence = _(
        "OpenCRM took the change of %(name)s %(id)s and then showed no such record: look there whether it was deleted meanwhile.",
        name=module,
        id=id,
    )
    return ProtocolError(sentence, code=error.code, vendor_message=error.vendor_message, maybe_done=True)
