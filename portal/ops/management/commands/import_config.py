"""`import_config FILE`: set up connections, value tables, mappings and schedules from a YAML or JSON file, all or nothing."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from connectors.errors import ConnectorError, QueryError
from connectors.types import JSON
from portal.mappings.document import BadDocument
from portal.ops.config_file import import_document
from portal.ui.command import Failed, PortalCommand, WrongUse


class Command(PortalCommand):
    help = gettext_noop(
        "Set up connections, value tables, mappings, sync sets and schedules from a YAML or JSON file: idempotent by name, all or"
        " nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help=_("The file; export_config prints one of its form."))

    def work(self, **options: Any) -> JSON:
        try:
            report = import_document(_read(options["file"]), os.environ)
        except BadDocument as e:
            text = _("%(file)s: %(problem)s Nothing was saved.")
            cause = e.__cause__  # a CRM that cannot be asked is no fault of the file; a module that is not there is
            kind = Failed if isinstance(cause, ConnectorError) and not isinstance(cause, QueryError) else WrongUse
            raise kind(text % {"file": options["file"], "problem": e}) from e
        for warning in report.warnings:
            self.say(_("Warning: %(text)s") % {"text": warning})
        return asdict(report)

    def show(self, result: JSON, **options: Any) -> None:
        for kind in ("connections", "value_tables", "mappings", "sync_sets"):
            for name, deed in result[kind].items():
                self.stdout.write(f"{kind[:-1].replace('_', ' ')} {name}: {deed}")


def _read(path: Path) -> JSON:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as e:
        raise WrongUse(_("%(file)s cannot be read: %(why)s.") % {"file": path, "why": e.strerror}) from e
    except UnicodeDecodeError as e:
        raise WrongUse(
            _("%(file)s is no text in UTF-8: byte %(number)d cannot be read.") % {"file": path, "number": e.start + 1}
        ) from None
    except yaml.YAMLError as e:
        raise WrongUse(_bad(path, e)) from None  # its words repeat the line: a secret


def _bad(path: Path, error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    why = error.problem if isinstance(error, ScannerError | ParserError) else None
    text = _("%(file)s is neither YAML nor JSON.")
    if mark and why:
        text = _("%(file)s is neither YAML nor JSON at line %(line)d, character %(number)d: %(why)s.")
    elif mark:
        text = _("%(file)s is neither YAML nor JSON at line %(line)d, character %(number)d.")
    line, number = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return text % {"file": path, "line": line, "number": number, "why": why}
