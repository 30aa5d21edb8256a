"""OpenCRM, simulated: see `vendor`."""

from __future__ import annotations
