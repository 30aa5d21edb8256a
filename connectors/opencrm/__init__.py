"""OpenCRM, by its REST API."""

from __future__ import annotations
