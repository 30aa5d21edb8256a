"""The simulated SarvCRM."""

from __future__ import annotations
