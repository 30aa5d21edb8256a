"""The screens of a match review: who may be whom, said one by one or at once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.accounts.models import User
from portal.ledger import lease
from portal.ledger.models import Run
from portal.sync.matching.decide import accept
from portal.sync.matching.standing import matched
from portal.sync.models import Link, MatchCandidate, Preview
from portal.sync.previews import job as preview_job
from portal.sync.show import as_text, run_as_json
from tests.portal.sync_world import World
from tests.portal.test_sync_matches import put, reviewed
from tests.portal.test_sync_matches import world as world  # noqa: PLC0414  the same people

pytestmark = pytest.mark.django_db(transaction=True)


def page(browser: Client, **asked: str) -> str:
    answer = browser.get(reverse("sync:matches", args=["contacts"]), asked, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def post(browser: Client, deed: str, **said: str) -> str:
    answer = browser.post(reverse(f"sync:{deed}", args=["contacts"]), said, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_before_anything_was_read_the_page_says_what_to_read(admin: Client, world: World) -> None:
    assert "Contacts of north has not been read yet." in page(admin)


def test_the_button_looks_for_partners_and_the_page_lists_them(admin: Client, world: World) -> None:
    reviewed(world)
    Preview.objects.all().delete()
    assert "Look for partners" in page(admin)
    text = post(admin, "matches_look")
    assert "Ada Lovelace" in text
    assert "same name · same phone" in text
    assert "from 85 %: 2 pairs" in text or "from 85 %: 1 pair" in text


def test_a_pair_is_accepted_and_taken_back(admin: Client, world: World) -> None:
    reviewed(world)
    pair = MatchCandidate.objects.get(left_id="1")
    assert "Ada Lovelace" not in post(admin, "match_decide", accept=str(pair.pk))
    assert Link.objects.count() == 1
    assert "Take it back" in page(admin, show="said")
    post(admin, "match_decide", back=str(pair.pk))
    assert not Link.objects.exists()


def test_a_pair_that_is_not_the_same_is_not_shown_again(admin: Client, world: World) -> None:
    reviewed(world)
    pair = MatchCandidate.objects.get(left_id="1")
    assert "Ada Lovelace" not in post(admin, "match_decide", reject=str(pair.pk))
    assert "not the same" in page(admin, show="said")


def test_many_are_accepted_at_once(admin: Client, world: World) -> None:
    reviewed(world)
    assert "2 pairs are one from now on." in post(admin, "matches_accept", least="70")
    assert "Nothing is left to decide" in page(admin)


def test_records_without_a_key_and_such_as_are_like_nobody_are_listed(admin: Client, world: World) -> None:
    reviewed(world)
    assert "Dan Moss" in page(admin, show="without")
    assert "Eve Stone" in page(admin, show="alone", side="right")


def test_doubles_in_one_crm_are_listed_with_links_to_both(admin: Client, world: World) -> None:
    put(world.south, "Eve", "Stone")
    reviewed(world)
    text = page(admin, show="doubles", side="right")
    for number in ("4", "5"):
        assert reverse("records:record", args=["south", "Contacts", number]) in text
    assert "same match key" in text


def test_a_plan_made_before_is_named_with_the_button_that_plans_again(admin: Client, world: World) -> None:
    world.say(guards={"creates": 0})
    run = world.sync()
    assert run.state == "awaiting_approval"
    reviewed(world)
    assert "Plan again" not in page(admin)
    post(admin, "matches_accept", least="70")
    assert "Plan again" in page(admin)
    post(admin, "start")
    assert Run.objects.get(pk=run.pk).state == "cancelled"


def test_what_changed_since_is_said(admin: Client, world: World) -> None:
    reviewed(world)
    put(world.north, "New", "One")
    world.sync()
    assert "Records changed in our copies since." in page(admin)


def test_a_review_of_many_records_waits_for_a_worker_and_can_be_stopped(admin: Client, world: World) -> None:
    reviewed(world)
    Preview.objects.all().delete()
    world.connections["north"].mirrors.update(records=preview_job.SMALL)
    assert "waiting for a worker" in post(admin, "matches_look")
    row = Preview.objects.get()
    admin.post(reverse("sync:preview_stop", args=[row.pk]))
    assert Preview.objects.get().state == "stopped"


def test_the_page_asks_as_often_for_fifty_records_as_for_two(admin: Client, world: World) -> None:
    reviewed(world)
    with CaptureQueriesContext(connection) as few:
        page(admin)
    for number in range(30):
        put(
            world.north, "Ann", f"Person{number:02}", email=f"a{number}@home.example", phone=f"020 7946 {3000 + number}"
        )
        put(
            world.south, "Ann", f"Person{number:02}", email=f"b{number}@work.example", phone=f"020 7946 {3000 + number}"
        )
    reviewed(world)
    with CaptureQueriesContext(connection) as many:
        assert "Person29" in page(admin)
    assert len(many) <= len(few)


def test_who_may_only_look_sees_the_pairs_but_no_buttons(client: Client, world: World) -> None:
    reviewed(world)
    user = User.objects.create_user("looker", password="a long password", is_staff=True)
    names = ["view_mapping", "view_connection"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    text = page(client)
    assert "Ada Lovelace" in text
    assert "These are one" not in text
    pair = MatchCandidate.objects.get(left_id="1")
    answer = client.post(reverse("sync:match_decide", args=["contacts"]), {"accept": str(pair.pk)})
    assert answer.status_code == 403
    assert not Link.objects.exists()


def test_who_may_not_see_the_mapping_sees_nothing(client: Client, world: World) -> None:
    client.force_login(User.objects.create_user("stranger", password="a long password", is_staff=True))
    assert client.get(reverse("sync:matches", args=["contacts"])).status_code == 403


def test_the_plan_of_a_first_run_tells_how_both_sides_stand_and_leads_to_the_review(
    admin: Client, world: World
) -> None:
    put(world.south, "Cleo", "King")  # two now hold the key of the one over there
    world.say(guards={"creates": 0})
    run = world.sync()
    told = [(s.connection, s.linked, s.one, s.none, s.several, s.without) for s in matched(run)]
    assert told == [("north", 0, 0, 2, 1, 1), ("south", 0, 0, 3, 2, 0)]
    assert [side["several"] for side in run_as_json(run)["matched"]] == [1, 2]
    assert "north · Contacts by the match key: 0 with one partner, 2 with none, 1 with several" in as_text(run)
    text = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert reverse("sync:matches", args=["contacts"]) in text
    world.sync(approve_all=True)
    world.add(world.north, "zoe")
    assert matched(world.sync()) == []


def test_what_was_accepted_counts_as_linked_in_the_plan(world: World) -> None:
    world.say(guards={"creates": 0})
    reviewed(world)
    accept(MatchCandidate.objects.get(left_id="1"), user=None, actor="test")
    run = world.sync()
    assert [(s.linked, s.one, s.none) for s in matched(run)] == [(1, 1, 1), (1, 1, 2)]


def test_who_is_refused_because_a_run_is_at_work_is_told_and_may_try_again(admin: Client, world: World) -> None:
    reviewed(world)
    pair = MatchCandidate.objects.get(left_id="1")
    held = lease.take(f"mapping:{world.mapping.uuid}")
    assert held is not None
    address = reverse("sync:match_decide", args=["contacts"])
    text = admin.post(address, {"accept": str(pair.pk)}, headers={"HX-Request": "true"}).content.decode()
    assert "being carried out just now" in text
    assert "These are one" in text
    held.release()
    text = admin.post(address, {"accept": str(pair.pk)}, headers={"HX-Request": "true"}).content.decode()
    assert "Take it back" in text


def test_whom_the_key_joins_though_the_rest_differs_has_a_list_of_its_own(admin: Client, world: World) -> None:
    put(world.north, "Nora", "Quinn", email="nora@quinnhall.example")
    put(world.south, "Dean", "Hall", email="nora@quinnhall.example")
    reviewed(world)
    text = page(admin, show="unlike")
    assert "another name" in text
    assert "correct the key of one of them" in text
    assert "Not the same" not in text
