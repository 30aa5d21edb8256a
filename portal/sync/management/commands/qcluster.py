"""`qcluster`: django-q2's cluster, which first takes up what an earlier one left: runs, and schedules that fell due. The
rule: its processes live and end together. A part that outlived the rest would work on where nobody can stop it; one that
was killed may have held a lock for which the others would wait for ever, and nobody would notice."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from typing import Any

from django.db import connections
from django.utils.translation import gettext_noop
from django_q import cluster
from django_q.scheduler import scheduler

from portal.checks import refuse_without_keys
from portal.sync.schedules import keep_standing
from portal.sync.tasks import resume_runs
from portal.ui.command import TranslatedCommand

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1  # prctl(2)
PAUSE = 1.0  # seconds before a cluster that was ended from outside is started anew


class Command(TranslatedCommand):
    help = gettext_noop(
        "Carry out background work: scheduled syncs, and runs that were interrupted. Ctrl-C or SIGTERM ends it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_without_keys()
        cluster.Sentinel = Sentinel  # the name by which Cluster starts it
        end_with_parent_after_fork()
        while not run_cluster():
            log.error("A process of the cluster was killed: all of it is started anew. Runs go on where they were.")


class Sentinel(cluster.Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """Replaces a process that ended by itself, as django-q2 does; ends with all others when one was killed."""

    def guard(self) -> None:
        # The master tells it to end, also when a whole group is asked to: for a dead one it would wait for ever.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().guard()

    def reincarnate(self, process: Any) -> None:
        if (process.exitcode or 0) < 0:
            for other in (*self.pool, self.monitor, self.pusher):
                other.kill()
            os._exit(1)
        super().reincarnate(process)


def run_cluster() -> bool:
    """Run a cluster to its end; say whether somebody asked for that."""
    keep_standing()
    resume_runs(at_once=True)
    scheduler()
    connections.close_all()  # the cluster forks: no connection may be shared
    ours = cluster.Cluster()
    asked = False

    def stop(*signal_and_frame: Any) -> None:
        nonlocal asked
        asked = True
        ours.stop()

    ours.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ours.sentinel.join()
    time.sleep(0 if asked else PAUSE)  # whoever ends a whole group reaches us a moment after the others
    return asked or ours.sentinel.exitcode == 0


def end_with_parent_after_fork() -> None:
    """Have each process forked from now on killed by the kernel when the one that forked it ends. Only Linux can; a
    cluster killed elsewhere may leave processes behind."""
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = [os.getpid()]

    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent[0]:  # it ended before we asked
            os.kill(os.getpid(), signal.SIGKILL)
        parent[0] = os.getpid()

    os.register_at_fork(after_in_child=in_child)
