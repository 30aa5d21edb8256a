"""The contract of all commands: with --json stdout holds exactly one JSON value and everything else goes to stderr; no
command prompts; exit 0 done, 1 failed (also partly, or the vendor cannot), 2 wrong use, 3 awaiting approval."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from connectors.errors import ConnectorError, QueryError
from connectors.types import JSON
from portal.ui.wording import translated


class WrongUse(Exception):
    """The command was called wrongly; the message says what is wrong and where. Exit 2."""


class Failed(Exception):
    """The work did not succeed; the message says what happened, to which record, and what to do. Exit 1."""


class TranslatedCommand(BaseCommand):
    """A command whose `help`, marked with `gettext_noop`, is translated when it is shown."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        self.help = _(self.help)
        return super().create_parser(prog_name, subcommand, **kwargs)


class PortalCommand(TranslatedCommand):
    """Subclass, set `help`, add arguments, and return the result of `work` as a JSON value; print it for people in `show`.

    Set `self.exit_code` for an end that is neither success nor an exception.
    """

    exit_code = 0
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help=_("Print exactly one JSON value on stdout."))
        return parser

    @abstractmethod
    def work(self, *args: Any, **options: Any) -> JSON:  # so typed that a command may name its options
        """Do it and return the result as a JSON value. Raises WrongUse, Failed, ConnectorError."""

    def show(self, result: JSON, *args: Any, **options: Any) -> None:
        """Print the result for a person."""
        self.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())

    def told(self, error: Exception, **options: Any) -> str:
        """Return what a person reads when the work failed."""
        return translated(error)

    def say(self, text: str) -> None:
        """Tell a person something by the way (stderr, so that stdout stays clean)."""
        self.stderr.write(text)

    def progress(self, items: Iterable[Any] | None = None, **kwargs: Any) -> Any:
        """Return a tqdm bar on stderr; silent unless stderr is a terminal."""
        return tqdm(items, file=sys.stderr, disable=not sys.stderr.isatty(), **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.work(**options)
        except (WrongUse, QueryError) as e:  # a module, field or filter that is not there was typed wrongly
            raise CommandError(_with_position(e), returncode=2) from e
        except (Failed, ConnectorError, ImproperlyConfigured) as e:
            raise CommandError(self.told(e, **options), returncode=1) from e
        if options["json"]:
            self.stdout.write(orjson.dumps(result, option=orjson.OPT_NON_STR_KEYS).decode())
        else:
            self.show(result, **options)
        if self.exit_code:
            sys.exit(self.exit_code)


def _with_position(error: Exception) -> str:
    """Return what is wrong, and at which character of the filter or order that was typed."""
    position = getattr(error, "position", None)
    text = translated(error)
    return (
        text
        if position is None
        else _("%(problem)s (at character %(number)d)") % {"problem": text, "number": position + 1}
    )


def parse_pairs(pairs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (key, value) of `k=v` arguments, split at the first `=`. Raises WrongUse for one without: by its number, for
    what stands there may be a secret."""
    for number, pair in enumerate(pairs, 1):
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise WrongUse(_("--set number %(number)d is not of the form key=value.") % {"number": number})
        yield key, value
