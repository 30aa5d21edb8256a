"""The contract of all commands: with --json stdout holds exactly one JSON value, {"error": …} when it failed, and everything
else goes to stderr; no command prompts; exit 0 done, 1 failed (also partly, or the vendor cannot), 2 wrong use, 3 awaiting
approval."""

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

JSON_OPTION = "--json"


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

    Set `self.exit_code` for an end that is neither success nor an exception; call `fall_short` where a result was reached
    and yet not all of what was asked.
    """

    exit_code = 0
    shortfall = ""
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument(JSON_OPTION, action="store_true", help=_("Print exactly one JSON value on stdout."))
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

    def fall_short(self, why: str) -> None:
        """End with 1 although there is a result (an object), and say why."""
        self.exit_code, self.shortfall = 1, why

    def say(self, text: str) -> None:
        """Tell a person something by the way (stderr, so that stdout stays clean)."""
        self.stderr.write(text)

    def progress(self, items: Iterable[Any] | None = None, **kwargs: Any) -> Any:
        """Return a tqdm bar on stderr; silent unless stderr is a terminal."""
        return tqdm(items, file=sys.stderr, disable=not sys.stderr.isatty(), **kwargs)

    def run_from_argv(self, argv: list[str]) -> None:
        if JSON_OPTION in argv[2:]:
            self._tell_wrong_use(argv)
        super().run_from_argv(argv)

    def _tell_wrong_use(self, argv: list[str]) -> None:
        """Print what is wrong with the words, if anything is. A parser of nobody's command line raises what a shell's prints
        on stderr, which comes after this."""
        try:
            self.create_parser(argv[0], argv[1]).parse_args(argv[2:])
        except CommandError as e:
            self.print_json({"error": {"kind": WrongUse.__name__, "message": str(e).removeprefix("Error: ")}})

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.work(**options)
        except (WrongUse, QueryError) as e:  # a module, field or filter that is not there was typed wrongly
            raise self._failed(e, _with_position(e), 2, options["json"]) from e
        except (Failed, ConnectorError, ImproperlyConfigured) as e:
            raise self._failed(e, self.told(e, **options), 1, options["json"]) from e
        except Exception as e:  # what it says may hold anything: that stands in the traceback only
            text = _("This was not foreseen (%(kind)s). What happened stands on stderr.")
            self._failed(e, text % {"kind": type(e).__name__}, 1, options["json"])
            raise
        if options["json"]:
            short = {"error": {"kind": Failed.__name__, "message": self.shortfall}} if self.shortfall else {}
            self.print_json(result | short if short else result)
        else:
            self.show(result, **options)
        if self.shortfall:
            self.say(self.shortfall)
        if self.exit_code:
            sys.exit(self.exit_code)

    def _failed(self, error: Exception, text: str, code: int, as_json: bool) -> CommandError:
        """Return the error that ends the command; print it as JSON where that was asked for."""
        if as_json:
            self.print_json({"error": error_as_json(error, text)})
        return CommandError(text, returncode=code)

    def print_json(self, value: JSON) -> None:
        """Print the one JSON value."""
        self.stdout.write(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode())


def error_as_json(error: Exception, text: str) -> dict[str, JSON]:
    """Return what a script reads when a command failed: `message`, the words on stderr; `kind`, the class of the error
    (`connectors/errors.py`, WrongUse or Failed). Where they are known: `code`, the CRM's own; `fields`, name -> what is wrong
    with its value; `character` of the filter or order, from 1; `retry_after` seconds; `maybe_done`, true when a write may have
    happened all the same."""
    cause = error.__cause__ if isinstance(error, Failed) and isinstance(error.__cause__, ConnectorError) else error
    return {"kind": type(cause).__name__, "message": text} | (
        _details(cause) if isinstance(cause, ConnectorError) else {}
    )


def _details(error: ConnectorError) -> dict[str, JSON]:
    position = getattr(error, "position", None)
    known = {
        "code": error.code,
        "fields": {name: translated(why) for name, why in getattr(error, "fields", {}).items()},
        "character": None if position is None else position + 1,
        "retry_after": getattr(error, "retry_after", None),
        "maybe_done": getattr(error, "maybe_done", False),
    }
    return {name: value for name, value in known.items() if value}


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
