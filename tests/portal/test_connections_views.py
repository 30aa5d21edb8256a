"""The connection screens, as a person with a browser meets them: against a simulated Vtiger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from connectors.memory import MemoryConnector
from connectors.sandbox.server import Sandbox
from connectors.types import Identity
from portal.accounts.models import User
from portal.connections.forms import ConnectionForm, Kept
from portal.connections.models import Call, Connection, KnownSchema, OwnerLabel, Session
from portal.connections.views import _propose_zone
from portal.ledger.models import AuditEntry
from portal.mappings.models import Mapping
from tests.connectors.sandbox_client import Account

pytestmark = pytest.mark.django_db


def filled(account: Account, **changes: Any) -> dict[str, Any]:
    """Return the form of a Vtiger connection, filled in."""
    form = {f"setting_{name}": value for name, value in account.secrets.items()}
    form |= {"setting_time_zone": "UTC", "setting_region": "GB", "name": "berlin", "max_parallel": "4"}
    return form | changes


def post(client: Client, url: str, form: dict[str, Any], button: str = "_save") -> tuple[int, str]:
    answer = client.post(url, form | {button: "1"}, follow=True)
    return answer.status_code, answer.content.decode()


ADD = "/connections/add/vtiger/"


@pytest.fixture
def berlin(admin: Client, vtiger: Account) -> Connection:
    post(admin, ADD, filled(vtiger))
    return Connection.objects.get(name="berlin")


def test_the_form_is_what_the_connector_declares_with_help_beside_each(admin: Client) -> None:
    page = admin.get(ADD).content.decode()
    assert "<h2>Vtiger</h2>" in page and "open My Preferences and copy the Access Key" in page
    assert 'type="password" name="setting_access_key"' in page and 'autocomplete="new-password"' in page
    assert "My Preferences, at the bottom" in page and "Europe/Berlin" in page and "DE · Germany" in page


def test_a_test_tells_who_we_are_and_saves_nothing(admin: Client, vtiger: Account) -> None:
    _, page = post(admin, ADD, filled(vtiger), "_test")
    assert "The CRM answered" in page and vtiger.url in page and "<dd>admin</dd>" in page
    assert not Connection.objects.exists()


def test_what_was_typed_for_the_test_need_not_be_typed_again_and_is_not_shown(admin: Client, vtiger: Account) -> None:
    _, page = post(admin, ADD, filled(vtiger), "_test")
    assert vtiger.secrets["access_key"] not in page and "kept; type to replace" in page
    status, page = post(admin, ADD, filled(vtiger, setting_access_key=""))
    assert "The connection “berlin” was saved." in page.replace("&quot;", '"')
    assert Connection.objects.get().open_secrets() == {"access_key": vtiger.secrets["access_key"]}


def test_secrets_typed_for_a_test_are_not_used_for_another_address(admin: Client, vtiger: Account) -> None:
    post(admin, ADD, filled(vtiger), "_test")
    _, page = post(admin, ADD, filled(vtiger, setting_access_key="", setting_url="http://127.0.0.1:1/"))
    assert "The address of the CRM was changed: enter this again." in page
    assert not Connection.objects.exists()


def test_saving_tests_first_and_the_page_then_shows_state_and_modules(admin: Client, berlin: Connection) -> None:
    page = admin.get("/connections/berlin/change/").content.decode()
    assert berlin.check_state == "ok" and not berlin.writable
    assert 'href="/records/berlin/Contacts/"' in page and "not allowed" in page
    assert berlin.learned, "what the test learned of the server is kept"


def test_a_wrong_password_is_told_in_the_vendors_words_with_causes_and_nothing_is_saved(
    admin: Client, vtiger: Account
) -> None:
    _, page = post(admin, ADD, filled(vtiger, setting_access_key="wrong"))
    assert "The CRM refused the credentials." in page and "INVALID_USER_CREDENTIALS" in page
    assert "Likely causes" in page and "copied from another user" in page
    assert not Connection.objects.exists()


def test_a_person_may_save_a_connection_that_does_not_work_yet(admin: Client, vtiger: Account) -> None:
    _, page = post(admin, ADD, filled(vtiger, setting_access_key="wrong"))
    assert "Save anyway" in page
    _, page = post(admin, ADD, filled(vtiger, setting_access_key=""), "_save_anyway")
    assert "It does not work yet" in page and Connection.objects.get().check_state == "failed"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:1/", "The CRM does not answer."),
        ("https://no-such-host.invalid/", "The CRM does not answer."),
        ("https://10.1.2.3/", "CRM_ALLOWED_NETWORKS"),
        ("https://169.254.169.254/", "CRM_ALLOWED_NETWORKS"),
        ("ftp://crm.example.com", "Enter the address of the server"),
        ("https://me:secret@crm.example.com", "without a user, a password"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_with_what_to_do(
    admin: Client, vtiger: Account, address: str, told: str
) -> None:
    _, page = post(admin, ADD, filled(vtiger, setting_url=address))
    assert told in page and not Connection.objects.exists()


def test_a_web_page_instead_of_an_answer_is_told_as_such(admin: Client, vtiger: Account) -> None:
    vtiger.control("POST", "faults", fault="http_502_html", times=0)
    _, page = post(admin, ADD, filled(vtiger), "_test")
    vtiger.control("DELETE", "faults")
    assert "The CRM does not answer." in page and "502" in page and "&lt;html" not in page


def test_an_empty_secret_keeps_the_stored_one_and_a_typed_one_replaces_it(
    admin: Client, berlin: Connection, vtiger: Account
) -> None:
    post(admin, "/connections/berlin/change/", filled(vtiger, setting_access_key="", setting_region="DE"))
    berlin.refresh_from_db()
    assert berlin.open_secrets()["access_key"] == vtiger.secrets["access_key"] and berlin.settings["region"] == "DE"
    post(admin, "/connections/berlin/change/", filled(vtiger, setting_access_key="other"), "_save_anyway")
    assert Connection.objects.get().open_secrets()["access_key"] == "other"


def test_changing_the_address_asks_for_the_secrets_again(admin: Client, berlin: Connection, vtiger: Account) -> None:
    moved = filled(vtiger, setting_access_key="", setting_url="https://elsewhere.example.com")
    _, page = post(admin, "/connections/berlin/change/", moved, "_save_anyway")
    assert "The address of the CRM was changed: enter this again." in page
    assert Connection.objects.get().settings["url"] == vtiger.url


def test_a_trailing_slash_is_no_other_address(admin: Client, berlin: Connection, vtiger: Account) -> None:
    _, page = post(
        admin, "/connections/berlin/change/", filled(vtiger, setting_access_key="", setting_url=vtiger.url + "/")
    )
    assert "was saved" in page


def test_changing_the_access_forgets_logins_and_changing_a_limit_does_not(
    admin: Client, berlin: Connection, vtiger: Account
) -> None:
    Session.objects.create(connection=berlin, slot="web", token={"token": "t"})
    post(admin, "/connections/berlin/change/", filled(vtiger, setting_access_key="", calls_per_day="100"))
    assert Session.objects.exists() and Connection.objects.get().calls_per_day == 100
    assert not Call.objects.exists(), "a limit needs no test"
    post(admin, "/connections/berlin/change/", filled(vtiger, setting_username="else"), "_save_anyway")
    assert not Session.objects.exists() and KnownSchema.objects.exists()


def test_the_test_of_a_stored_connection_is_counted_and_its_failure_kept(
    admin: Client, berlin: Connection, vtiger: Account
) -> None:
    page = admin.post("/connections/berlin/test/").content.decode()
    assert "The CRM answered" in page and Call.objects.filter(purpose="person").exists()
    Connection.objects.update(settings={**berlin.settings, "url": "http://127.0.0.1:1"})
    page = admin.post("/connections/berlin/test/").content.decode()
    assert "The CRM does not answer." in page and Connection.objects.get().check_state == "failed"


def test_writing_is_allowed_on_a_page_of_its_own_and_stands_in_the_history(admin: Client, berlin: Connection) -> None:
    post(admin, "/connections/berlin/change/", {"writable": "on", "name": "berlin"})
    assert not Connection.objects.get().writable
    assert "may then create, change and delete" in admin.get("/connections/berlin/writing/").content.decode()
    admin.post("/connections/berlin/writing/", {"writable": "yes"})
    assert Connection.objects.get().writable
    assert "allow writing" in admin.get("/connections/berlin/history/", follow=True).content.decode()
    assert "</time>, admin</dd>" in admin.get("/connections/berlin/change/").content.decode()
    admin.post("/connections/berlin/writing/", {"writable": "no"})
    assert not Connection.objects.get().writable


def test_the_history_names_fields_and_no_values(admin: Client, berlin: Connection, vtiger: Account) -> None:
    form = filled(vtiger, setting_access_key="marker-key", setting_username="marker-user")
    post(admin, "/connections/berlin/change/", form, "_save_anyway")
    told = admin.get("/connections/berlin/history/", follow=True).content.decode()
    assert "fields: User name, Access key" in told and "marker" not in told


def test_a_connection_a_mapping_uses_is_not_deleted_and_the_page_says_which(
    admin: Client, make_connection: Callable[..., Connection]
) -> None:
    north = make_connection("north")
    mapping = Mapping.objects.create(
        name="people", left_connection=north, left_module="C", right_connection=north, right_module="C"
    )
    page = admin.post("/connections/north/delete/")
    assert page.status_code == 409 and "people" in page.content.decode() and Connection.objects.exists()
    mapping.delete()
    assert "Yes, I’m sure" in admin.get("/connections/north/delete/").content.decode()
    admin.post("/connections/north/delete/")
    assert not Connection.objects.exists()
    assert AuditEntry.objects.get(action="delete_connection", object_label="north").actor == "admin"


def test_the_list_shows_state_and_leads_to_our_page(admin: Client, berlin: Connection) -> None:
    page = admin.get("/connections/").content.decode()
    assert 'href="/connections/berlin/change/"' in page and "Vtiger" in page and "badge-good" in page
    assert admin.get("/connections/connection/", follow=True).redirect_chain[-1][0] == "/connections/"
    assert admin.get("/connections/?q=berl&check_state__exact=ok&connector=vtiger").status_code == 200


def test_every_offered_crm_can_be_chosen(admin: Client) -> None:
    page = admin.get("/connections/add/").content.decode()
    assert 'href="/connections/add/vtiger/"' in page and 'href="/connections/add/reallysimple/"' in page
    assert admin.get("/connections/add/nothing/").status_code == 404


def test_calls_are_listed_and_nobody_changes_them(admin: Client, berlin: Connection) -> None:
    admin.post("/connections/berlin/test/")
    page = admin.get("/connections/call/")
    assert page.status_code == 200 and "login" in page.content.decode()
    call = Call.objects.first()
    assert call
    Call.objects.exclude(pk=call.pk).delete()
    assert "refused" not in admin.get("/connections/call/").content.decode()
    Call.objects.update(status=500)
    assert "refused" in admin.get("/connections/call/").content.decode(), "an answer of 500 is no success"
    assert admin.post(f"/connections/call/{call.pk}/change/", {}).status_code == 403
    assert admin.get("/connections/call/add/").status_code == 403


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("", []),
        ("view_connection", ["list", "see"]),
        ("change_connection", ["list", "see", "test", "writing"]),
        ("add_connection", ["choose", "add"]),
        ("delete_connection", ["delete"]),
    ],
)
def test_each_permission_opens_its_own_doors_only(
    client: Client, make_connection: Callable[..., Connection], permission: str, allowed: list[str]
) -> None:
    make_connection("north")
    user = User.objects.create_user("eve", password="a long password", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=[permission, "view_connection"] if permission == "change_connection" else [permission]
        )
    )
    client.force_login(user)
    doors = {
        "list": client.get("/connections/"),
        "see": client.get("/connections/north/change/"),
        "test": client.post("/connections/north/test/"),
        "writing": client.get("/connections/north/writing/"),
        "choose": client.get("/connections/add/"),
        "add": client.get("/connections/add/vtiger/"),
        "delete": client.get("/connections/north/delete/"),
    }
    assert [name for name, answer in doors.items() if answer.status_code == 200] == allowed


def test_whoever_may_only_look_gets_no_save_button_and_cannot_save(
    client: Client, make_connection: Callable[..., Connection]
) -> None:
    make_connection("north")
    user = User.objects.create_user("eve", password="a long password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_connection"))
    client.force_login(user)
    assert 'name="_save"' not in client.get("/connections/north/change/").content.decode()
    assert client.post("/connections/north/change/", {"name": "south"}).status_code == 403


def test_a_stranger_is_sent_to_the_login(client: Client, make_connection: Callable[..., Connection]) -> None:
    make_connection("north")
    assert client.get("/connections/north/change/")["Location"].startswith("/login/")


def test_the_owners_the_crm_tells_get_their_names_but_not_over_what_a_person_typed(
    admin: Client, north: Connection
) -> None:
    OwnerLabel.objects.create(connection=north, owner_id="2", label="Bob from Berlin", typed=True)
    admin.post("/connections/north/test/")
    labels = dict(OwnerLabel.objects.values_list("owner_id", "label"))
    assert labels == {"1": "Ada", "2": "Bob from Berlin", "9": "Sales"}


def test_a_name_typed_in_the_admin_counts_as_typed(admin: Client, north: Connection) -> None:
    form = {"connection": north.pk, "owner_id": "7", "label": "Grace"}
    assert admin.post("/connections/ownerlabel/add/", form).status_code == 302
    assert OwnerLabel.objects.get().typed


def test_a_test_proposes_the_servers_time_zone_unless_a_person_chose_one(north: Connection) -> None:
    def proposed(chosen: str, told: str) -> str:
        data = {"name": "n", "max_parallel": "4", "setting_time_zone": chosen, "setting_region": "GB"}
        form = ConnectionForm(MemoryConnector, data, instance=Connection(connector="memory"), kept=Kept())
        assert form.is_valid()
        _propose_zone(form, data, Identity("account", time_zone=told))
        return data["setting_time_zone"]

    assert proposed("UTC", "Asia/Tehran") == "Asia/Tehran"
    assert proposed("Europe/Berlin", "Asia/Tehran") == "Europe/Berlin"
    assert proposed("UTC", "") == proposed("UTC", "Mars/Base") == "UTC"


def test_a_token_that_runs_out_is_told_on_page_and_list(admin: Client, running_sandbox: Sandbox) -> None:
    form = {f"setting_{name}": value for name, value in running_sandbox.credentials["reallysimple"].items()}
    form |= {"setting_time_zone": "UTC", "setting_region": "GB", "name": "south", "max_parallel": "4"}
    status, page = post(admin, "/connections/add/reallysimple/", form)
    expires = Connection.objects.get().token_expires_at
    assert status == 200 and expires is not None and f'datetime="{expires.isoformat()}"' in page
    assert expires.isoformat() in admin.get("/connections/").content.decode()


def test_a_name_for_an_owner_can_be_typed(admin: Client, north: Connection) -> None:
    assert admin.get("/connections/ownerlabel/add/").status_code == 200
    typed = {"connection": north.pk, "owner_id": "90505", "label": "Ada"}
    assert admin.post("/connections/ownerlabel/add/", typed).status_code == 302
    kept = north.owner_labels.get()
    assert (kept.label, kept.typed) == ("Ada", True)
    assert admin.get(f"/connections/ownerlabel/{kept.pk}/change/").status_code == 200
    assert admin.get("/connections/connection/__fk__/change/").status_code == 404
