"""`import_config FILE`: set up connections, mappings and schedules from a YAML or JSON file, all or nothing."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandParser
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from connectors.types import JSON
from portal.mappings.document import BadDocument
from portal.ops.config_file import import_document
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = "Set up connections, mappings and schedules from a YAML or JSON file: idempotent by name, all or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The file; its form is described in docs/commands.md.")

    def work(self, **options: Any) -> JSON:
        try:
            report = import_document(_read(options["file"]), os.environ)
        except BadDocument as e:
            raise WrongUse(f"{options['file']}: {e} Nothing was saved.") from e
        for warning in report.warnings:
            self.say(f"Warning: {warning}")
        return asdict(report)

    def show(self, result: JSON, **options: Any) -> None:
        for kind in ("connections", "mappings"):
            for name, deed in result[kind].items():
                self.stdout.write(f"{kind[:-1]} {name}: {deed}")


def _read(path: Path) -> JSON:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as e:
        raise WrongUse(f"{path} cannot be read: {e.strerror}.") from e
    except UnicodeDecodeError as e:
        raise WrongUse(f"{path} is no text in UTF-8: byte {e.start + 1} cannot be read.") from None
    except yaml.YAMLError as e:
        raise WrongUse(f"{path} is neither YAML nor JSON{_place(e)}.") from None  # its words repeat the line: a secret


def _place(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    why = f": {error.problem}" if isinstance(error, ScannerError | ParserError) and error.problem else ""
    return f" at line {mark.line + 1}, character {mark.column + 1}{why}" if mark else ""
