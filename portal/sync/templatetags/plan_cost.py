"""What a plan costs, on the page of its run."""

from __future__ import annotations

from typing import Any

from django import template

from portal.ledger.models import Entry, Run
from portal.sync import plan_cost

register = template.Library()


@register.simple_tag
def cost_of(run: Run) -> list[plan_cost.SideCost]:
    """Return what carrying out the plan costs each CRM; nothing where it does not wait for approval."""
    return plan_cost.plan_cost(run)


@register.filter
def in_words(side: plan_cost.SideCost) -> str:
    """Return the cost for one CRM as a sentence."""
    return plan_cost.sentence(side)


@register.filter
def calls_in(entry: Entry, costs: Any) -> int:
    """Return how many calls that entry costs; 0 for one that waits for no approval."""
    return plan_cost.calls_of(entry, costs)
