"""What the policies of a mapping and of its rules are called, by their codes. PURE; forms and comparisons show the same words."""

from __future__ import annotations

from connectors.wording import text as _

DIRECTIONS = {"left-to-right": _("left to right"), "right-to-left": _("right to left"), "both": _("both ways")}
CONFLICTS = {
    "left": _("the left side wins"),
    "right": _("the right side wins"),
    "newest": _("the newest change wins"),
    "ask": _("a person is asked"),
}
DELETES = {
    "ignore": _("leave the other record alone"),
    "mark": _("list it, and leave the other record alone"),
    "delete": _("delete the other record too"),
}
LEAVING = {"stop": _("stop carrying it over"), "keep": _("go on carrying it over")}
COMPARE = {
    "case": _("capitals make no difference"),
    "spaces": _("spaces make no difference"),
    "digits": _("by their digits"),
    "phone": _("as phone numbers"),
    "number": _("as numbers"),
}
GUARDED = {
    "creates": _("new records: %(most)s"),
    "deletes": _("deleted: %(most)s"),
    "changes": _("changed: %(most)s"),
    "appends": _("added to pick lists: %(most)s"),
}
