"""Lines of sales documents travel between two CRMs, both ways, as a whole: nothing is lost, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.editing import open_editing
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.mappings.stored import definition_of
from portal.records.pull import mirror_of, pull
from portal.records.whole import lacks
from portal.sync.choices.choice import FIELDS, Choice
from portal.sync.choices.decide import decide
from portal.sync.run import carry_out, request_sync
from portal.sync.undo.start import request_undo
from tests.connectors.sandbox_client import Account
from tests.portal.sync_world import entries

pytestmark = pytest.mark.django_db(transaction=True)
LINES = Rule(
    "LineItems",
    "LineItems",
    "lines",
    lines=(
        Rule("productid", "productid", "reference", mapping="products"),
        Rule("quantity", "quantity"),
        Rule("listprice", "listprice"),
        Rule("comment", "comment"),
    ),
)
INVOICE = (
    *(Rule(name, name) for name in ("subject", "bill_street", "ship_street")),
    Rule("account_id", "account_id", "reference", mapping="companies"),
    LINES,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("vtiger", "simplycrm"), records=0, seed=3) as running:
        yield running


class Shop:
    """Invoices of a Vtiger and a Simply CRM, which refer to companies and products of other mappings."""

    def __init__(self, sandbox: Sandbox, settings: Any) -> None:
        settings.CRM_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        self.crms = {name: Account(sandbox, name) for name in ("vtiger", "simplycrm")}
        for name, crm in self.crms.items():
            crm.control("POST", "reset")
            kept = {key: value for key, value in crm.secrets.items() if key in ("url", "username")}
            hidden = {key: value for key, value in crm.secrets.items() if key not in kept}
            Connection.objects.create(name=name, connector=name, writable=True, settings=kept, secrets=hidden)
        self.say("companies", "Accounts", (("accountname", "accountname"),), (Rule("accountname", "accountname"),))
        self.say("products", "Products", (("productname", "productname"),), (Rule("productname", "productname"),))
        self.say("invoices", "Invoice", (("subject", "subject"),), INVOICE)
        self.company = self.put("vtiger", "Accounts", accountname="Acme")
        self.put("simplycrm", "Products", productname="Other")  # so that the ids of the two differ
        self.products = {n: self.put("vtiger", "Products", productname=n) for n in ("Widget", "Gadget", "Bolt")}

    def say(self, name: str, module: str, match: tuple[tuple[str, str], ...], rules: tuple[Rule, ...]) -> None:
        sides = Side("vtiger", module), Side("simplycrm", module)
        definition = Definition(name, *sides, "both", match, rules, guards={}, conflict_policy="left")
        save_mapping(definition, user=None, actor="test")

    def put(self, crm: str, module: str, id: str | None = None, **values: Any) -> str:
        action = "update" if id else "create"
        return str(self.crms[crm].control("POST", "mutate", action=action, module=module, id=id, values=values)["id"])

    def invoice(self, subject: str, *lines: tuple[str, str], crm: str = "vtiger", id: str | None = None) -> str:
        """Put an invoice with lines of (product, quantity) into a CRM."""
        products, company = self.names(crm, "Products", "productname"), self.names(crm, "Accounts", "accountname")
        told = [
            {"productid": products[name], "quantity": n, "listprice": "9.5", "comment": f"{n} {name}"}
            for name, n in lines
        ]
        head = {"subject": subject, "bill_street": "Main St", "ship_street": "Main St", "account_id": company["Acme"]}
        return self.put(crm, "Invoice", id, **head, LineItems=told)

    def names(self, crm: str, module: str, field: str) -> dict[str, str]:
        return {row["values"][field]: row["id"] for row in self.rows(crm, module)}

    def rows(self, crm: str, module: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.crms[crm].control("GET", "records", module=module)
        return found

    def lines(self, crm: str) -> dict[str, list[tuple[str, ...]]]:
        """Return subject -> lines of (product, quantity, comment) of every invoice there is, as the server keeps them."""
        products = {id: name for name, id in self.names(crm, "Products", "productname").items()}
        invoices = {row["id"]: row["values"]["subject"] for row in self.rows(crm, "Invoice")}
        found: dict[str, list[tuple[str, ...]]] = {subject: [] for subject in invoices.values()}
        for row in sorted(self.rows(crm, "LineItem"), key=lambda row: int(row["values"]["sequence_no"])):
            line = row["values"]
            told = products[line["productid"]], line["quantity"].rstrip("0").rstrip("."), line["comment"]
            found[invoices[line["parent_id"]]].append(told)
        return found

    def sync(self, *names: str) -> Run:
        for name in names or ("companies", "products", "invoices"):
            run = carry_out(request_sync(Mapping.objects.get(name=name), actor="test", enqueue=False))
        return run


@pytest.fixture
def shop(sandbox: Sandbox, settings: Any) -> Iterator[Shop]:
    made = Shop(sandbox, settings)
    yield made
    for crm in made.crms.values():
        crm.close()


def told(*lines: tuple[str, str]) -> list[tuple[str, ...]]:
    return [(name, quantity, f"{quantity} {name}") for name, quantity in lines]


def test_a_document_arrives_with_its_lines_and_the_next_run_has_nothing_to_do(shop: Shop) -> None:
    shop.invoice("I1", ("Widget", "2"), ("Gadget", "3.5"))
    run = shop.sync()
    assert (run.state, run.counts["create"]) == (Run.State.SUCCEEDED, 1)
    assert shop.lines("simplycrm") == {"I1": told(("Widget", "2"), ("Gadget", "3.5"))}
    again = shop.sync("invoices")
    assert (again.state, any(again.counts.values())) == (Run.State.SUCCEEDED, False)


@pytest.mark.parametrize("edited", ["vtiger", "simplycrm"])
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([("Widget", "2"), ("Gadget", "3"), ("Bolt", "100")], id="a line more"),
        pytest.param([("Gadget", "3")], id="a line less"),
        pytest.param([("Gadget", "3"), ("Widget", "2")], id="another order"),
        pytest.param([("Widget", "7"), ("Gadget", "3")], id="another quantity"),
        pytest.param([("Bolt", "2"), ("Gadget", "3")], id="another product"),
    ],
)
def test_what_either_side_does_to_the_lines_arrives_at_the_other(
    shop: Shop, edited: str, lines: list[tuple[str, str]]
) -> None:
    shop.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    shop.sync()
    id = shop.names(edited, "Invoice", "subject")["I1"]
    shop.invoice("I1", *lines, crm=edited, id=id)
    run = shop.sync("invoices")
    assert (run.state, run.counts["update"]) == (Run.State.SUCCEEDED, 1)
    assert shop.lines("vtiger") == shop.lines("simplycrm") == {"I1": told(*lines)}
    assert not any(shop.sync("invoices").counts.values())


def test_a_change_of_another_field_leaves_the_lines_alone(shop: Shop) -> None:
    id = shop.invoice("I1", ("Widget", "2"))
    shop.sync()
    there = [row["id"] for row in shop.rows("simplycrm", "LineItem")]
    shop.put("vtiger", "Invoice", id, bill_street="Side St")
    shop.sync("invoices")
    assert Entry.objects.latest("pk").intended == {"bill_street": "Side St"}
    assert [row["id"] for row in shop.rows("simplycrm", "LineItem")] == there


def test_edits_of_lines_and_of_another_field_on_two_sides_are_both_kept(shop: Shop) -> None:
    id = shop.invoice("I1", ("Widget", "2"))
    shop.sync()
    other = shop.names("simplycrm", "Invoice", "subject")["I1"]
    shop.put("vtiger", "Invoice", id, bill_street="Side St")
    shop.put("simplycrm", "Invoice", other, LineItems=[
        {"productid": shop.names("simplycrm", "Products", "productname")["Bolt"], "quantity": "5", "listprice": "1", "comment": "5 Bolt"}
    ])  # fmt: skip
    shop.sync("invoices")
    assert shop.lines("vtiger") == shop.lines("simplycrm") == {"I1": told(("Bolt", "5"))}
    assert {row["values"]["bill_street"] for name in shop.crms for row in shop.rows(name, "Invoice")} == {"Side St"}


def test_lines_whose_product_is_not_there_yet_wait_for_it(shop: Shop) -> None:
    shop.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    run = shop.sync("companies", "invoices")
    [waiting] = entries(Entry.State.BLOCKED)
    assert (run.counts["blocked"], waiting.reason) == (1, "no_partner") and "Line 1" in waiting.message
    shop.sync("products", "invoices")
    assert shop.lines("simplycrm") == {"I1": told(("Widget", "2"), ("Gadget", "3"))}
    assert not entries(Entry.State.BLOCKED)


def test_a_run_that_changed_lines_is_taken_back_line_by_line(shop: Shop) -> None:
    id = shop.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    shop.invoice("I2", ("Bolt", "1"))
    shop.sync()
    shop.invoice("I1", ("Bolt", "8"), id=id)
    run = shop.sync("invoices")
    undo = carry_out(request_undo(run, actor="test", enqueue=False))
    assert (undo.state, undo.counts["update"]) == (Run.State.SUCCEEDED, 1)
    assert shop.lines("simplycrm") == {"I1": told(("Widget", "2"), ("Gadget", "3")), "I2": told(("Bolt", "1"))}


def test_lines_that_somebody_edited_since_are_not_taken_back(shop: Shop) -> None:
    id = shop.invoice("I1", ("Widget", "2"))
    shop.sync()
    shop.invoice("I1", ("Bolt", "8"), id=id)
    run = shop.sync("invoices")
    shop.invoice("I1", ("Gadget", "5"), crm="simplycrm", id=shop.names("simplycrm", "Invoice", "subject")["I1"])
    carry_out(request_undo(run, actor="test", enqueue=False))
    assert shop.lines("simplycrm") == {"I1": told(("Gadget", "5"))}


@pytest.mark.parametrize("winner", ["left", "right"])
def test_lines_changed_on_both_sides_wait_for_a_person_and_go_as_chosen(shop: Shop, winner: str) -> None:
    mapping = Mapping.objects.get(name="invoices")
    save_mapping(replace(definition_of(mapping), conflict_policy="ask"), user=None, actor="test")
    id = shop.invoice("I1", ("Widget", "2"))
    shop.sync()
    shop.invoice("I1", ("Bolt", "8"), id=id)
    shop.invoice("I1", ("Gadget", "5"), crm="simplycrm", id=shop.names("simplycrm", "Invoice", "subject")["I1"])
    run = shop.sync("invoices")
    [waiting] = entries(Entry.State.CONFLICT)
    assert (run.counts["conflict"], waiting.reason) == (1, "both_changed")
    lines = next(rule.uuid for rule in definition_of(mapping).rules if rule.source == "lines")
    decide([(waiting, choice_for(waiting, lines, winner))], user=None, actor="test", enqueue=False)
    shop.sync("invoices")
    expected = told(("Bolt", "8")) if winner == "left" else told(("Gadget", "5"))
    assert shop.lines("vtiger") == shop.lines("simplycrm") == {"I1": expected}
    assert not any(shop.sync("invoices").counts.values())


def choice_for(entry: Entry, rule: str, winner: str) -> Choice:
    """Return the choice of a side for one rule, about what was shown."""
    return Choice(FIELDS, {rule: winner}, reason=entry.reason, evidence=entry.evidence)


def test_the_check_counts_the_records_whose_products_have_no_partner_yet(shop: Shop) -> None:
    shop.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    shop.sync("companies", "invoices")
    mapping = Mapping.objects.get(name="invoices")

    def told_of_partners() -> list[str]:
        return [f.text for f in open_editing(mapping).findings if f.place.endswith(".mapping")]

    assert [text.partition(":")[0] for text in told_of_partners()] == [
        "1 of 1 records refer to one that “products” has not brought to the other side yet"
    ]
    shop.sync("products")
    assert not told_of_partners()


def test_many_documents_keep_each_its_own_lines(shop: Shop) -> None:
    names = list(shop.products)
    for number in range(60):
        shop.invoice(f"I{number}", *((names[(number + n) % 3], str(number + n + 1)) for n in range(1 + number % 4)))
    shop.sync()
    assert shop.lines("simplycrm") == shop.lines("vtiger") and len(shop.lines("vtiger")) == 60
    assert not any(shop.sync("invoices").counts.values())


# Where lists of records carry no lines, and a line that is not sent stays: OpenCRM


class Store(Shop):
    """Invoices of a Vtiger and an OpenCRM."""

    def __init__(self, sandbox: Sandbox, settings: Any) -> None:
        settings.CRM_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        self.crms = {name: Account(sandbox, name) for name in ("vtiger", "opencrm")}
        for name, crm in self.crms.items():
            crm.control("POST", "reset")
            kept = {key: value for key, value in crm.secrets.items() if key in ("url", "username", "system_name")}
            hidden = {key: value for key, value in crm.secrets.items() if key not in kept}
            owner = {"default_owner": "1"} if name == "opencrm" else {}
            Connection.objects.create(name=name, connector=name, writable=True, settings=kept | owner, secrets=hidden)
        for old in self.rows("opencrm", "invoice"):
            self.put("opencrm", "invoice", old["id"], subject=f"Old {old['id']}")
        products = Definition(
            "products", Side("vtiger", "Products"), Side("opencrm", "product"), "both",
            (("productname", "productname"),), (Rule("productname", "productname"),), guards={},
        )  # fmt: skip
        save_mapping(products, user=None, actor="test")
        self.products = {n: self.put("vtiger", "Products", productname=n) for n in ("Widget", "Gadget", "Bolt")}
        self.put("vtiger", "Accounts", accountname="Acme")

    def say_invoices(self) -> None:
        lines = (
            Rule("productid", "productid", "reference", mapping="products"),
            Rule("quantity", "quantity"),
            Rule("comment", "description"),
        )
        rules = Rule("subject", "subject"), Rule("LineItems", "products", "lines", lines=lines)
        sides = Side("vtiger", "Invoice", "subject starts with I"), Side("opencrm", "invoice", "subject starts with I")
        definition = Definition("invoices", *sides, "both", (("subject", "subject"),), rules, guards={})
        save_mapping(definition, user=None, actor="test")

    def there(self) -> list[tuple[str, ...]]:
        """Return the lines of OpenCRM's one invoice of ours."""
        names = {row["id"]: row["values"]["productname"] for row in self.rows("opencrm", "product")}
        [found] = [row for row in self.rows("opencrm", "invoice") if row["values"]["subject"] == "I1"]
        lines = found["values"]["products"]
        return [(names[line["productid"]], line["quantity"].removesuffix(".0"), line["description"]) for line in lines]


