"""The demo's second start takes nothing back that a person changed in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHANGE = """
from dataclasses import replace
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.stored import definition_of
said = definition_of(Mapping.objects.get(name="contacts"))
for name in ("contacts", "second"):
    save_mapping(replace(said, name=name, rules=tuple(replace(r, uuid="", may_clear=True) for r in said.rules)), user=None, actor="a person")
"""
SHOW = "from portal.mappings.models import MappingVersion as V; print([v.actor for v in V.objects.order_by('id')])"


def test_a_second_start_keeps_changed_and_added_mappings(tmp_path: Path) -> None:
    def manage(folder: Path, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder), "ENV_FILE": os.devnull, "HTTPS": "off"}
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage(tmp_path, "demo", "--once", "--records", "20")
    manage(tmp_path / "demo", "shell", "-c", CHANGE)
    manage(tmp_path, "demo", "--once", "--records", "20")
    assert "['demo', 'demo', 'demo', 'a person', 'a person']" in manage(tmp_path / "demo", "shell", "-c", SHOW)
