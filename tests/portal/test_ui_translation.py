"""The portal in another language: what connectors, commands, code and templates say comes out of one catalogue."""

from __future__ import annotations

import ast
import io
import re
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils.translation import override

from connectors import OFFERED, connector_class
from connectors.memory_store import SCHEMAS
from portal.connections.check import check
from portal.connections.management.commands import check_connection
from portal.connections.models import Connection
from portal.connections.regions import REGIONS
from portal.connections.schema import module_schema
from portal.ledger.write import audit, open_problem
from portal.ui.wording import to_keep, translated
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import World
from tests.portal.test_connections_views import ADD, filled, post
from tests.portal.test_ui_marked import MARKS, PLURALS, ROOT, sources

pytestmark = pytest.mark.django_db
Catalogue = Callable[[Mapping[str, str]], None]
OWNER_HELP = "When nothing is given for a new record, the user of this connection becomes its owner."


@pytest.fixture
def persian(tmp_path: Path, settings: Any) -> Catalogue:
    """Return a function that gives the portal a Persian catalogue of these texts."""

    def give(texts: Mapping[str, str]) -> None:
        folder = tmp_path / "catalogue" / "fa" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.mo").write_bytes(compiled(texts))
        settings.LOCALE_PATHS = [str(tmp_path / "catalogue")]

    return give


def compiled(texts: Mapping[str, str]) -> bytes:
    """Return the catalogue in gettext's binary form."""
    head = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n > 1);\n"
    pairs = sorted((key.encode(), value.encode()) for key, value in {"": head, **texts}.items())
    keys, values = ([pair[side] for pair in pairs] for side in (0, 1))
    start = 28 + 16 * len(pairs)
    table, at = b"", start
    for text in (*keys, *values):
        table += struct.pack("<2I", len(text), at)
        at += len(text) + 1
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return header + table + b"".join(text + b"\0" for text in (*keys, *values))


def test_a_failed_test_of_a_connection_is_told_in_the_persons_language(
    admin: Client, vtiger: Account, persian: Catalogue
) -> None:
    persian({
        "Access key": "کلید دسترسی",
        "The CRM refused the credentials.": "سی‌آرام اعتبارنامه را نپذیرفت.",
        "%(crm)s refuses “%(operation)s”: %(why)s (%(code)s).": "%(crm)s «%(operation)s» را رد کرد: %(why)s [%(code)s]",
        "The user name is spelt differently, or the user is inactive.": "نام کاربر جور دیگری است.",
        "Likely causes:": "علت‌های محتمل:",
        "Germany": "آلمان",
    })  # fmt: skip
    admin.cookies["django_language"] = "fa"
    _, page = post(admin, ADD, filled(vtiger, setting_access_key="wrong"), "_test")
    assert "کلید دسترسی" in page and ">Access key" not in page  # a setting's label
    assert "سی‌آرام اعتبارنامه را نپذیرفت." in page and "علت‌های محتمل:" in page  # of the portal's code, of a template
    assert "Vtiger «login» را رد کرد: Invalid username or password [INVALID_USER_CREDENTIALS]" in page  # an error
    assert "نام کاربر جور دیگری است." in page and "DE · آلمان" in page  # a likely cause, a country
    assert 'dir="rtl"' in page and 'lang="fa"' in page


def test_a_command_speaks_the_language_of_its_process(vtiger: Account, persian: Catalogue) -> None:
    persian({
        "There is no connection “%(name)s”. There are: %(known)s.": "اتصال «%(name)s» نیست؛ هست: %(known)s.",
        "none yet": "هیچ",
        "Test a connection: log in and tell the account, the user, the version and the modules.": "اتصال را بیازما.",
        "%(problem)s (at character %(number)d)": "%(problem)s (نویسهٔ %(number)d)",
        "This quotation mark is never closed.": "این گیومه بسته نشده.",
    })  # fmt: skip
    with override("fa"), pytest.raises(CommandError, match="اتصال «nobody» نیست؛ هست: هیچ."):
        call_command("check_connection", "nobody")
    with override("fa"):
        assert (
            "اتصال را بیازما."
            in check_connection.Command().create_parser("manage.py", "check_connection").format_help()
        )
    connection = Connection.objects.create(name="north", connector="memory")
    with override("fa"), pytest.raises(CommandError, match=r"این گیومه بسته نشده\. \(نویسهٔ 12\)"):
        call_command("list_records", connection.name, "Contacts", filter='lastname = "x', stdout=io.StringIO())


