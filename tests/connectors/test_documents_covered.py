"""Every row of the vendors' documents is shown by a test or a source that is really there, or says why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.ops.shown import covered, lines

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOLDER = HERE / "documents"
CHECKLIST = ROOT.parent / "shared" / "vendors" / "checklist.md"
# The documents the checklist knows: how it counts their rows, and the vendor in its words.
CHECKED = {
    "all": ("", {"all"}),
    "opencrm": ("OC", {"opencrm"}),
    "reallysimple": ("RS", {"rss"}),
    "sarvcrm": ("SV", {"sarv"}),
    "simplycrm": ("SI", {"simply"}),
    "vtiger": ("VT", {"vtiger", "vtiger cloud"}),
}
COVERED = {path.stem: list(covered(FOLDER, path.stem)) for path in sorted(FOLDER.glob("*.txt"))}
PLACES = {place for rows in COVERED.values() for _, places in rows for place in places}


@pytest.mark.parametrize("shown", sorted(PLACES))
def test_what_shows_a_row_is_there(shown: str) -> None:
    if shown.startswith("not: "):
        assert len(shown) > 20
        return
    file, _, text = shown.partition("::")
    path = HERE / file if (HERE / file).exists() else ROOT / file
    wanted = f"def {text}(" if text.startswith("test_") else text
    assert text and wanted in path.read_text()


@pytest.mark.parametrize("vendor", COVERED)
def test_every_row_of_a_document_is_shown_once(vendor: str) -> None:
    rows = [row for row, places in COVERED[vendor] if places]
    assert len(rows) == len(set(rows))
    own = {row for row in rows if not row.startswith("XC")}
    assert own == {f"{row[:3]}{n:03}" for row in own for n in range(1, len(own) + 1)}, "one after the other, from 1"


@pytest.mark.skipif(not CHECKLIST.exists(), reason=f"the checklist of the documents is not here: {CHECKLIST}")
@pytest.mark.parametrize("vendor", CHECKED)
def test_no_row_of_the_checklist_is_missing(vendor: str) -> None:
    kind, names = CHECKED[vendor]
    listed = re.findall(r"^\| ([A-Z]{2}-\d+) \| ([\w -]+) \|", CHECKLIST.read_text(), re.MULTILINE)
    wanted = {row for row, told in listed if row.startswith(f"{kind}-") or (row.startswith("XC") and told in names)}
    assert {row for row, _ in COVERED[vendor]} == wanted


@pytest.mark.parametrize("vendor", COVERED)
def test_every_row_stands_in_words_once(vendor: str) -> None:
    rows = lines(FOLDER, vendor)
    assert sorted(row.id for row in rows) == sorted(row for row, _ in COVERED[vendor])
    assert all(row.kind and row.item for row in rows)


@pytest.mark.skipif(not CHECKLIST.exists(), reason=f"the checklist of the documents is not here: {CHECKLIST}")
@pytest.mark.parametrize("vendor", CHECKED)
def test_the_words_of_a_row_are_those_of_the_checklist(vendor: str) -> None:
    text = CHECKLIST.read_text().replace("\\|", "\0")
    listed = {
        id: (item.strip().replace("\0", "|"), told.strip().replace("\0", "|"))
        for id, item, told in re.findall(r"^\| ([A-Z]{2}-\d+) \|[^|]*\|([^|]*)\|([^|]*)\|", text, re.MULTILINE)
    }
    assert {row.id: (row.item, row.told) for row in lines(FOLDER, vendor)} == {
        row: listed[row] for row, _ in COVERED[vendor]
    }
