"""Whatever a person may read can be translated, and turned from right to left: no sentence in the code without a mark, no
left and right in a stylesheet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "text"}
WORDS_OF_SERVERS = {"ErrorMeaning", "Meaning"}  # a table of them, for tests and docs/
PLURALS = {"ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}  # two texts each
SHOWN_BY = {"write", "say"}  # self.stdout.write, self.stderr.write, self.say
SHOWN_AS = {"help", "label", "help_text", "verbose_name", "verbose_name_plural", "description"}
TWO_WORDS = re.compile(r"[A-Za-z’]{2,}[,:]? [a-z(“]")
A_WORD = re.compile(r"[A-Za-z]{3,}")
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|COPY|CREATE|DROP|ANALYZE|PRAGMA|SET LOCAL|COALESCE|CASE)\b")
TAG = re.compile(r"<[^>]*>")

# What is no sentence of the portal's, though it looks like one: file -> why, and which texts (None: all of the file).
ALLOWED: dict[str, tuple[str, str | None]] = {
    "connectors/errors.py": ("when a row of a table counts", "logging in"),
    "connectors/guard.py": ("never leaves the connector", "the answer took .*"),
    "connectors/memory_store.py": ("fields of a CRM: its own words", r"\w+(-| )[\w -]+"),
    "connectors/query/filters.py": ("the operators of the filter language", None),
    "connectors/query/text.py": ("the filter language", r"not \{\}|id is( not)? empty"),
    "connectors/opencrm/access.py": ("keys", r"\w+ modules"),
    "connectors/opencrm/modules.py": ("the vendor's names of modules", r"(Sales|Purchase) orders?"),
    "connectors/opencrm/client.py": ("a key", r"edit of \{\}"),
    "connectors/opencrm/connector.py": ("a key", r"fields of \{\}"),
    "connectors/opencrm/fields.py": ("fields of a CRM: its own words", None),
    "connectors/opencrm/pages.py": ("a key", "limit end"),
    "connectors/opencrm/reading.py": (
        "keys; a place in a list",
        r"((no )?query names|no count by time|no delta) of \{\}|opencrm \{\} \{\}",
    ),
    "connectors/opencrm/words.py": ("words of the server's", None),
    "connectors/opencrm/sales.py": ("fields of a CRM: its own words", None),
    "connectors/opencrm/operations.py": (
        "headings of the vendor's document; examples",
        r"[\w|,]+|\{\} - \w+|[\w ]+ \(BETA\)|\{\".*\}",
    ),
    "connectors/reallysimple/answers.py": ("words of the server's", "invalid record type"),
    "connectors/reallysimple/changes.py": ("a key", r"no delta of \{\}"),
    "connectors/reallysimple/client.py": ("a header; what a call is about", r"Bearer \{\}|lookup .*"),
    "connectors/reallysimple/connector.py": ("a key", r"fields of \{\}"),
    "connectors/reallysimple/operations.py": (
        "headings of the vendor's document; examples",
        r"\w+|\w+ [\w /]*\w|\{.*\}",
    ),
    "connectors/reallysimple/pushdown.py": ("never leaves the connector", "not a number .*"),
    "connectors/reallysimple/reading.py": ("a place in a list", r"reallysimple \{\} \{\}"),
    "connectors/sarvcrm/access.py": ("the vendor's query language; keys", r"\{\}\.user_name = \{\}|\w+ modules"),
    "connectors/sarvcrm/answers.py": ("words of the server's", "mysql error|Unknown column .*"),
    "connectors/sarvcrm/changes.py": (
        "the vendor's query language; a key",
        r"\(?\{\}( \w+)?,? .*|zone of stamps",
    ),
    "connectors/sarvcrm/client.py": ("a header; a key", r"Bearer \{\}|login did not help"),
    "connectors/sarvcrm/connector.py": ("a key", r"fields of \{\}"),
    "connectors/sarvcrm/operations.py": ("headings of the vendor's document; examples", r"Read \(\w+\)|\w+|\{.*\}"),
    "connectors/sarvcrm/pushdown.py": ("the vendor's query language", None),
    "connectors/sarvcrm/pages.py": ("a key", r"page size of \{\}"),
    "connectors/sarvcrm/reading.py": (
        "the vendor's query language; keys",
        r"\{\} ASC|no (columns|delta) of \{\}|sarvcrm \{\} \{\}",
    ),
    "connectors/sarvcrm/related.py": ("the vendor's query language", r"\{\} NOT IN \(\{\}\)"),
    "connectors/simplycrm/answers.py": ("words of the server's", "not available|denied for id"),
    "connectors/simplycrm/bridge.py": ("keys", "mobile counts|users prefix|events label"),
    "connectors/simplycrm/client.py": ("words of the server's", "Unexpected input"),
    "connectors/simplycrm/codec.py": ("a key", "date format"),
    "connectors/simplycrm/operations.py": (
        "headings of the vendor's document; examples",
        r"\w+|How to .*|\[.*\]|\{.*\}|userInfo, .*",
    ),
    "connectors/vtiger/answers.py": (
        "words of the server's",
        r"Permission to .*| ?(\w+ )?denied.*|.*\\w.*",
    ),
    "connectors/vtiger/changes.py": ("the vendor's query language; a key", r"\{\} DESC|sync works"),
    "connectors/vtiger/codec.py": ("a key", "four-byte text is lost"),
    "connectors/vtiger/modules.py": ("a key", r"description of \{\}"),
    "connectors/vtiger/operations.py": ("examples", r"\{.*\}|wsapp_\w+"),
    "connectors/vtiger/places.py": ("a cursor", r"vtiger .*"),
    "connectors/vtiger/inventory.py": ("a key", "lines are asked record by record"),
    "connectors/vtiger/reading.py": ("a key", r"hidden rows of \{\}"),
    "connectors/vtiger/pushdown.py": ("the vendor's query language", None),
    "connectors/vtiger/vtql.py": ("the vendor's query language", None),
    "connectors/wording.py": ("a mistake of whoever writes the code", "a Text cannot be changed"),
    "portal/connections/drafts.py": ("a key", r"connection \{\}"),
    "portal/connections/grants.py": ("a key", r"authorising \{\}"),
    "portal/connections/locks.py": ("a mistake of whoever writes the code", "A CRM must not be asked .*"),
    "portal/connections/models.py": ("a time", r"\{\} · \{\} UTC"),
    "portal/connections/schema.py": ("caught where it is raised", "a description of another format"),
    "portal/ledger/admin.py": ("what `write.audit` is told; the words are beside it", r"\w+ mapping"),
    "portal/ledger/lease.py": ("a lost lease is caught and never shown; a key", r"The lease .*|\{\} seconds"),
    "portal/mappings/drift.py": ("what `write.audit` is told; the ledger's screen has the words", "pause mapping"),
    "portal/mappings/pause.py": (
        "what `write.audit` is told; the ledger's screen has the words",
        r"(pause|resume) mapping",
    ),
    "portal/mappings/add.py": ("what `write.audit` is told; the ledger's screen has the words", "save mapping"),
    "portal/mappings/steps.py": ("what `write.audit` is told; the ledger's screen has the words", "save mapping"),
    "portal/mappings/version_views.py": (
        "what `write.audit` is told; the ledger's screen has the words",
        "save mapping|as in version",
    ),
    "portal/mappings/views.py": (
        "what `write.audit` is told; the ledger's screen has the words",
        r"\w+ mapping|copied from",
    ),
    "portal/records/tasks.py": ("what the task returns to the queue", "goes on"),
    "portal/ops/config_file.py": ("what `write.audit` is told; the ledger's screen has the words", "save mapping"),
    "portal/ops/docs.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/abilities.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/calls.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/errors.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/evidence.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/oddities.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/page.py": ("the pages of docs/, in English", None),
    "portal/ops/vendor_docs/reference.py": ("the pages of docs/, in English", None),
    "portal/records/filter_sql.py": ("parts of SQL", None),
    "portal/records/management/commands/list_records.py": ("an option's name", r"--order: \{\}"),
    "portal/records/page.py": ("parts of SQL", None),
    "portal/records/store_sql.py": ("parts of SQL", None),
    "portal/sync/cases.py": ("a mistake of whoever writes the code", "no copy of .*"),
    "portal/sync/matching/terms.py": ("words of names, no sentences", None),
    "portal/sync/schedules.py": ("a key", "resume runs"),
}


def sources() -> list[Path]:
    """Return the files whose sentences a person may read; the simulated CRMs speak their vendors' words."""
    found = [*(ROOT / "connectors").rglob("*.py"), *(ROOT / "portal").rglob("*.py")]
    return sorted(p for p in found if not {"sandbox", "migrations"} & set(p.relative_to(ROOT).parts[:-1]))