def test_what_is_stored_is_in_the_portals_own_language(vtiger: Account, persian: Catalogue, admin: Client) -> None:
    persian({"%(crm)s refuses “%(operation)s”: %(why)s (%(code)s).": "%(crm)s «%(operation)s» را رد کرد."})
    post(admin, ADD, filled(vtiger))
    connection = Connection.objects.get(name="berlin")
    connection.secrets = {**connection.open_secrets(), "access_key": "wrong"}
    with override("fa"):
        with pytest.raises(Exception, match="Vtiger refuses") as failed:
            check(connection)
        assert translated(failed.value) == "Vtiger «login» را رد کرد."
        assert to_keep(failed.value) == str(failed.value)
    assert connection.check_message.startswith("Vtiger refuses “login”")


def test_what_a_kept_description_holds_of_our_words_is_shown_in_each_language(
    admin: Client, vtiger: Account, persian: Catalogue
) -> None:
    persian({OWNER_HELP: "کاربر این اتصال مالک می‌شود.", "Lines": "سطرها", "Last Name": "never: the CRM's own word"})
    post(admin, ADD, filled(vtiger))
    connection = Connection.objects.get(name="berlin")
    for language, owner_help, lines in (("en", OWNER_HELP, "Lines"), ("fa", "کاربر این اتصال مالک می‌شود.", "سطرها")):
        with override(language):
            for _ in ("asked for", "kept"):
                owner = module_schema(connection, "Contacts").field("assigned_user_id")
                assert owner is not None and owner.help == owner_help
                field = module_schema(connection, "Quotes").field("LineItems")
                assert field is not None and field.label == lines
            last = module_schema(connection, "Contacts").field("lastname")
            assert last is not None and last.label == "Last Name"


def marked() -> set[str]:
    """Return every literal in the code that stands in a mark."""
    found = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                texts = node.args[: 2 if name in PLURALS else 1 if name in MARKS else 0]
                said = [t.value for t in texts if isinstance(t, ast.Constant) and isinstance(t.value, str)]
                found |= {"\x04".join(said)} if name.startswith("pgettext") and said else set(said)
    return found


def texts_in(catalogue: str) -> dict[str, str]:
    """Return the texts to be translated in a .po file, each with its plural or ""; a context stands before as in a .mo."""
    found = {}
    for entry in catalogue.split("\n\n"):
        parts = dict(re.findall(r'^(msg\w+) ((?:".*"\n?)+)', entry, re.MULTILINE))
        words = {name: "".join(ast.literal_eval(line) for line in told.splitlines()) for name, told in parts.items()}
        context = f"{words['msgctxt']}\x04" if "msgctxt" in words else ""
        found[context + words.get("msgid", "")] = words.get("msgid_plural", "")
    return {text: plural for text, plural in found.items() if text}


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `makemessages` finds, in a copy of the sources: it writes beside the templates."""
    if shutil.which("xgettext") is None:
        pytest.skip("gettext's tools are missing: apt-get install gettext")
    copy = tmp_path_factory.mktemp("sources")
    for name in ("connectors", "portal", "templates"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        with override_settings(LOCALE_PATHS=[str(copy / "portal" / "locale")]):
            call_command("makemessages", locale=["fa"], verbosity=0)
    return texts_in((copy / "portal" / "locale" / "fa" / "LC_MESSAGES" / "django.po").read_text())


def test_makemessages_finds_every_marked_text_of_connectors_and_portal(gathered: dict[str, str]) -> None:
    assert marked() - {*gathered, *gathered.values()} == set()
    assert len(gathered) > 800
    templates = {"Test connection", "Save anyway", "How this was found"}
    assert templates <= {*gathered}


def test_makemessages_finds_what_connectors_declare(gathered: dict[str, str]) -> None:
    for slug in OFFERED:
        kind = connector_class(slug)
        for setting in kind.settings:
            assert setting.label in gathered and (setting.help in gathered or not setting.help)
        assert {*kind.likely_causes, kind.credentials_help} <= {*gathered}
    assert {str(name) for name in REGIONS.values()} <= {*gathered}


BEGIN, END = "⟦", "⟧"  # around every text of the catalogue
OUTSIDE = re.compile(f"{BEGIN}[^{BEGIN}{END}]*{END}")
SHOWN_ATTRIBUTES = re.compile(r'\s(?:title|placeholder|aria-label|alt)="([^"]*)"')


def leftovers(page: str) -> list[str]:
    """Return the visible texts of a page in which English stands outside of the catalogue's texts."""
    page = re.sub(r"<(script|style|svg|code|pre|option|bdi)\b.*?</\1>", "", page, flags=re.DOTALL)  # code, data
    texts = [*re.split(r"<[^>]*>", page), *SHOWN_ATTRIBUTES.findall(page)]
    found = []
    for text in texts:
        while OUTSIDE.search(text):
            text = OUTSIDE.sub("", text)
        if re.search("[A-Za-z]{3,}", text):
            found.append(" ".join(text.split()))
    return found


