"""Value tables as CSV, in and out. The rule: a file is understood whole or refused with the lines that are wrong; what was exported
comes in again as it was."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.mappings.table_check import MOST_ROWS, flaws
from portal.mappings.tables import Table
from portal.ui.wording import translated

HEADER = ("left", "right")
LARGEST = 5_000_000  # bytes: of 5,000 rows with the longest values
SHOWN = 20  # errors that are told
_DELIMITERS = ",;\t"
_LOOKED_AT = 50  # lines by which the delimiter is told
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
Pair = tuple[str, str]


class BadCsv(ValueError):
    """The text is no list of pairs; `errors` say why, each with its line."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import does to the rows: new ones, ones that go, left values that become something else (old, new), how many stay."""

    added: tuple[Pair, ...]
    removed: tuple[Pair, ...]
    changed: tuple[tuple[Pair, Pair], ...]
    same: int

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def text_of_bytes(content: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 where it begins by saying so. Raises BadCsv naming the line."""
    bom, encoding = next(((b, e) for b, e in _BOMS if content.startswith(b)), (b"", "utf-8"))
    try:
        return content[len(bom) :].decode(encoding)
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        text = _("Line %(line)d is not in UTF-8. Save the file as “CSV UTF-8” and try again.")
        raise BadCsv([text % {"line": line}]) from None


def read_csv(text: str, *, heading: bool = False) -> tuple[Pair, ...]:
    """Return the pairs of a text with commas, semicolons or tabs between left and right. The first line is passed over where it
    is a `heading` or says “left, right”; empty lines mean nothing. Raises BadCsv with every line that is wrong."""
    text = text.removeprefix("\ufeff")
    rows = _rows(text, _delimiter(text))
    if rows and (heading or _is_header(rows[0][1])):
        rows = rows[1:]
    errors = [told for line, cells in rows if (told := _trouble(line, cells))]
    pairs = tuple((cells[0].strip(), cells[1].strip()) for _line, cells in rows if len(cells) == 2)
    if not errors:
        errors = _flaws(pairs, [line for line, _cells in rows])
    if not pairs and not errors:
        errors = [_("There is no row in it.")]
    if errors:
        more = len(errors) - SHOWN
        raise BadCsv(errors[:SHOWN] + ([_("And %(count)d more.") % {"count": more}] if more > 0 else []))
    return pairs


def write_csv(pairs: tuple[Pair, ...]) -> str:
    """Return the pairs as CSV with a heading. It begins with a byte order mark, by which spreadsheets know UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows((HEADER, *pairs))
    return "\ufeff" + out.getvalue()


def merged(before: tuple[Pair, ...], read: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return the rows with those of a file added: a left value that is there becomes what the file says, others follow below."""
    new = {left: right for left, right in reversed(read) if left}  # the first row of a value counts
    kept = tuple((left, new.get(left, right)) for left, right in before)
    known = {left for left, _right in before if left} | {""}
    nameless = tuple(pair for pair in read if not pair[0] and pair not in before)
    return kept + tuple(pair for pair in new_rows(read) if pair[0] not in known) + nameless


def new_rows(read: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return the rows without repetitions."""
    return tuple(dict.fromkeys(read))


def changes(before: tuple[Pair, ...], after: tuple[Pair, ...]) -> Changes:
    """Return what is different between two states of the rows."""
    gone = [pair for pair in before if pair not in set(after)]
    new = [pair for pair in after if pair not in set(before)]
    by_left = {pair[0]: pair for pair in reversed(gone) if pair[0]}
    changed = tuple((by_left.pop(pair[0]), pair) for pair in new if pair[0] in by_left)
    old, now = {one for one, _other in changed}, {other for _one, other in changed}
    return Changes(
        added=tuple(pair for pair in new if pair not in now),
        removed=tuple(pair for pair in gone if pair not in old),
        changed=changed,
        same=len(set(before) & set(after)),
    )


def _delimiter(text: str) -> str:
    """Return what most of the first lines have exactly one of."""
    lines = [line for line in text.splitlines()[: _LOOKED_AT * 2] if line.strip()][:_LOOKED_AT]

    def fitting(delimiter: str) -> int:
        return sum(len(_trimmed(cells)) == 2 for cells in csv.reader(lines, delimiter=delimiter))

    return max(reversed(_DELIMITERS), key=fitting)  # tabs first: they stand in no value


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, _trimmed(cells)))
    except csv.Error as e:
        text = _("Line %(line)d: the quotation marks do not match.")
        raise BadCsv([text % {"line": reader.line_num}]) from e
    return rows


def _trimmed(cells: list[str]) -> list[str]:
    """Return the cells without empty ones behind the second, which spreadsheets add."""
    while len(cells) > 2 and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _is_header(cells: list[str]) -> bool:
    words = tuple(cell.strip().casefold() for cell in cells)
    return words in (HEADER, (pgettext("side", "left").casefold(), pgettext("side", "right").casefold()))


def _trouble(line: int, cells: list[str]) -> str:
    if len(cells) == 2:
        return ""
    text = _("Line %(line)d: two values are expected, left and right; found: %(count)d.")
    return text % {"line": line, "count": len(cells)}


def _flaws(pairs: tuple[Pair, ...], lines: list[int]) -> list[str]:
    if len(pairs) > MOST_ROWS:
        return [translated(flaws(Table("", pairs))[0].text)]
    said = ((lines[flaw.row], flaw) for flaw in flaws(Table("", pairs)) if flaw.row is not None)
    return [_("Line %(line)d: %(problem)s") % {"line": line, "problem": translated(flaw.text)} for line, flaw in said]
