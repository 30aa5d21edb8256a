"""Product lines of sales records. The rule: every line a record has is sent back with each change of one, since OpenCRM deletes
for ever what is not sent; a line goes only when a person says so, and what cannot be set is never sent.

Document, "Product Lines" and "Product line fields".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from connectors.errors import ProtocolError, RecordInvalid
from connectors.opencrm.rows import NEW, Row, is_id
from connectors.opencrm.schema import LINES
from connectors.spelling import canonical_number
from connectors.types import JSON
from connectors.values import plain, storable
from connectors.wording import joined
from connectors.wording import text as _

Line = Mapping[str, JSON]
REMOVE = "remove"  # {"lineid": "12", "remove": true}: the one way to delete a line


def text(value: str) -> None:
    """Take any text."""


def number(value: str) -> None:
    """Raise ValueError for what is no plain number."""
    if canonical_number(value) != canonical_number(value.strip()) or not value.isascii():
        raise ValueError(_("is not a number such as 1234.5"))


def whole(value: str) -> None:
    """Raise ValueError for what is no whole number."""
    if "." in canonical_number(value):
        raise ValueError(_("must be a whole number"))


def quantity(value: str) -> None:
    """Raise ValueError for what has more than one decimal place: the server would cut it."""
    if len(canonical_number(value).partition(".")[2]) > 1:
        raise ValueError(_("may have at most %(most)s decimal places", most=1))


def id_of_record(value: str) -> None:
    """Raise ValueError for what cannot be an id."""
    if not is_id(value):
        raise ValueError(_("is not the id of a record, which is a number"))


def discount(value: str) -> None:
    """Take "10" and "10%"."""
    number(value.removesuffix("%"))


CHECKS: Mapping[str, Callable[[str], None]] = {
    "lineid": whole,
    "productid": id_of_record,
    "linenumber": whole,
    "quantity": quantity,
    **dict.fromkeys(("listprice1", "listprice2", "listprice3", "listprice4", "listprice5"), number),
    **dict.fromkeys(("buyprice", "buyprice2", "buyprice3", "buyprice4", "buyprice5"), number),
    **dict.fromkeys(("description", "category", "taxclass", "supplytype", "commission_band"), text),
    **{f"prd_cf_{n}": text for n in range(1, 11)},
    "discount": discount,
    "supplierid": id_of_record,
    "contract_term": whole,
}
READ_ONLY = frozenset({
    "productname", "minimummargin", "maximumdiscount", "taxpercent", "taxvalue", "margin_percent", "markup",
    "commission_percent", "commmission_amount", "commission_amount", "pricebookid", "saved_pricing_used",
    "saved_pricing_tier", "despatched_quantity", "remaining_quantity",
})  # fmt: skip


def merged(stored: Sequence[Line], given: Sequence[Line]) -> list[dict[str, JSON]]:
    """Return all lines to send: those stored, changed as given says, then the new ones. Raises RecordInvalid.

    A given line with a known `lineid` changes that line, in the fields it names; one without, or with 0, is new. Lines that are
    not given stay.
    """
    known = {str(line.get("lineid")): line for line in stored}
    wrong: list[str] = []
    changes: dict[str, Line] = {}
    new: list[dict[str, JSON]] = []
    for position, line in enumerate(given, start=1):
        id = str(plain(line.get("lineid")) or NEW)
        problems = [*faults(line, known.get(id)), *misplaced(id, known, changes)]
        wrong += [_("line %(number)s: %(problem)s", number=position, problem=problem) for problem in problems]
        if id == NEW:
            new.append({**settable(line), "lineid": NEW})
        else:
            changes[id] = line
    if wrong:
        raise invalid(wrong)
    kept = [as_sent(line, changes.get(id, {})) for id, line in known.items() if not is_removed(changes.get(id, {}))]
    return [*kept, *new]


def exactly(stored: Sequence[Line], wanted: Sequence[Line]) -> list[dict[str, JSON]]:
    """Return what to give so that a record has these lines and no others, in this order. A line goes on as the first one there
    is of the same product, so that what nobody says of it stays."""
    free = [dict(line) for line in stored]
    given: list[dict[str, JSON]] = []
    for position, line in enumerate(wanted, start=1):
        same = next((old for old in free if str(old.get("productid")) == str(line.get("productid"))), None)
        if same is not None:
            free.remove(same)
        given.append({**line, "lineid": same["lineid"] if same else NEW, "linenumber": str(position)})
    return [*given, *({"lineid": line["lineid"], REMOVE: True} for line in free)]


def lines_of(row: Row) -> list[Row]:
    """Return the product lines a record has. Raises ProtocolError where it does not tell them all."""
    lines = row.get(LINES)
    if not isinstance(lines, list) or not all(isinstance(line, dict) and line.get("lineid") for line in lines):
        told = _("OpenCRM did not tell the record's product lines and their ids: changing one would lose the others.")
        raise ProtocolError(told)
    return lines


def misplaced(id: str, known: Mapping[str, Line], changes: Mapping[str, Line]) -> list[str]:
    """Return what is wrong with where a line belongs."""
    if id != NEW and id not in known:
        return [_("the record has no line %(id)s; leave lineid out for a new one", id=id)]
    twice: list[str] = [_("line %(id)s is given twice", id=id)]
    return twice if id in changes else []


def faults(line: Line, stored: Line | None) -> list[str]:
    """Return what is wrong with a line, in words."""
    found: list[str] = []
    if stored is None and plain(line.get("productid")) is None:
        found.append(_("needs a productid"))
    for name, given in line.items():
        value = plain(given)
        if name in READ_ONLY:
            if value is not None and value != plain((stored or {}).get(name)):
                found.append(_("“%(field)s” cannot be set", field=name))
        elif name == REMOVE:
            if stored is None:
                found.append(_("a new line cannot be removed"))
        elif name not in CHECKS:
            if stored is None or value != plain(stored.get(name)):
                found.append(_("“%(field)s” does not exist", field=name))
        elif value is not None and value != plain((stored or {}).get(name)) and (why := fault(name, given)):
            found.append(_("“%(field)s” %(problem)s", field=name, problem=why))
    return found


def fault(name: str, given: JSON) -> str:
    """Return what is wrong with a line's value; "" for nothing."""
    if isinstance(given, bool | list | dict):
        return _("must be one text")
    if storable(given) != given:
        return _("holds a character that cannot be stored (NUL or half of a pair)")
    try:
        CHECKS[name](str(plain(given)))
    except ValueError as e:
        return e.args[0] if isinstance(e.args[0], str) else str(e)
    return ""


