"""`refresh_schema [NAME [MODULE]]`: ask the CRMs again for the fields of the modules that are used here, and tell what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.errors import ConnectorError
from connectors.types import JSON
from portal.connections.command import ConnectionCommand
from portal.connections.models import Connection
from portal.connections.named import connection_named
from portal.connections.reread import Reread, read
from portal.ui.command import WrongUse
from portal.ui.wording import translated


class Command(ConnectionCommand):
    help = gettext_noop(
        "Ask the CRMs again for the fields of the modules in use, and tell what changed; a mapping that can no longer work is"
        " paused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help=_("The connection's name; all connections without."))
        parser.add_argument("module", nargs="?", help=_("The module's name; all that are in use without."))
        parser.add_argument(
            "--believe",
            action="store_true",
            help=_("Believe an answer that lacks most of the fields there were; needs the module's name."),
        )

    def work(self, *, name: str | None, module: str | None, believe: bool, **options: Any) -> JSON:
        if believe and not module:
            raise WrongUse(_("--believe needs the name of a connection and of a module."))
        if name is None:
            return self.all_of_them()
        done = read(connection_named(name), modules=[module] if module else None, believed=believe).done
        if module and done[0].error is not None:
            raise done[0].error
        return self.told_of({name: done}, [])

    def all_of_them(self) -> JSON:
        """Ask every connection; one that cannot be asked keeps no other from it."""
        found: dict[str, list[Reread]] = {}
        failed = []
        for connection in Connection.objects.order_by("name"):
            try:
                found[connection.name] = read(connection).done
            except ConnectorError as e:
                failed.append(f"{connection.name}: {translated(e)}")
        return self.told_of(found, failed)

    def told_of(self, found: Mapping[str, list[Reread]], failed: list[str]) -> JSON:
        """Return what came, and fall short by what did not."""
        lines = [(name, one) for name, done in found.items() for one in done]
        failed += [f"{name} · {one.module}: {translated(one.error)}" for name, one in lines if one.error is not None]
        if failed:
            self.fall_short("\n".join(failed))
        return {"modules": [_as_json(name, one) for name, one in lines if one.error is None]}

    def show(self, result: JSON, **options: Any) -> None:
        for one in result["modules"]:
            told = one["changes"] or [{"text": _("Nothing changed.")}]
            if one["doubted"] is not None:
                text = _("Only %(count)d fields were told, which is not believed; what was known is kept.")
                told = [{"text": text % {"count": one["doubted"]}}]
            for change in told:
                self.stdout.write(f"{one['connection']} · {one['module']}: {change['text']}")


def _as_json(name: str, one: Reread) -> JSON:
    changes = [
        {
            "kind": str(change.kind),
            "field": change.field,
            "before": translated(change.before),
            "after": translated(change.after),
            "text": translated(change.sentence),
        }
        for change in one.changes
    ]
    about = {"connection": name, "module": one.module, "fields": one.fields}
    return {**about, "changes": changes, "doubted": one.doubted}
