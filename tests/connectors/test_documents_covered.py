"""Every row of the vendors' documents is shown by a test or a source that is really there, or says why it cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CHECKLIST = ROOT.parent / "shared" / "vendors" / "checklist.md"
OURS = {"vtiger", "vtiger cloud", "rss", "all"}  # the vendors there are so far, in the words of the checklist


def covered() -> Iterator[tuple[str, list[str]]]:
    """Yield each row with what shows it."""
    for line in (HERE / "documents_covered.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            rows, *shown = (part.strip() for part in line.split("|"))
            yield from ((row, shown) for row in expanded(rows))


def expanded(rows: str) -> Iterator[str]:
    """Yield "RS-001", "RS-002" from "RS-001..RS-002"."""
    for span in rows.split(","):
        first, _, last = span.strip().partition("..")
        kind = first[:3]
        yield from (f"{kind}{n:03}" for n in range(int(first[3:]), int((last or first)[3:]) + 1))


COVERED = list(covered())


@pytest.mark.parametrize("shown", sorted({place for _, places in COVERED for place in places}))
def test_what_shows_a_row_is_there(shown: str) -> None:
    if shown.startswith("not: "):
        assert len(shown) > 20
        return
    file, _, text = shown.partition("::")
    path = HERE / file if (HERE / file).exists() else ROOT / file
    wanted = f"def {text}(" if text.startswith("test_") else text
    assert text and wanted in path.read_text()


def test_every_row_of_the_documents_is_shown_once() -> None:
    rows = [row for row, places in COVERED if places]
    documents = {f"RS-{n:03}" for n in range(1, 92)} | {f"VT-{n:03}" for n in range(1, 46)}
    assert len(rows) == len(set(rows))
    assert {row for row in rows if not row.startswith("XC")} == documents


@pytest.mark.skipif(not CHECKLIST.exists(), reason=f"the checklist of the documents is not here: {CHECKLIST}")
def test_no_row_of_the_checklist_is_missing() -> None:
    listed = re.findall(r"^\| ((?:RS|VT|XC)-\d+) \| ([\w ]+) \|", CHECKLIST.read_text(), re.MULTILINE)
    wanted = {row for row, kind in listed if not row.startswith("XC") or kind in OURS}
    assert {row for row, _ in COVERED} == wanted