def settable(line: Line) -> dict[str, JSON]:
    """Return the fields of a line that may be sent and that it has."""
    return {name: plain(value) for name, value in line.items() if name in CHECKS and plain(value) is not None}


def as_sent(stored: Line, given: Line) -> dict[str, JSON]:
    """Return a stored line as it is to be sent: as it was, with what is given over it; None empties a field."""
    emptied = {name: "" for name, value in given.items() if name in CHECKS and plain(value) is None}
    return {**settable(stored), **emptied, **settable(given), "lineid": str(stored["lineid"])}


def is_removed(line: Line) -> bool:
    """Say whether a person says that the line is to go."""
    return str(line.get(REMOVE, "")).lower() in ("true", "1", "yes")


def invalid(problems: Sequence[str]) -> RecordInvalid:
    """Return the error for lines that cannot be sent."""
    listed = joined(_("; "), problems)
    return RecordInvalid(_("Nothing was sent: %(problems)s.", problems=listed), fields={LINES: listed})


def nothing_left_out() -> RecordInvalid:
    """Return the error for emptying the lines of a record."""
    why = _("cannot be emptied: name each line to be removed, as {“lineid”: …, “remove”: true}")
    return RecordInvalid(_("“%(field)s” %(problem)s.", field=LINES, problem=why), fields={LINES: why})
