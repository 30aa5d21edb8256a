"""What a connector says about itself is well said, and what it says it cannot do costs no request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.base import Connector, find_operation
from connectors.errors import QueryError, Unsupported
from connectors.query import Query
from connectors.types import FileContent, ModuleSchema, WebhookRequest
from tests.connectors.contract.support import ContractFixtures, CountingObserver, Seeder

DENIED: dict[str, Callable[[Connector, str], object]] = {
    "delete": lambda crm, module: crm.delete(module, "1"),
    "lists_owners": lambda crm, module: crm.owners(),
    "views": lambda crm, module: crm.views(module),
    "related": lambda crm, module: crm.related(module, "1", module, Query()),
    "link": lambda crm, module: crm.link(module, "1", module, "2"),
    "comment": lambda crm, module: crm.comment(module, "1", "text"),
    "files": lambda crm, module: crm.files(module, "1"),
    "upload": lambda crm, module: crm.upload(module, "1", FileContent("a.txt", b"a")),
    "find_by_phone": lambda crm, module: crm.find_by("phone", "1"),
    "appends_choices": lambda crm, module: crm.append_choices(module, "status", ["a"]),
    "webhooks": lambda crm, module: crm.parse_webhook(WebhookRequest({}, b"")),
}


class DeclaredContract(ContractFixtures):
    """Settings, capabilities, operations, modules and fields."""

    def test_settings_are_named_once_and_tell_where_to_find_them(self, crm: Connector) -> None:
        names = [setting.name for setting in crm.settings]
        assert len(set(names)) == len(names)
        assert {"time_zone", "region"} <= set(names)
        assert all(setting.label for setting in crm.settings)
        assert all(setting.help for setting in crm.settings if setting.required)
        assert all(setting.type in {"password", "longtext"} for setting in crm.settings if setting.secret)

    def test_the_connector_shows_no_secret(self, crm: Connector) -> None:
        for value in filter(None, crm.secrets.values()):
            assert value not in repr(crm)

    def test_the_check_tells_who_we_are_and_which_modules_we_see(self, crm: Connector, seeder: Seeder) -> None:
        identity = crm.check()
        assert identity.account
        assert seeder.module in {module.name for module in identity.modules or crm.modules()}

    def test_modules_are_named_once_and_hold_the_one_under_test(self, crm: Connector, seeder: Seeder) -> None:
        names = [module.name for module in crm.modules()]
        assert seeder.module in names
        assert len(set(names)) == len(names)

    def test_fields_are_named_once_and_the_special_ones_exist(self, schema: ModuleSchema, seeder: Seeder) -> None:
        assert len(set(schema.names)) == len(schema.names)
        special = {schema.modified_field, schema.created_field, schema.owner_field, *schema.label_fields} - {None}
        assert special <= set(schema.names)
        assert schema.module.name == seeder.module
        own = schema.field(seeder.field)
        assert own is not None and own.editable

    def test_every_module_can_be_described(self, crm: Connector) -> None:
        for module in crm.modules():
            assert crm.describe(module.name).fields, module.name

    def test_a_module_that_does_not_exist_is_a_query_error(self, crm: Connector) -> None:
        with pytest.raises(QueryError):
            crm.describe("NoSuchModule")
        with pytest.raises(QueryError):
            crm.read("NoSuchModule", Query())

    def test_operations_are_named_once_and_say_what_they_do(self, crm: Connector) -> None:
        names = [operation.name for operation in crm.operations]
        assert len(set(names)) == len(names)
        for operation in crm.operations:
            assert operation.summary
            parameters = [parameter.name for parameter in operation.parameters]
            assert len(set(parameters)) == len(parameters)
            assert find_operation(crm, operation.name) is operation

    def test_an_operation_that_is_not_declared_is_refused_without_a_request(
        self, crm: Connector, observer: CountingObserver
    ) -> None:
        observer.calls.clear()
        with pytest.raises(Unsupported):
            crm.call("no_such_operation", {})
        assert not observer.calls

    def test_what_a_capability_denies_is_unsupported_without_a_request(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        observer.calls.clear()
        for capability, deed in DENIED.items():
            if not getattr(crm.capabilities, capability):
                with pytest.raises(Unsupported):
                    deed(crm, seeder.module)
        assert not observer.calls

    def test_owners_have_ids_of_their_own(self, crm: Connector) -> None:
        if not crm.capabilities.lists_owners:
            pytest.skip("cannot list owners")
        owners = crm.owners()
        assert owners and all(owner.id and owner.label for owner in owners)
        assert len({owner.id for owner in owners}) == len(owners)
