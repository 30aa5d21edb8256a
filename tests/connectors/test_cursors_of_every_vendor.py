"""A place in a list, and a cursor of changes, is of use to the connector that gave it out and to no other: taken for its own,
another's would pass over records without a word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import pytest

from connectors import OFFERED, connect
from connectors.base import Connector
from connectors.context import Context
from connectors.errors import QueryError
from connectors.query import Order, Query
from connectors.sandbox.server import Sandbox
from tests.connectors.every_vendor import RULES, Server

FAMILY = {"vtiger", "simplycrm"}  # Simply CRM's webservice is Vtiger's: a place in one means the same in the other


class Vendor:
    """One vendor's connector, and the places it gave out."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.name, self.server = name, Server(sandbox, name)
        given = self.server.account.secrets
        self.crm: Connector = connect(name, given, given, Context(network=RULES))
        self.module = self.server.subject.module
        self.cursors = [page.cursor for page in self.crm.changes(self.module, None)]
        self.places = list(self._places())

    def _places(self) -> Iterator[str]:
        schema = self.crm.describe(self.module)
        names = [self.server.subject.field, schema.created_field, schema.modified_field]
        for order in ((), *((Order(name, down),) for name in names if name for down in (False, True))):
            place = self.crm.read(self.module, Query(order=order, limit=3)).next_cursor
            assert place is not None
            yield place

    def refuses(self, other: Vendor) -> None:
        with self.server.calls() as calls:
            for place in other.places:
                for order in ((), (Order(self.server.subject.field),)):
                    with pytest.raises(QueryError):
                        self.crm.read(self.module, replace(Query(order=order), cursor=place))
            for cursor in other.cursors:
                with pytest.raises(QueryError):
                    list(self.crm.changes(self.module, cursor))
        assert not calls


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, Vendor]]:
    with Sandbox(OFFERED, records=12) as sandbox:
        made = {name: Vendor(sandbox, name) for name in OFFERED}
        yield made
        for vendor in made.values():
            vendor.crm.close()
            vendor.server.account.close()


@pytest.mark.parametrize(("name", "other"), [pair for pair in permutations(OFFERED, 2) if {*pair} != FAMILY])
def test_what_another_connector_gave_out_is_refused_unasked(vendors: dict[str, Vendor], name: str, other: str) -> None:
    vendors[name].refuses(vendors[other])
