"""What the documents say is what the code does."""

from __future__ import annotations

import re

from django.conf import settings

from portal.ops.docs import pages

ROOT = settings.BASE_DIR


def test_pages_made_from_the_code_are_up_to_date() -> None:
    stale = [
        str(name)
        for name, text in pages().items()
        if not (ROOT / "docs" / name).is_file() or (ROOT / "docs" / name).read_text() != text
    ]
    assert stale == [], "Run: manage.py write_docs"


def test_every_setting_the_portal_reads_stands_in_env_example() -> None:
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', (ROOT / "portal" / "settings.py").read_text()))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read and read == shown


def test_only_settings_reads_the_environment() -> None:
    allowed = {"settings.py", "wsgi.py"}
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "portal").rglob("*.py")
        if re.search(r"os\.environ|os\.getenv", path.read_text()) and path.name not in allowed
    ]
    # `env:NAME` on the command line and in files, and the demo's own processes
    assert sorted(readers) == [
        "portal/connections/named.py",
        "portal/ops/demo.py",
        "portal/ops/management/commands/import_config.py",
    ]


def test_the_two_commands_stand_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python manage.py demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ):
        assert command in readme
