"""The record screens, as a person with a browser meets them: from the mirror, live, and when something is wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from connectors.errors import AuthError, Unavailable
from connectors.memory import store
from connectors.types import Change
from portal.accounts.models import User
from portal.connections.models import Call, Connection, OwnerLabel
from portal.records.models import Mirror
from portal.records.pull import mirror_of
from portal.records.store import store_changes

pytestmark = pytest.mark.django_db
LIST = "/records/north/Contacts/"
HOSTILE = '"><script>alert(1)</script>'


class Markup(HTMLParser):
    """What a browser makes of a page: the names of all attributes, where links go, what runs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.scripts = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    def handle_data(self, data: str) -> None:
        self.scripts += data if self.cdata_elem == "script" else ""


def put(id: str, **values: Any) -> None:
    store("memory").put("Contacts", values, id)


def mirrored(north: Connection, module: str = "Contacts") -> Mirror:
    """Store all the CRM's records of the module as a complete pull would."""
    mirror = mirror_of(north, module)
    records = [r for (of, _), r in store("memory").records.items() if of == module]
    store_changes(mirror, [Change(r.id, r) for r in records], cursor="1")
    Mirror.objects.filter(pk=mirror.pk).update(completed_at=datetime.now(UTC), pulled_at=datetime.now(UTC))
    return mirror


