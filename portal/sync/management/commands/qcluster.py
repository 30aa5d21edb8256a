"""`qcluster`: django-q2's own, which first takes up every run that an earlier cluster left open."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django_q.management.commands import qcluster

from portal.sync.schedules import keep_resuming
from portal.sync.tasks import resume_runs


class Command(qcluster.Command):  # type: ignore[misc]  # django-q2 has no types
    help = "Carry out background work: scheduled syncs, and runs that were interrupted."

    def handle(self, *args: Any, **options: Any) -> None:
        keep_resuming()
        resume_runs(at_once=True)
        connections.close_all()  # the cluster forks: no connection may be shared
        super().handle(*args, **options)
