"""`demo`: the whole portal with simulated CRMs, in one command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import Any

import orjson
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from tqdm import tqdm

from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.ops import demo
from portal.ops.config_file import import_document
from portal.sync.run import SyncRefused, carry_out, request_sync
from portal.ui.command import TranslatedCommand


class Command(TranslatedCommand):
    help = gettext_noop("Start the portal with simulated CRMs, mappings between them and their schedules, in var/demo.")
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help=_(
                "Do everything but serving; print one line of JSON. “pulled” are the records the CRMs sent this time: new,"
                " changed and unchanged ones."
            ),
        )
        parser.add_argument("--fresh", action="store_true", help=_("Forget the last demo and begin anew."))
        parser.add_argument("--port", type=int, help=_("Where to serve; default 8000, or any free port."))
        parser.add_argument(
            "--records", type=int, default=300, help=_("How many records each main module starts with.")
        )
        parser.add_argument("--new-password", action="store_true", help=_("Make a new password for the user “admin”."))
        parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["inside"]:
                self.go_inside(options["fresh"])
            signal.signal(signal.SIGTERM, _interrupt)
            signal.signal(signal.SIGINT, _interrupt)  # also where a shell has started us in the background, deaf to it
            with demo.lock(settings.VAR_DIR):
                self.run_inside(**options)
        except KeyboardInterrupt:
            self.stderr.write(_("Stopped."))
        except (demo.AlreadyRunning, RuntimeError, OSError) as e:
            raise CommandError(str(e)) from e

    def go_inside(self, fresh: bool) -> None:
        """Start this command again under the demo's own settings: own database, own keys, own files."""
        environment = demo.prepare(settings.VAR_DIR / "demo", fresh=fresh)
        arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, demo.MANAGE, *arguments, "--inside"], environment)

    def run_inside(self, **options: Any) -> None:
        started = time.monotonic()
        self.stderr.write(_("Preparing the database and the static files …"))
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        password = demo.make_admin(new_password=options["new_password"])
        with demo.sandboxes(options["records"]) as credentials:
            self.stderr.write(_("Connecting the simulated CRMs …"))
            import_document(*demo.document(credentials), actor="demo")
            demo.check_all(self.stderr.write)
            runs = [self.sync(mapping) for mapping in Mapping.objects.order_by("pk")]  # a chain is synced in its order
            result = _result(runs, time.monotonic() - started)
            self.stderr.write(_("Synced: %(counts)s.") % {"counts": ", ".join(f"{k} {v}" for k, v in result.items())})
            if not options["once"]:
                demo.serve(demo.free_port(options["port"]), sys.stdout, password)
        self.stdout.write(orjson.dumps(result).decode())
        for run in runs:
            if run.state != Run.State.SUCCEEDED or run.counts.get("failed"):
                text = _("The sync ended as “%(state)s”. %(message)s")
                raise CommandError(text % {"state": run.get_state_display(), "message": run.message})

    def sync(self, mapping: Mapping) -> Run:
        """Carry a mapping out; its first plan is approved by the demo, visibly in the ledger. One that the person paused is
        left alone."""
        try:
            run = request_sync(mapping, actor="demo", trigger="command", approve_all=True, enqueue=False)
        except SyncRefused as e:
            return Run(state=Run.State.CANCELLED, message=str(e))
        bars: dict[str, Any] = {}

        def show(phase: str, done: int, total: int | None) -> None:
            if phase not in bars:
                bars[phase] = tqdm(
                    desc=f"{mapping.name}: {phase}",
                    file=sys.stderr,
                    unit=_(" records"),
                    disable=not sys.stderr.isatty(),
                )
            bars[phase].total = total
            bars[phase].update(done - bars[phase].n)

        try:
            return carry_out(run, show)
        finally:
            for bar in bars.values():
                bar.close()


def _result(runs: list[Run], seconds: float) -> dict[str, Any]:
    said = {"created": "create", "updated": "update", "blocked": "blocked", "conflict": "conflict", "failed": "failed"}
    counts = {name: sum(run.counts.get(kind, 0) for run in runs) for name, kind in said.items()}
    return {"pulled": sum(run.pulled for run in runs), **counts, "seconds": round(seconds, 1)}


def _interrupt(*got: Any) -> None:
    raise KeyboardInterrupt