def text(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return answer.content.decode()


def shown(page: str) -> list[str]:
    """Return the ids of the records in the list, in order."""
    return re.findall(r'<th scope="row"[^>]*><a href="/records/north/Contacts/([^/]*)/">', page)


# Lists


def test_a_module_without_a_mirror_is_read_live_and_says_so(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    page = text(admin, LIST)
    assert shown(page) == ["c1"] and "Live" in page and "No mirror is kept of this module." in page


def test_a_mirrored_module_is_shown_without_asking_the_crm(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    mirrored(north)
    text(admin, LIST)  # the module's description is asked for once
    before = Call.objects.count()
    page = text(admin, LIST)
    assert shown(page) == ["c1"] and "asked for changes" in page and "just now</time>" in page
    assert Call.objects.count() == before


def test_the_switch_shows_the_crm_as_it_is_now(admin: Client, north: Connection) -> None:
    put("c1", lastname="Old")
    mirrored(north)
    put("c1", lastname="Brandnew")
    assert "Brandnew" not in text(admin, LIST)
    assert "Brandnew" in text(admin, LIST + "?source=live")


def test_a_mirror_that_is_still_being_read_is_not_taken_for_the_whole(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    put("c2", lastname="Smith")
    mirror = mirror_of(north, "Contacts")
    store_changes(mirror, [Change("c1", store("memory").records["Contacts", "c1"])])
    assert set(shown(text(admin, LIST))) == {"c1", "c2"}
    assert shown(text(admin, LIST + "?source=mirror")) == ["c1"]


@pytest.mark.parametrize("source", ["live", "mirror"])
def test_filter_search_and_order_work_alike_live_and_from_the_mirror(
    admin: Client, north: Connection, source: str
) -> None:
    for number, (first, last) in enumerate([("Anna", "O'Brien"), ("Ben", "o'brien"), ("Anna", "Smith")]):
        put(f"c{number}", firstname=first, lastname=last, children=str(number))
    mirrored(north)
    url = f"{LIST}?source={source}&o=-children&filter="
    assert shown(text(admin, url + 'lastname+contains+"o%27brien"')) == ["c1", "c0"]
    assert shown(text(admin, url + "children+%3E+0&q=anna")) == ["c2"]
    assert shown(text(admin, url)) == ["c2", "c1", "c0"]


def test_a_wrong_filter_is_marked_at_its_word_and_nothing_is_read(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    page = text(admin, LIST + "?filter=email+is+empty+and+lastnam+%3D+x")
    assert "<mark>lastnam</mark>" in page and "Did you mean" in page and shown(page) == []
    assert 'data-error-at="19" data-error-end="26"' in page


@pytest.mark.parametrize("source", ["mirror", "live"])
def test_an_order_that_cannot_be_is_told_and_the_records_are_shown_all_the_same(
    admin: Client, north: Connection, source: str
) -> None:
    put("c1", lastname="Miller")
    mirrored(north)
    page = text(admin, f"{LIST}?source={source}&filter=lastname+%3D+Miller&o=nosuch")
    assert "Not sorted as asked: There is no field “nosuch”" in page and "c1" in page
    assert "filter-error" not in page, "nothing is wrong with the filter"


@pytest.mark.parametrize("query", ["o=nosuch", "o=lines", "filter=(", "filter=%00", "filter=" + "(" * 400, "cursor=x"])
def test_whatever_stands_in_the_address_is_answered(admin: Client, north: Connection, query: str) -> None:
    put("c1", lastname="Miller")
    mirrored(north)
    text(admin, f"{LIST}?{query}")
    text(admin, f"{LIST}?source=live&{query}")


@pytest.mark.parametrize("source", ["live", "mirror"])
def test_fifty_records_stand_on_a_page_and_one_can_turn_on_and_back(
    admin: Client, north: Connection, source: str
) -> None:
    for number in range(120):
        put(f"c{number:03}", lastname=f"Miller {number:03}")
    mirrored(north)
    first = text(admin, f"{LIST}?source={source}&o=lastname")
    following = re.search(r'<a href="([^"]*)" rel="next">', first)
    assert following and len(shown(first)) == 50
    second = text(admin, LIST + following[1].replace("&amp;", "&"))
    assert shown(second) == [f"c{n:03}" for n in range(50, 100)]
    previous = re.search(r'<a href="([^"]*)" rel="prev">', second)
    assert previous and shown(text(admin, LIST + previous[1].replace("&amp;", "&"))) == shown(first)


def test_how_it_was_found_is_told(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    assert "lastname = Miller" in text(admin, LIST + "?filter=lastname+%3D+Miller").split("How this was found")[1]


def test_references_and_owners_are_shown_by_name(admin: Client, north: Connection) -> None:
    store("memory").put("Accounts", {"name": "Northwind"}, "a1")
    put("c1", lastname="Miller", account="a1", owner="1")
    text(admin, "/records/north/Accounts/")
    mirrored(north, "Accounts")
    OwnerLabel.objects.create(connection=north, owner_id="1", label="Ada Lovelace")
    page = text(admin, LIST)
    assert '<a href="/records/north/Accounts/a1/"><bdi>Northwind</bdi></a>' in page and "Ada Lovelace" in page


def test_chosen_columns_stay_chosen(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller", **{"address/city": "Köln"})
    assert "Köln" not in text(admin, LIST)
    form = {"column": ["lastname", "address/city"], "back": "q=miller"}
    answer = admin.post(LIST + "columns/", form)
    assert answer["Location"] == LIST + "?q=miller"
    page = text(admin, LIST)
    assert "Köln" in page and re.findall(r'<div class="text"><a [^>]*>([^<]*)<', page) == ["Last name", "City"]


# One record


def test_a_record_shows_every_field_as_what_it_is(admin: Client, north: Connection) -> None:
    put(
        "c1",
        firstname="Anna",
        lastname="Miller",
        email="anna@example.org",
        phone="۰۹۱۲ ۳۴۵",
        website="https://example.org/a?b=1&c=2",
        revenue="1234567.5",
        birthday="2024-02-29",
        status="In Progress",
        tags=["A", "B"],
        lines=[{"product": "Chair", "qty": "2"}],
    )
    page = text(admin, LIST + "c1/")
    assert "<h1>Anna Miller</h1>" in page and 'href="mailto:anna@example.org"' in page
    assert 'href="tel:0912345"' in page and 'href="https://example.org/a?b=1&amp;c=2"' in page
    assert "1,234,567.5" in page and "2024-02-29" in page and "Being worked on" in page
    assert "Customer" in page and "<td><bdi>Chair</bdi></td>" in page


def test_date_times_are_shown_in_the_persons_zone(admin: Client, north: Connection) -> None:
    User.objects.filter(username="admin").update(time_zone="Asia/Tehran")
    put("c1", lastname="Miller", nextcall="2026-01-01T12:00:00Z")
    assert "2026-01-01 15:30:00" in text(admin, LIST + "c1/")


@pytest.mark.parametrize(
    "value", [HOSTILE, "javascript:alert(1)", "data:text/html,<b>", " jAvAsCrIpT:x", "\u202eabc", 'a@b" onfocus=x ']
)
@pytest.mark.parametrize("live", [True, False])
def test_hostile_values_are_text_wherever_they_stand(admin: Client, north: Connection, value: str, live: bool) -> None:
    names = [
        "lastname",
        "email",
        "phone",
        "website",
        "notes",
        "status",
        "account",
        "birthday",
        "revenue",
        "extra",
        "owner",
    ]
    put(f"c1{value}", **dict.fromkeys(names, value), lines=[{value: value}], tags=[value])
    if not live:
        mirrored(north)
    User.objects.filter(username="admin").update(columns={"north/Contacts": names})
    listed = text(admin, LIST)
    record = text(admin, LIST + shown(listed)[0] + "/")
    for page in (listed, record):
        markup = Markup(page)
        assert "alert(1)" not in markup.scripts and not [a for a in markup.attributes if a.startswith("on")]
        assert not [u for u in markup.links if u.strip().lower().startswith(("javascript:", "data:"))]


def test_a_record_shows_what_our_mirror_has_seen_of_it(admin: Client, north: Connection) -> None:
    put("c1", lastname="Old")
    mirrored(north)
    put("c1", lastname="New")
    mirrored(north)
    page = text(admin, LIST + "c1/").split("History of our copy")[1]
    assert re.search(r'del"><bdi>Old</bdi></span>.*ins"><bdi>New</bdi>', page) and "first seen" in page


def test_a_deleted_record_shows_what_we_last_knew_and_that_it_is_gone(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    store_changes(mirrored(north), [Change("c1")])
    page = text(admin, LIST + "c1/")
    assert "This record was deleted: the CRM says so." in page and "Miller" in page


def test_a_record_that_is_nowhere_is_a_clear_page(admin: Client, north: Connection) -> None:
    assert "does not exist in the CRM" in text(admin, LIST + "c404/", 404)


def test_an_id_of_any_characters_has_an_address(admin: Client, north: Connection) -> None:
    odd = 'a/b?c#d%"é _5F'
    put(odd, lastname="Miller")
    address = shown(text(admin, LIST))[0]
    assert "<h1>Miller</h1>" in text(admin, f"{LIST}{address}/")


# When something is wrong


def test_an_unknown_module_is_a_clear_page(admin: Client, north: Connection) -> None:
    page = text(admin, "/records/north/Nosuch/", 404)
    assert "There is no module “Nosuch”" in page and "All modules" in page


def test_a_crm_that_does_not_answer_offers_the_mirror(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    text(admin, LIST)
    mirrored(north)
    store("memory").fail("read", Unavailable("The CRM did not answer within 30 seconds."), times=9)
    page = text(admin, LIST + "?source=live&q=mill", 503)
    assert "did not answer within 30 seconds" in page and f'href="{LIST}?source=mirror&amp;q=mill"' in page


def test_refused_credentials_say_what_to_do(admin: Client, north: Connection) -> None:
    store("memory").fail("describe", AuthError("The key is refused."), times=9)
    page = text(admin, LIST, 503)
    assert "The key is refused." in page and "Copy the credentials from the CRM again" in page


def test_the_modules_of_a_connection_stand_with_what_is_mirrored_first(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    mirrored(north)
    page = text(admin, "/records/north/")
    assert page.index(">Contacts</a>") < page.index(">Accounts</a>") and "none, read live" in page
    assert ">Contacts</a>" in text(admin, "/records/")


def test_modules_can_be_listed_from_our_mirrors_while_the_crm_is_down(admin: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    mirrored(north)
    store("memory").fail("modules", Unavailable("Down for maintenance."), times=9)
    page = text(admin, "/records/north/")
    assert "Down for maintenance." in page and ">Contacts</a>" in page


# Who may


def test_only_who_may_see_connections_sees_records(client: Client, north: Connection) -> None:
    put("c1", lastname="Miller")
    urls = ["/records/", "/records/north/", LIST, LIST + "c1/"]
    assert {client.get(url).status_code for url in urls} == {302}
    user = User.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    assert {client.get(url).status_code for url in urls} == {403}
    user.user_permissions.add(Permission.objects.get(codename="view_connection"))
    assert {client.get(url).status_code for url in urls} == {200}
    assert client.get("/records/nosuch/").status_code == 404
