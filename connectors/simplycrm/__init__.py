"""Simply CRM: a Vtiger of its own, so that its webservice is Vtiger's; beside it a mobile JSON API and incoming webhooks."""

from __future__ import annotations
