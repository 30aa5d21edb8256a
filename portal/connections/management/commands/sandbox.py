"""Run the simulated vendors until Ctrl-C or SIGTERM, after one line of JSON that says where they are and how to sign in."""

from __future__ import annotations

import signal
import threading
from typing import Any

import orjson
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.sandbox.server import VENDORS, Sandbox
from portal.ui.command import TranslatedCommand


class Command(TranslatedCommand):
    help = gettext_noop("Simulate vendors' servers on 127.0.0.1, with invented records, for trying out and testing.")
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vendor", choices=("all", *VENDORS), default="all", help=_("Which to simulate."))
        parser.add_argument(
            "--port", type=int, default=0, help=_("The first vendor's port, the next one's is one more; 0: free ports.")
        )
        parser.add_argument(
            "--records", type=int, default=300, help=_("How many records each main module starts with.")
        )
        parser.add_argument(
            "--seed", type=int, default=1, help=_("The same seed gives the same records and credentials.")
        )
        parser.add_argument("--latency-ms", type=float, default=0, help=_("How long each answer is held back."))
        parser.add_argument(
            "--state", metavar="DIR", help=_("Keep the state there and go on with it at the next start.")
        )
        parser.add_argument(
            "--control", action="store_true", help=_("Answer /_control/: faults, records behind the API's back, log.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        vendors = tuple(VENDORS) if options["vendor"] == "all" else (options["vendor"],)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *got: stop.set())
        try:
            sandbox = Sandbox(
                vendors,
                options["port"],
                options["records"],
                options["seed"],
                options["latency_ms"],
                options["state"],
                options["control"],
            )
        except OSError as e:
            text = _("The sandbox cannot start: %(why)s. Choose another --port or --state.")
            raise CommandError(text % {"why": e}, returncode=1) from e
        with sandbox:
            told = {"urls": sandbox.urls, "credentials": sandbox.credentials}
            self.stdout.write(orjson.dumps(told).decode())
            self.stdout.flush()
            while not stop.wait(1):
                pass
