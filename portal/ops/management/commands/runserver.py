"""`runserver`: Django's own, without static files of its own; nothing is served without keys."""

from __future__ import annotations

from typing import Any

from whitenoise.runserver_nostatic.management.commands import runserver  # type: ignore[import-untyped]

from portal.checks import refuse_without_keys


class Command(runserver.Command):  # type: ignore[misc]
    def handle(self, *args: Any, **options: Any) -> None:
        refuse_without_keys()  # here, not in a system check: the reloader would show it and wait for a change for ever
        super().handle(*args, **options)
