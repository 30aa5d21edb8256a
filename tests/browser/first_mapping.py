"""Making a mapping from nothing, click by click, as docs/first-mapping.md tells it: `python tests/browser/first_mapping.py OUTDIR`
makes its pictures, and a browser test walks the same way."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

MOST_CLICKS = 20


@dataclass
class Person:
    """Somebody with a mouse, who counts clicks; a choice in a list counts as two. `look` is called before each step's click
    with the words of the step."""

    page: Page
    look: Callable[[Page, str], None] = lambda page, words: None
    clicks: int = 0
    steps: list[str] = field(default_factory=list)

    def click(self, what: Locator, words: str) -> None:
        """Click where the words say."""
        expect(what).to_be_visible()
        self.look(self.page, words)
        what.click()
        self.page.wait_for_load_state("networkidle")
        self.clicks += 1
        self.steps.append(words)

    def choose(self, what: Locator, value: str, words: str) -> None:
        """Choose from a list."""
        what.select_option(value)
        self.clicks += 2
        self.steps.append(words)


def make(person: Person, left: str, right: str, modules: str, fixed: dict[str, str] | None = None) -> None:
    """Make a mapping between two modules of two connections and make it live. `fixed` are required fields that get one value."""
    page = person.page
    page.goto("/")
    person.click(page.locator("#portal-nav").get_by_role("link", name="Mappings"), "Open “Mappings”.")
    person.click(page.get_by_role("link", name="Add mapping").first, "Choose “Add mapping”.")
    person.choose(page.locator("#left_connection"), left, f"Left: “{left}”.")
    person.choose(page.locator("#right_connection"), right, f"Right: “{right}”.")
    person.click(page.get_by_role("button", name="Continue"), "Continue.")
    likely = page.get_by_role("link", name=modules, exact=True)
    person.click(likely, f"Choose the two modules that hold the same kind of record: “{modules}”.")
    proposed = "Continue, with what the portal proposes."
    person.click(page.locator("form[method=post]").get_by_role("button", name="Continue"), proposed)
    person.click(page.get_by_role("button", name="Save and continue"), "See what the match key finds, and continue.")
    for name, value in (fixed or {}).items():
        fill_with_one_value(person, name, value)
    person.click(
        page.get_by_role("button", name="Save and continue"), "See what is said beside the rules, and continue."
    )
    person.click(page.get_by_role("button", name="Save and continue"), "Leave filters and policies as they are.")
    page.locator("#id_every_minutes").fill("15")
    person.steps.append("Every 15 minutes.")
    person.click(page.get_by_role("button", name="Save and continue"), "Continue.")
    person.click(page.get_by_role("button", name="Check and make live"), "Have it checked and made live.")


def fill_with_one_value(person: Person, name: str, value: str) -> None:
    """Give a required field of the right side the same value in every record."""
    add = person.page.locator(f'button[name=add][value="={name}"]')
    person.click(add, f"“{name}” is required and nothing fills it: add a rule for it.")
    row = person.page.locator("[data-rules] > li").last
    person.choose(row.locator("[name$=-source]"), "value", "Make it a fixed value.")
    row.locator("[name$=-value]").fill(value)
    person.steps.append(f"Type “{value}”.")


def main(folder: Path) -> None:
    """Make the pictures in a portal of its own: Vtiger's contacts to Really Simple Systems'."""
    from tests.browser.chromium import CHROMIUM, DESK, FLAGS
    from tests.browser.screens import sign_in
    from tests.browser.stack import Stack

    folder.mkdir(parents=True, exist_ok=True)
    shown: list[str] = []

    def picture(page: Page, words: str) -> None:
        shown.append(words)
        page.screenshot(path=folder / f"first-mapping-{len(shown):02}.png")

    with tempfile.TemporaryDirectory() as work, Stack(Path(work)) as stack, sync_playwright() as playwright:
        north, south = stack.connection("vtiger-demo", "vtiger"), stack.connection("really-simple-demo", "reallysimple")
        stack.import_config(connections=[north, south])
        for name, module in (("vtiger-demo", "Contacts"), ("really-simple-demo", "contacts")):
            stack.manage("pull", name, module)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(base_url=stack.url, viewport=DESK).new_page()
        sign_in(page)
        person = Person(page, picture)
        make(person, "vtiger-demo", "really-simple-demo", "Contacts – contacts", {"accountid": "1001"})
        picture(page, "It is live.")
        browser.close()
    print(*(f"{n}. {words}" for n, words in enumerate(person.steps, 1)), f"{person.clicks} clicks", sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
