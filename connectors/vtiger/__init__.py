"""Vtiger CRM: its webservice.php, versions 7 and 8, hosted or installed by oneself."""

from __future__ import annotations
