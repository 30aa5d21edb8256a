"""`qcluster`: django-q2's cluster, which first takes up what an earlier one left: runs, and schedules that fell due. The
rule: its processes end together; a part that outlived the rest would work on where nobody can see or stop it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django_q.cluster import Cluster
from django_q.scheduler import scheduler

from portal.checks import refuse_without_keys
from portal.sync.schedules import keep_resuming
from portal.sync.tasks import resume_runs

PR_SET_PDEATHSIG = 1  # prctl(2)


class Command(BaseCommand):
    help = "Carry out background work: scheduled syncs, and runs that were interrupted. Ctrl-C or SIGTERM ends it."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_without_keys()
        keep_resuming()
        resume_runs(at_once=True)
        scheduler()
        connections.close_all()  # the cluster forks: no connection may be shared
        end_with_parent_after_fork()
        cluster = Cluster()
        cluster.start()
        cluster.sentinel.join()
        if cluster.sentinel.exitcode:
            raise CommandError(
                "The background work was ended from outside; start it again. Runs go on where they were."
            )


def end_with_parent_after_fork() -> None:
    """Have each process forked from now on killed by the kernel when the one that forked it ends. Only Linux can; a
    cluster killed elsewhere may leave processes behind."""
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = [os.getpid()]

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent[0]:  # it ended before we asked
            os.kill(os.getpid(), signal.SIGKILL)
        parent[0] = os.getpid()

    os.register_at_fork(after_in_child=in_child)