@pytest.fixture
def store_(settings: Any) -> Iterator[Store]:
    with Sandbox(("vtiger", "opencrm"), records=3, seed=3) as sandbox:
        made = Store(sandbox, settings)
        yield made
        for crm in made.crms.values():
            crm.close()


def test_lines_travel_to_a_crm_whose_lists_carry_none_and_back(store_: Store) -> None:
    store_.say_invoices()
    id = store_.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    assert store_.sync("products", "invoices").counts["create"] == 1
    assert store_.there() == told(("Widget", "2"), ("Gadget", "3"))
    assert not any(store_.sync("invoices").counts.values())
    store_.invoice("I1", ("Bolt", "1"), ("Gadget", "3.5"), id=id)  # one out, one in, one changed, another order
    assert store_.sync("invoices").counts["update"] == 1
    assert store_.there() == told(("Bolt", "1"), ("Gadget", "3.5"))
    assert not any(store_.sync("invoices").counts.values())


def test_what_changes_there_is_read_record_by_record_and_arrives(store_: Store) -> None:
    store_.say_invoices()
    store_.invoice("I1", ("Widget", "2"), ("Gadget", "3"))
    store_.sync("products", "invoices")
    [row] = [row for row in store_.rows("opencrm", "invoice") if row["values"]["subject"] == "I1"]
    kept = [{**line, "quantity": "9"} for line in row["values"]["products"][:1]]
    store_.put("opencrm", "invoice", row["id"], products=kept)
    store_.sync("invoices")
    assert [line[:2] for line in store_.lines("vtiger")["I1"]] == [("Widget", "9")]
    assert not any(store_.sync("invoices").counts.values())


def test_copies_read_before_a_rule_needed_their_lines_are_read_again(store_: Store) -> None:
    connection = Connection.objects.get(name="opencrm")
    mirror = mirror_of(connection, "invoice")
    with open_connector(connection, purpose="sync") as crm:
        pull(mirror, crm)
        assert lacks(mirror, "products")
        store_.say_invoices()
        mirror.refresh_from_db()
        pull(mirror, crm)
    assert not lacks(mirror, "products")
