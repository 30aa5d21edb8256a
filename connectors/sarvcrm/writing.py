"""What is checked before and after a write, since SarvCRM answers with an id only. The rule: what may have been written is never
called undone."""

from __future__ import annotations

from connectors.errors import ProtocolError, RecordInvalid, RecordNotFound
from connectors.types import ModuleSchema, Values
from connectors.wording import text as _


def complete(described: ModuleSchema, values: Values) -> None:
    """Raise RecordInvalid when a new record would lack a field that it must have; the server fills in its presets itself."""
    needed = (f for f in described.fields if f.required and f.default is None)
    missing = [f.name for f in needed if values.get(f.name) in (None, "", [])]
    if missing:
        fields, names = dict.fromkeys(missing, _("is required")), ", ".join(missing)
        label = described.module.label
        sentence = _("Nothing was sent to %(module)s: needed are %(names)s.", module=label, names=names)
        raise RecordInvalid(sentence, fields=fields)


def hidden(module: str, id: str, error: RecordNotFound) -> ProtocolError:
    """Return the error for a record that took a change and cannot be found after it."""
    sentence = _(
        "SarvCRM answered that %(module)s %(id)s was changed, but does not show it any more: it was deleted meanwhile, or this "
        "user may not see it now.",
        module=module,
        id=id,
    )
    return ProtocolError(sentence, code=error.code, vendor_message=error.vendor_message, maybe_done=True)
