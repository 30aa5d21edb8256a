"""What is checked before and after a write, since SarvCRM answers with an id only. The rule: what may have been written is never
called undone."""

from __future__ import annotations

from connectors.errors import ProtocolError, RecordNotFound
from connectors.wording import text as _


def hidden(module: str, id: str, error: RecordNotFound) -> ProtocolError:
    """Return the error for a record that took a change and cannot be found after it."""
    sentence = _(
        "SarvCRM answered that %(module)s %(id)s was changed, but does not show it any more: it was deleted meanwhile, or this "
        "user may not see it now.",
        module=module,
        id=id,
    )
    return ProtocolError(sentence, code=error.code, vendor_message=error.vendor_message, maybe_done=True)