def in_brackets(texts: Mapping[str, str]) -> dict[str, str]:
    """Return a catalogue in which every text is itself, in brackets."""
    found = {}
    for text, plural in texts.items():
        said = f"{BEGIN}{text.rpartition(chr(4))[2]}{END}"
        found[f"{text}\0{plural}" if plural else text] = f"{said}\0{BEGIN}{plural}{END}" if plural else said
    return found


def test_the_search_finds_english_outside_of_the_catalogue() -> None:
    page = f'<p>Hello there</p><a title="Carry on">{BEGIN}Lines of {BEGIN}text{END}{END}</a><script>var name</script>'
    assert leftovers(page) == ["Hello there", "Carry on"]


# What is no sentence of ours: names, the vendors' words, codes; and what Django itself has no Persian for yet.
DATA = {"admin", "contacts", "north", "south", "test", "Test Ada", "MEMORY", "run", "save mapping", "mappings.mapping"}
DATA |= {"Memory", "Contacts", "Accounts", *(connector_class(slug).label for slug in OFFERED)}
DATA |= {word for schema in SCHEMAS for f in schema.fields for word in (f.name, f.label)}
DATA |= {"changes", "create", "describe"}  # what was asked of a CRM
DATA |= {"status = New and firstname contains mi"}  # the filter language
DJANGOS = {"Breadcrumbs", "Search", "True", "False"}
PAGES = (
    "/", "/connections/add/", ADD, "/connections/add/reallysimple/", "/connections/", "/connections/north/change/",
    "/connections/north/writing/", "/connections/north/delete/", "/connections/call/",
    "/connections/ownerlabel/", "/records/", "/records/north/", "/records/north/Contacts/",
    "/records/north/Contacts/?filter=lastnme+%3D", "/records/north/Contacts/?filter=born+%3D+soon&source=live",
    "/records/north/Contacts/1/", "/records/north/Nothing/", "/mappings/", "/mappings/add/", "/mappings/contacts/change/",
    "/mappings/contacts/", "/mappings/contacts/match/", "/mappings/contacts/policies/", "/mappings/contacts/schedule/",
    "/mappings/contacts/versions/", "/mappings/add/?left_connection=north&right_connection=south",
    "/mappings/contacts/delete/", "/runs/", "/runs/{run}/", "/ledger/problem/", "/ledger/auditentry/", "/preferences/",
)  # fmt: skip


def test_no_page_shows_english_that_no_catalogue_could_translate(
    admin: Client, persian: Catalogue, gathered: dict[str, str]
) -> None:
    persian(in_brackets(gathered))
    admin.cookies["django_language"] = "fa"
    world = World()
    world.add(world.north, "ada")
    run = world.sync()
    open_problem("k", kind="run", title="…", detail="…", advice="…", connection=world.connections["north"])
    audit(None, "save mapping", world.mapping, {}, actor="test")
    found = {}
    for page in PAGES:
        answer = admin.get(page.format(run=run.pk))
        shown = answer.content.decode()
        assert BEGIN in shown and 'dir="rtl"' in shown, (page, answer.status_code)
        parts = {part.strip(" “”:") for text in leftovers(shown) for part in re.split(r"&rsaquo;|[|·,#\d]+", text)}
        if english := {part for part in parts - DATA - DJANGOS if re.search("[A-Za-z]{3,}", part)}:
            found[page] = english
    assert found == {}