class Unmarked(ast.NodeVisitor):
    """Collects (line, text) of every sentence that stands outside a mark."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in WORDS_OF_SERVERS or (isinstance(owner, ast.Name) and owner.id == "log"):
            return
        shown = [*node.args[:1]] if name in SHOWN_BY else []
        shown += [keyword.value for keyword in node.keywords if keyword.arg in SHOWN_AS]
        for part in shown:
            if isinstance(part, ast.Constant | ast.JoinedStr) and A_WORD.search(plain(part, inside="")):
                self.note(part)
        texts = 2 if name in PLURALS else 1 if name in MARKS else 0
        for argument in [*node.args[texts:], *node.keywords]:
            self.visit(argument)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        said = plain(node)
        if A_WORD.search(said) and " " in said.strip():
            self.note(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if TWO_WORDS.search(plain(node)):
            self.note(node)

    def note(self, node: ast.Constant | ast.JoinedStr) -> None:
        if not SQL.match(plain(node)):
            self.found.append((node.lineno, plain(node)))


def plain(node: ast.Constant | ast.JoinedStr, inside: str = "{}") -> str:
    """Return the words of a literal, without HTML tags; what is filled in becomes `inside`."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    told = (part.value if isinstance(part, ast.Constant) else inside for part in parts)
    return TAG.sub("", "".join(part for part in told if isinstance(part, str)))


