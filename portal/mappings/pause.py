"""Pauses and resumes a mapping for a person. The rule: it is written down who did it and why, and what no longer fits is not
resumed. What was changed meanwhile lies above the checkpoint, so the next run after it plans all of that."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.mappings.drift import broken
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping


class NotFit(Exception):
    """The mapping cannot work as its modules are now; the message says why."""


def pause(mapping: Mapping, *, user: User | None, actor: str, reason: str = "") -> bool:
    """Pause the mapping and its schedule, which also ends a run that is at work after what it has sent; say whether it was
    active."""
    if mapping.state == Mapping.State.PAUSED:
        return False
    pause_mapping(mapping, True, actor, reason=reason)
    write.audit(user, "pause mapping", mapping, {"reason": reason} if reason else None, actor=actor)
    return True


def resume(mapping: Mapping, *, user: User | None, actor: str) -> bool:
    """Have the mapping run again; say whether it was paused. Raises NotFit."""
    if mapping.state == Mapping.State.ACTIVE:
        return False
    if why := broken(mapping):
        raise NotFit(_("It cannot be resumed before it fits: %(why)s") % {"why": why})
    pause_mapping(mapping, False, actor)
    write.audit(user, "resume mapping", mapping, actor=actor)
    return True
