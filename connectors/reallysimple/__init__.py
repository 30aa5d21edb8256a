"""Really Simple Systems CRM, today Spotler CRM: its API version 4, a hosted service."""

from __future__ import annotations