def unmarked(code: str) -> list[tuple[int, str]]:
    visitor = Unmarked()
    visitor.visit(ast.parse(code))
    return visitor.found


def test_every_sentence_a_person_may_read_is_marked_for_translation() -> None:
    found = []
    for path in sources():
        name = str(path.relative_to(ROOT))
        for line, said in unmarked(path.read_text()):
            allowed = ALLOWED.get(name, ("", ""))[1]
            if allowed is not None and not re.fullmatch(allowed or "(?!)", said):
                found.append(f"{name}:{line}: {said}")
    assert found == []


def test_what_is_allowed_is_still_there() -> None:
    for name in ALLOWED:
        assert unmarked((ROOT / name).read_text()), name


@pytest.mark.parametrize(
    "code",
    [
        'raise ConfigError("There is no such module.")',
        'raise ConfigError(f"There is no {module}.")',
        'raise WrongUse("Say what to save: " + name)',
        'self.stdout.write("Done")',
        'self.say(f"{name}: done")',
        'parser.add_argument("name", help="Name")',
        'Setting("url", _("Address"), help="Where it is.")',
        'class Command(PortalCommand):\n    help = "Do it now."',
        'text = _("%(name)s %(problem)s") % {"name": name, "problem": "is not there"}',
        'format_html("<p>Nothing is here</p>")',
    ],
)
def test_the_search_finds_what_is_not_marked(code: str) -> None:
    assert unmarked(code)


@pytest.mark.parametrize(
    "code",
    [
        'raise ConfigError(_("There is no such module."))',
        'raise ConfigError(_("There is no %(name)s.", name=name))',
        'log.warning("Run %s: an unexpected error.", run)',
        '"""What this module is for."""',
        "self.stdout.write(line)",
        "format_html('<span class=\"a badge\">{}</span>', label)",
    ],
)
def test_the_search_leaves_what_is_marked_or_for_nobody(code: str) -> None:
    assert unmarked(code) == []


PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right)(?:-\w+)?|left|right|"
    r"border-(?:top|bottom)-(?:left|right)-radius)\s*:|(?:text-align|float|clear|caption-side)\s*:\s*(?:left|right)\b"
)


def declarations() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "static" / "portal").glob("*.css")):
        for line in re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL).splitlines():
            yield path.name, line.strip()


def test_stylesheets_know_no_left_and_right() -> None:
    assert list(declarations())
    assert [(name, line) for name, line in declarations() if PHYSICAL.search(line)] == []


@pytest.mark.parametrize("rule", ["margin-left: 1em", "border-right-color: red", "a { left:0 }", "text-align: right;"])
def test_the_search_knows_what_is_physical(rule: str) -> None:
    assert PHYSICAL.search(rule)
    logical = rule.replace("left", "inline-start").replace("right", "end")
    assert not PHYSICAL.search(logical)
