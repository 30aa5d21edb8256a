"""Stateful simulators of the vendors' servers, spoken to over HTTP only: they keep state, answer in the vendor's own wire
format and fail on request. Nothing here imports a vendor's client, so client and simulator cannot share a mistake."""

from __future__ import annotations
