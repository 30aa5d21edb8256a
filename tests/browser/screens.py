"""Pictures of every screen, to be looked at: `python tests/browser/screens.py OUTDIR [PART OF A NAME…]`.

Each at 1280 and 390 pixels, light and dark, and once from right to left; named SCREEN-WIDTH-LOOK.png."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.browser.chromium import CHROMIUM, FLAGS  # noqa: E402
from tests.browser.stack import PASSWORD, Stack  # noqa: E402

Screen = str | Callable[[Page], None]
WIDTHS = {1280: 900, 390: 844}
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (1280, "rtl")]
EMPTY = {
    "empty-dashboard": "/",
    "empty-connections": "/connections/",
    "empty-records": "/records/",
    "empty-mappings": "/mappings/",
    "empty-mapping-add": "/mappings/add/",
    "empty-tables": "/mappings/tables/",
    "empty-sets": "/sets/",
    "empty-runs": "/runs/",
    "empty-inbox": "/conflicts/",
    "empty-problems": "/ledger/problem/",
}
FILLED = {
    "dashboard": "/",
    "connections": "/connections/",
    "connection-choose": "/connections/add/",
    "connection-add": "/connections/add/vtiger/",
    "connection-add-sarvcrm": "/connections/add/sarvcrm/",
    "connection-add-opencrm": "/connections/add/opencrm/",
    "connection-add-simplycrm": "/connections/add/simplycrm/",
    "connection": "/connections/north/change/",
    "connection-failed": "/connections/broken/change/",
    "connection-writing": "/connections/south/writing/",
    "connection-history": "/connections/north/history/",
    "connection-delete": "/connections/broken/delete/",
    "connection-delete-refused": "/connections/north/delete/",
    "records": "/records/",
    "modules": "/records/north/",
    "record-list": "/records/north/Contacts/",
    "record-list-wrong": "/records/north/Contacts/?filter=lastnam+%3D+x",
    "record-list-none": "/records/north/Contacts/?filter=lastname+%3D+nobody",
    "record-list-live": "/records/south/contacts/?source=live",
    "record-list-trouble": "/records/broken/Contacts/",
    "mappings": "/mappings/",
    "mapping": "/mappings/contacts/change/",
    "mapping-add-connections": "/mappings/add/",
    "mapping-add-modules": "/mappings/add/?left_connection=north&right_connection=south",
    "mapping-match": "/mappings/contacts/match/",
    "mapping-policies": "/mappings/contacts/policies/",
    "mapping-schedule": "/mappings/contacts/schedule/",
    "mapping-compare": "/mappings/contacts/compare/",
    "mapping-reset": "/mappings/contacts/reset/",
    "mapping-preview": "/mappings/contacts/preview/",
    "mapping-matches": "/mappings/contacts/matches/",
    "mapping-versions": "/mappings/contacts/versions/",
    "mapping-delete": "/mappings/contacts/delete/",
    "tables": "/mappings/tables/",
    "table-add": "/mappings/tables/add/",
    "table-change": "/mappings/tables/kinds/change/?left=north/Accounts/accounttype&right=south/accounts/type",
    "table-import": "/mappings/tables/kinds/import/",
    "table-delete": "/mappings/tables/kinds/delete/",
    "sets": "/sets/",
    "set": "/sets/crm/",
    "set-add": "/sets/add/",
    "runs": "/runs/",
    "run-done": "/runs/1/",
    "run-blocked": "/runs/1/?state=blocked",
    "run-awaiting": "/runs/2/",
    "inbox": "/conflicts/",
    "inbox-past": "/conflicts/chosen/",
    "problems": "/ledger/problem/",
    "calls": "/connections/call/",
    "audit": "/ledger/auditentry/",
    "users": "/accounts/user/",
    "user": "/accounts/user/1/change/",
    "preferences": "/preferences/",
    "password": "/password_change/",
    "missing": "/connections/nosuch/change/",
}


def sign_in(page: Page) -> None:
    """Log the page's profile in."""
    page.goto("/login/")
    page.locator("#id_username").fill("admin")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("[type=submit]").click()
    page.wait_for_url("**/")


def fill(stack: Stack) -> None:
    """Set up two CRMs in step, one that refuses us, a run that is done and one that waits for approval."""
    north, south = stack.connection("north", "vtiger"), stack.connection("south", "reallysimple")
    kinds = {"name": "kinds", "values": {"Customer": "Client", "مشتری": "Client", "Partner": ""}}
    contacts = mapping("contacts", "Contacts", "contacts", CONTACTS)
    stack.import_config(connections=[north, south], value_tables=[kinds], mappings=[contacts])
    stack.manage("sync", "contacts", "--approve-all")
    accounts = mapping("accounts", "Accounts", "accounts", ACCOUNTS)
    stack.import_config(mappings=[accounts | {"guards": {"creates": 1}, "schedule": {"cron": "0 7 * * 1-5"}}])
    stack.manage("sync", "accounts", expected=3)
    stack.import_config(sync_sets=[{"name": "crm", "mappings": ["accounts", "contacts"], "schedule": {"minutes": 60}}])
    wrong = ["--set", f"url={north['settings']['url']}", "--set", "username=admin", "--set", "access_key=wrong"]
    stack.manage("add_connection", "vtiger", "--name", "broken", *wrong)
    stack.manage("check_connection", "broken", expected=1)
    for name in ("north", "south"):
        stack.manage("check_connection", name)


