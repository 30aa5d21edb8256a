"""What every screen shares: navigation, preferences, the dashboard's panels, ages, and a stylesheet fit for both directions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger.models import Entry, Problem, Run
from portal.mappings.models import Mapping
from portal.ui.nav import NAV
from portal.ui.panels import Drawn, draw_panels, register_panel
from portal.ui.templatetags.portal import age, badge

CSS = (Path(settings.BASE_DIR) / "static" / "portal" / "portal.css").read_text()


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def two_connections() -> tuple[Connection, Connection]:
    return tuple(Connection.objects.create(name=name, connector="memory") for name in ("north", "south"))  # type: ignore[return-value]


def make_mapping(name: str = "contacts") -> Mapping:
    north, south = two_connections()
    return Mapping.objects.create(
        name=name, left_connection=north, left_module="Contacts", right_connection=south, right_module="Contacts"
    )


# Navigation


@pytest.mark.django_db
def test_the_navigation_leads_everywhere_and_marks_where_one_is(admin: Client) -> None:
    page = text(admin, "/records/")
    nav = page.split('id="portal-nav"')[1].split("</nav>")[0]
    links = re.findall(r'<a href="([^"]*)"', nav)
    assert {"/", "/connections/", "/records/", "/mappings/", "/runs/", "/ledger/problem/", "/accounts/user/"} <= set(
        links
    )
    assert re.findall(r'<a href="([^"]*)" class="current" aria-current="page">', nav) == ["/records/"]
    assert all(admin.get(link).status_code == 200 for link in links)


@pytest.mark.django_db
def test_the_navigation_shows_nobody_what_they_may_not_see(client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    user.user_permissions.add(Permission.objects.get(codename="view_mapping"))
    nav = text(client, "/").split('id="portal-nav"')[1].split("</nav>")[0]
    assert re.findall(r'<a href="([^"]*)"', nav) == ["/", "/mappings/", "/preferences/"]


def test_every_entry_of_the_navigation_has_a_symbol() -> None:
    drawn = (Path(settings.BASE_DIR) / "templates" / "portal" / "icons.html").read_text()
    wanted = {entry.icon for _, entries in NAV for entry in entries}
    assert wanted <= set(re.findall(r'id="icon-([a-z]+)"', drawn))


@pytest.mark.django_db
def test_who_is_not_logged_in_is_sent_to_the_login_which_has_no_navigation(client: Client) -> None:
    assert client.get("/")["Location"].startswith("/login/")
    assert "portal-nav" not in text(client, "/login/")


# Preferences


@pytest.mark.django_db
def test_a_person_gets_the_language_and_direction_they_chose(admin: Client) -> None:
    answer = admin.post("/preferences/", {"language": "fa", "time_zone": "Asia/Tehran", "calendar": "gregorian"})
    assert answer.status_code == 302
    page = text(admin, "/accounts/user/")
    assert '<html lang="fa" dir="rtl">' in page and "نام کاربری" in page


@pytest.mark.django_db
def test_the_language_of_one_person_does_not_stay_for_the_next(admin: Client, client: Client) -> None:
    User.objects.filter(username="admin").update(language="fa")
    assert 'dir="rtl"' in text(admin, "/preferences/")
    other = Client()
    other.force_login(User.objects.create_superuser("other"))
    assert 'dir="ltr"' in text(other, "/preferences/")


@pytest.mark.django_db
@pytest.mark.parametrize("form", [{"language": "xx"}, {"time_zone": "Mars/Olympus"}, {"calendar": "mayan"}])
def test_a_preference_that_does_not_exist_is_refused(admin: Client, form: dict[str, str]) -> None:
    assert "errorlist" in admin.post("/preferences/", {"calendar": "gregorian", **form}).content.decode()


@pytest.mark.django_db
def test_an_administrator_makes_a_person_and_sets_their_language(admin: Client) -> None:
    form = {
        "username": "anna",
        "usable_password": "true",
        "password1": "a long password 1",
        "password2": "a long password 1",
    }
    assert admin.post("/accounts/user/add/", form).status_code == 302
    anna = User.objects.get(username="anna")
    assert anna.check_password("a long password 1")
    assert 'name="language"' in text(admin, f"/accounts/user/{anna.pk}/change/")


# The dashboard


@pytest.mark.django_db
def test_a_new_portal_leads_through_the_first_steps(admin: Client) -> None:
    page = text(admin, "/")
    assert "Three steps" in page and 'href="/connections/add/"' in page and 'href="/mappings/add/"' not in page
    two_connections()
    assert 'href="/mappings/add/"' in text(admin, "/")


@pytest.mark.django_db
def test_the_steps_are_gone_once_something_was_synced(admin: Client) -> None:
    mapping = make_mapping()
    Run.objects.create(kind="sync", state="succeeded", mapping=mapping.uuid, finished_at=datetime.now(UTC))
    page = text(admin, "/")
    assert "Three steps" not in page and "succeeded" in page and "just now" in page


@pytest.mark.django_db
def test_the_dashboard_counts_what_failed_and_what_waits_of_each_mapping(admin: Client) -> None:
    mapping = make_mapping()
    run = Run.objects.create(kind="sync", state="partly_failed", mapping=mapping.uuid)
    states = ["failed", "failed", "blocked", "conflict", "unknown", "done", "skipped"]
    for number, state in enumerate(states, 1):
        Entry.objects.create(
            run=run,
            number=number,
            action="create",
            state=state,
            mapping=mapping.uuid,
            connection=mapping.right_connection,
        )
    Entry.objects.filter(number=1).update(superseded_by=Entry.objects.get(number=6))
    row = text(admin, "/").split('<a href="/mappings/contacts/">')[1].split("</tr>")[0]
    assert re.findall(r'<td class="number"[^>]*>(?:<a [^>]*>)?<span class="badge badge-(\w+)">(\d+)<', row) == [
        ("bad", "1"),
        ("warn", "3"),
    ]


@pytest.mark.django_db
def test_open_problems_say_what_to_do_and_closed_ones_are_not_shown(admin: Client) -> None:
    Problem.objects.create(key="a", kind="auth", title="north refuses its key", advice="Enter the key again.")
    Problem.objects.create(key="b", kind="auth", title="Long over", closed_at=datetime.now(UTC))
    page = text(admin, "/")
    assert "north refuses its key" in page and "Enter the key again." in page and "Long over" not in page


@pytest.mark.django_db
def test_a_connection_shows_its_last_test_and_credentials_that_run_out(admin: Client) -> None:
    north, south = two_connections()
    Connection.objects.filter(pk=north.pk).update(check_state="failed", check_message="The key is refused.")
    Connection.objects.filter(pk=south.pk).update(token_expires_at=datetime.now(UTC) + timedelta(days=3, minutes=1))
    page = text(admin, "/")
    assert "The key is refused." in page and "expire soon" in page and "in 3 days" in page


@pytest.mark.django_db
def test_a_portal_without_a_worker_says_how_to_start_one(admin: Client) -> None:
    make_mapping()
    assert "manage.py qcluster" in text(admin, "/")


@pytest.mark.django_db
def test_the_dashboard_asks_as_many_questions_for_ten_mappings_as_for_one(
    admin: Client,
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(admin, "/")
        return len(captured)

    first = make_mapping("m0")
    few = asked()
    for number in range(1, 10):
        sides = {"left_connection": first.left_connection, "right_connection": first.right_connection}
        mapping = Mapping.objects.create(name=f"m{number}", left_module="A", right_module="B", **sides)
        Run.objects.create(kind="sync", state="failed", mapping=mapping.uuid)
        Problem.objects.create(key=f"p{number}", kind="run", title="x", connection=first.left_connection)
    assert asked() <= few + 2  # the newest runs themselves, the problems' list


@pytest.mark.django_db
def test_problems_and_the_audit_trail_can_be_searched_but_not_changed(admin: Client) -> None:
    problem = Problem.objects.create(key="a", kind="auth", title="north refuses its key", closed_at=datetime.now(UTC))
    assert "north refuses" in text(admin, "/ledger/problem/?state=over&q=refuses")
    assert "north refuses" not in text(admin, "/ledger/problem/?state=open")
    assert 'name="_save"' not in text(admin, f"/ledger/problem/{problem.pk}/change/")
    assert admin.get("/ledger/problem/add/").status_code == admin.get("/ledger/auditentry/add/").status_code == 403


# Panels, ages, badges


def test_panels_are_drawn_in_order_and_empty_ones_are_left_out() -> None:
    @register_panel("a page of this test", 20)
    def second(request: HttpRequest, *, record: str) -> Drawn:
        return badge("done", record)

    @register_panel("a page of this test", 10)
    def first(request: HttpRequest, *, record: str) -> Drawn:
        return badge("failed", "first")

    @register_panel("a page of this test")
    def nothing(request: HttpRequest, *, record: str) -> Drawn:
        return None

    drawn = draw_panels("a page of this test", HttpRequest(), record="<i>")
    assert drawn == [
        '<span class="badge badge-bad">first</span>',
        '<span class="badge badge-good">&lt;i&gt;</span>',
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (30, "just now"),
        (60, "1 minute ago"),
        (7000, "1 hour ago"),
        (86400 * 3, "3 days ago"),
        (86400 * 800, "2 years ago"),
        (-90, "in 1 minute"),
        (-86400 * 20 - 60, "in 20 days"),
    ],
)
def test_an_age_is_told_in_words_with_the_moment_beside_it(seconds: int, words: str) -> None:
    shown = age(datetime.now(UTC) - timedelta(seconds=seconds))
    assert shown.endswith(f">{words}</time>") and 'datetime="20' in shown and 'title="' in shown


def test_an_age_can_be_read_from_text_and_nothing_is_never() -> None:
    assert "years ago" in age("2016-05-05T10:00:00Z")
    assert age(None) == age("") == "never"


# The stylesheet


def test_the_stylesheet_knows_start_and_end_only() -> None:
    rules = re.sub(r"/\*.*?\*/", "", CSS, flags=re.S)
    physical = r"(?<![-\w])((margin|padding|border)-(left|right|top|bottom)|left|right|top|bottom|width|height|(min|max)-(width|height))\s*:"
    assert [m[0] for m in re.finditer(physical, re.sub(r"@media[^{]*", "", rules))] == []


def test_the_stylesheet_has_the_same_variables_for_dark_by_choice_and_by_system() -> None:
    chosen = CSS.split('html[data-theme="dark"] {')[1].split("}")[0]
    system = CSS.split(":root:not([data-theme]) {")[1].split("}")[0]
    assert re.findall(r"--[\w-]+: [^;]+", chosen) == re.findall(r"--[\w-]+: [^;]+", system) != []


def test_no_template_of_ours_holds_an_inline_style_or_script() -> None:
    found = []
    for file in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        for tag in re.findall(r"<[a-z][^>]*>", file.read_text()):
            if (
                re.search(r"\s(style|on[a-z]+)=", tag)
                or (tag.startswith("<script") and "src=" not in tag)
                or "<style" in tag
            ):
                found.append((file.name, tag))
    assert found == []
