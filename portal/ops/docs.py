"""The pages of docs/ that are made from the code, so that they cannot drift: capabilities, commands, settings, vendors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.utils.translation import override

from connectors import OFFERED, connector_class
from connectors.types import Capabilities
from portal.ops.vendor_docs import MADE, cell, questions, vendor

EXAMPLE = settings.BASE_DIR / ".env.example"

FAILING = (  # what `--json` prints when a command fails: portal.ui.command.error_as_json
    'A command that fails says why on stderr, and with `--json` on stdout too: `{"error": {"message": …, "kind": …}}`. The'
    " message is the text of stderr; `kind` is the class of the error: `WrongUse`, `Failed`, one of `connectors/errors.py`"
    " such as `RecordNotFound`, or Python's or Django's own, whose message then stands on stderr only. Where it is known"
    " there are also:\n",
    "* `code`: what the CRM calls it.",
    "* `fields`: an object, field → what is wrong with its value.",
    "* `character`: where in the filter or order, counted from 1.",
    "* `retry_after`: in how many seconds it may be tried again.",
    "* `maybe_done`: `true` when a write may have happened all the same: look at the record before trying again.\n",
    "Where a command fell short and yet has a result, such as a run of `sync` that failed, the result is printed with"
    " `error` in it.\n",
)


def pages() -> dict[Path, str]:
    """Return every made page: its path under docs/ and its text, in English."""
    with override("en"):
        made = {
            Path("capabilities.md"): capabilities(),
            Path("commands.md"): commands(),
            Path("settings.md"): environment(),
        }
        return made | {Path("connectors") / f"{slug}.md": vendor(connector_class(slug)) for slug in OFFERED}


def capabilities() -> str:
    """Return the table vendor × capability, each with its question."""
    kinds = [connector_class(slug) for slug in OFFERED]
    lines = [
        "# What each CRM can do\n",
        MADE,
        f"| | {' | '.join(k.label for k in kinds)} |",
        "|---|" + "---|" * len(kinds),
    ]
    asked = questions()
    for field in fields(Capabilities):
        cells = [cell(getattr(kind.capabilities, field.name)) for kind in kinds]
        lines.append(f"| {asked.get(field.name, field.name)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Return every command of the portal with its arguments."""
    names = sorted(name for name, app in get_commands().items() if app.startswith("portal."))
    lines = [
        "# Commands\n",
        MADE,
        "With `--json` stdout holds exactly one JSON value and everything else goes to stderr. No command prompts. Exit"
        " codes: 0 done, 1 failed (also partly, or the vendor cannot), 2 wrong use, 3 awaiting approval.\n",
        *FAILING,
    ]
    for name in names:
        command: Any = load_command_class(get_commands()[name], name)
        lines += [f"## {name}\n", f"{command.help}\n", *_arguments(command, name), ""]
    return "\n".join(lines).rstrip() + "\n"


def environment() -> str:
    """Return every setting of `.env.example` with its words and default."""
    lines = [
        "# Settings\n",
        MADE,
        "All of them from the environment or `.env`.\n",
        "| Setting | Default | |",
        "|---|---|---|",
    ]
    words: list[str] = []
    for line in EXAMPLE.read_text().splitlines():
        found = re.fullmatch(r"#?([A-Z_]+)=(.*)", line)
        if found:
            lines.append(f"| `{found[1]}` | {f'`{found[2]}`' if found[2] else ''} | {' '.join(words).strip()} |")
            words = []
        elif line.startswith("#"):
            words.append(line.lstrip("# ").rstrip())
        else:
            words = []
    return "\n".join(lines) + "\n"


def _arguments(command: Any, name: str) -> Iterator[str]:
    parser = command.create_parser("manage.py", name)
    common = {"version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"}
    for action in parser._actions:
        if action.dest in common | {"help"} or action.help == "==SUPPRESS==":
            continue
        shown = ", ".join(action.option_strings) or (action.metavar or action.dest).upper()
        if action.option_strings and action.nargs != 0:
            shown += f" {action.metavar or action.dest.upper()}"
        yield f"* `{shown}` {action.help or ''}".rstrip()