def mapping(name: str, left: str, right: str, rules: dict[str, str]) -> dict[str, Any]:
    """Return a mapping as `import_config` reads it; the first rule is the match key."""
    fields = [{"left": a, "right": b} for a, b in rules.items() if not a.isdigit()]
    return {
        "name": name,
        "left": {"connection": "north", "module": left},
        "right": {"connection": "south", "module": right},
        "direction": "left-to-right",
        "match": fields[:1],
        "fields": fields + [{"value": a, "right": b} for a, b in rules.items() if a.isdigit()],
        "schedule": {"minutes": 15},
    }


CONTACTS = {"email": "email", "lastname": "last", "firstname": "first", "phone": "phone", "1001": "accountid"}
ACCOUNTS = {"accountname": "name", "phone": "phone", "website": "website"}


def mapping_begun(page: Page) -> None:
    """Begin a mapping, and come to its match key and its fields."""
    page.goto("/mappings/add/?left_connection=north&right_connection=south&left_module=Contacts&right_module=contacts")
    page.locator("form[method=post] .default").click()
    page.locator(".offers button").first.click()


def mapping_errors(page: Page) -> None:
    """Leave a mapping with mistakes, which stays a draft."""
    page.goto("/mappings/contacts/change/")
    page.locator("#id_rules-0-right").fill("emial")
    page.locator("#id_rules-1-source").select_option("expression")
    page.locator("#id_rules-1-expression").fill("{{ lastname|uper }}")
    page.locator(".submit-row .default").click()


def connection_refused(page: Page) -> None:
    """Test a connection with a wrong key."""
    page.goto("/connections/broken/change/")
    page.locator("[name=_test]").click()


def connection_tested(page: Page) -> None:
    """Test a connection that works."""
    page.goto("/connections/north/change/")
    page.locator("[name=_test]").click()


def a_record(page: Page) -> None:
    """Open the first linked record."""
    page.goto("/runs/1/?state=done")
    page.locator("#result_list tbody th a").first.click()


def run_details(page: Page) -> None:
    """Open what the first entries of a run changed."""
    page.goto("/runs/1/?state=done")
    for summary in page.locator("td.wide summary").all()[:2]:
        summary.click()


def mapping_both(page: Page) -> None:
    """Save a page of rules that is older than what another window saved."""
    page.goto("/mappings/contacts/change/")
    other = page.context.new_page()
    other.goto("/mappings/contacts/change/")
    for at, chosen in ((other, "case"), (page, "spaces")):
        at.locator("#id_rules-1-compare").evaluate("(e, chosen) => e.value = chosen", chosen)
        at.locator(".submit-row .default").click()
    other.close()


def messages(page: Page) -> None:
    """Pause and save, for the messages."""
    page.goto("/mappings/contacts/change/")
    page.locator(".submit-row .default").click()


DEEDS: dict[str, Callable[[Page], None]] = {
    "mapping-begun": mapping_begun,
    "mapping-errors": mapping_errors,
    "mapping-both": mapping_both,
    "connection-refused": connection_refused,
    "connection-tested": connection_tested,
    "record": a_record,
    "run-details": run_details,
    "messages": messages,
}


def shoot(stack: Stack, browser: Browser, folder: Path, screens: dict[str, Screen]) -> None:
    """Make a picture of each screen in each look."""
    for width, look in LOOKS:
        stack.manage("shell", "-v", "0", "-c", LANGUAGE.format("fa" if look == "rtl" else ""))
        context = browser.new_context(
            base_url=stack.url,
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme="dark" if look == "dark" else "light",
        )
        page = context.new_page()
        if "login" in screens:
            page.goto("/login/")
            page.screenshot(path=folder / f"login-{width}-{look}.png")
        sign_in(page)
        for name, screen in [item for item in screens.items() if item[0] != "login"]:
            page.goto(screen) if isinstance(screen, str) else screen(page)
            page.wait_for_load_state("networkidle")
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                print(f"too wide: {name} at {width}")
            page.screenshot(path=folder / f"{name}-{width}-{look}.png", full_page=True)
        context.close()


LANGUAGE = "from portal.accounts.models import User; User.objects.update(language='{}')"


def main(folder: Path, wanted: list[str]) -> None:
    """Start a portal, first empty, then filled, and make the pictures whose names hold a wanted part."""
    folder.mkdir(parents=True, exist_ok=True)

    def chosen(screens: dict[str, Screen]) -> dict[str, Screen]:
        return {name: s for name, s in screens.items() if not wanted or any(re.search(w, name) for w in wanted)}

    with tempfile.TemporaryDirectory() as home, Stack(Path(home), records=60) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if empty := chosen({"login": "/", **EMPTY}):
            shoot(stack, browser, folder, empty)
        fill(stack)
        shoot(stack, browser, folder, chosen({**FILLED, **DEEDS}))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
