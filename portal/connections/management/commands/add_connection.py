"""`add_connection SLUG --name N --set key=value…`: store an account at a CRM; with --replace, change the one of that name."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors import OFFERED, connector_class
from connectors.base import Connector
from connectors.errors import ConfigError, ConnectorError
from connectors.types import JSON
from portal.connections.account import InUse
from portal.connections.check import try_out
from portal.connections.command import ConnectionCommand
from portal.connections.forms import OTHER_CRM, SAME_DATA, ConnectionForm, setting_of
from portal.connections.models import Connection
from portal.connections.named import FROM_ENVIRONMENT, resolved
from portal.connections.save import BadConnection, form_of, save, unsaid
from portal.ui.command import Failed, WrongUse, parse_pairs
from portal.ui.wording import translated

COLUMNS = ("calls_per_minute", "calls_per_day", "max_parallel")


class Command(ConnectionCommand):
    help = gettext_noop("Add a connection: an account at a CRM. It is read-only until allow_writing.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connector", metavar="SLUG", help=_("The CRM: %(names)s.") % {"names": ", ".join(OFFERED)})
        parser.add_argument("--name", required=True, help=_("The connection's name in commands, files and addresses."))
        parser.add_argument(
            "--set",
            dest="pairs",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help=_("A setting or a secret of this CRM; “env:NAME” reads the environment. May be given several times."),
        )
        _add_replacing(parser)
        parser.add_argument("--check", action="store_true", help=_("Ask the CRM first; save nothing when that fails."))
        parser.add_argument("--allow-http", action="store_true", default=None, help=_("Allow plain http to any address."))  # fmt: skip
        for column in COLUMNS:
            words = _("Limit: %(what)s.") % {"what": Connection._meta.get_field(column).verbose_name}  # type: ignore[union-attr]
            parser.add_argument(f"--{column.replace('_', '-')}", type=int, metavar="N", help=words)

    def work(self, *, connector: str, name: str, pairs: list[str], replace: bool, check: bool, **options: Any) -> JSON:
        exists = Connection.objects.filter(name=name).exists()
        if exists and not replace:
            text = _("There is a connection “%(name)s” already. Take another name, or --replace to change it.")
            raise Failed(text % {"name": name})
        kind = _kind(connector)
        settings, secrets = self._sorted(kind, pairs)
        columns = {key: options[key] for key in (*COLUMNS, "allow_http", "same_data") if options[key] is not None}
        try:
            form = form_of(name, connector, settings, secrets, columns=columns)
        except BadConnection as e:
            raise WrongUse(str(e)) from e
        saved = _save(form, check, name)
        return {
            "name": saved.name,
            "connector": saved.connector,
            "created": not exists,
            "writable": saved.writable,
            "settings": saved.settings,
        }

    def show(self, result: JSON, **options: Any) -> None:
        added = _("The connection “%(name)s” was added. Test it with: check_connection %(name)s")
        changed = _("The connection “%(name)s” was changed. Test it with: check_connection %(name)s")
        self.stdout.write((added if result["created"] else changed) % {"name": result["name"]})

    def _sorted(self, kind: type[Connector], pairs: list[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return (settings, secrets) of the --set arguments. Raises WrongUse, naming what the CRM knows."""
        settings: dict[str, str] = {}
        secrets: dict[str, str] = {}
        for key, value in parse_pairs(pairs):
            setting = setting_of(kind, key)
            if setting is None:
                secret = _("%(name)s (secret)")
                known = ", ".join(secret % {"name": s.name} if s.secret else s.name for s in kind.settings)
                text = _("%(crm)s has no setting “%(name)s”. Known are: %(known)s.")
                raise WrongUse(text % {"crm": kind.label, "name": key, "known": known})
            if setting.secret and not value.startswith(FROM_ENVIRONMENT):
                text = _("Warning: %(name)s may now stand in your shell's history; --set %(name)s=env:NAME is safer.")
                self.say(text % {"name": key})
            (secrets if setting.secret else settings)[key] = resolved(value)
        return settings, secrets


def _add_replacing(parser: CommandParser) -> None:
    parser.add_argument("--replace", action="store_true", help=_("Change the connection of that name if there is one."))
    which = parser.add_mutually_exclusive_group()
    same = _("With --replace: the new address or account leads to the same data as before.")
    which.add_argument("--same-data", dest="same_data", action="store_const", const=SAME_DATA, help=same)
    other = _("With --replace: it is another CRM now; copies and links are forgotten, its mappings paused.")
    which.add_argument("--other-crm", dest="same_data", action="store_const", const=OTHER_CRM, help=other)


def _kind(slug: str) -> type[Connector]:
    try:
        return connector_class(slug)
    except ConfigError as e:
        raise WrongUse(translated(e)) from e


def _save(form: ConnectionForm, check: bool, name: str) -> Connection:
    outcome = try_out(form.instance, form.secrets) if check else None
    if isinstance(outcome, ConnectorError):
        raise outcome
    if outcome is not None and not form.heed(outcome.identity):
        raise WrongUse(unsaid(name))
    try:
        return save(form, outcome=outcome)
    except InUse as e:
        raise Failed(str(e)) from e
