"""What a connector says about itself is well said, and what it says it cannot do costs no request."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import ConfigError, Unsupported
from connectors.query import Query
from connectors.types import FieldType, FileContent, ModuleSchema, WebhookRequest
from tests.connectors.contract.support import ContractFixtures, Seeder, no_request

MOST_TRIES = 15  # requests: some vendors are asked for every module before they are believed; a locked account is worse

DENIED: dict[str, Callable[[Connector, str], object]] = {  # the first word is the capability
    "delete": lambda crm, module: crm.delete(module, "1"),
    "lists_owners": lambda crm, module: crm.owners(),
    "views": lambda crm, module: crm.views(module),
    "related": lambda crm, module: crm.related(module, "1", module, Query()),
    "link": lambda crm, module: crm.link(module, "1", module, "2"),
    "comment": lambda crm, module: crm.comment(module, "1", "text"),
    "files": lambda crm, module: crm.files(module, "1"),
    "files download": lambda crm, module: crm.download(module, "1", "1"),
    "unlink": lambda crm, module: crm.unlink(module, "1", module, "2"),
    "upload": lambda crm, module: crm.upload(module, "1", FileContent("a.txt", b"a")),
    "create": lambda crm, module: crm.create(module, {}),
    "update": lambda crm, module: crm.update(module, "1", {}),
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

    def test_what_a_capability_denies_is_unsupported_without_a_request(self, crm: Connector, seeder: Seeder) -> None:
        with no_request(seeder):
            for name, deed in DENIED.items():
                if not getattr(crm.capabilities, name.partition(" ")[0]):
                    with pytest.raises(Unsupported) as told:
                        deed(crm, seeder.module)
                    assert crm.label in str(told.value)

    def test_what_is_authorised_by_its_settings_alone_has_no_page_for_it(self, crm: Connector, seeder: Seeder) -> None:
        if crm.oauth is not None:
            pytest.skip("is authorised at the CRM's own pages")
        with no_request(seeder):
            with pytest.raises(Unsupported):
                crm.authorize_url("state", "challenge", "https://portal.example.org/back")
            with pytest.raises(Unsupported):
                crm.exchange("code", "verifier", "https://portal.example.org/back")

    def test_what_cannot_be_counted_is_unknown_without_a_request(
        self, crm: Connector, schema: ModuleSchema, seeder: Seeder
    ) -> None:
        before = seeder.requests()
        told = crm.count(seeder.module, Query())
        assert (told is not None, seeder.requests() - before) == ((True, 1) if crm.capabilities.counts else (False, 0))

    def test_fields_are_described_for_a_person_and_for_a_form(self, crm: Connector, schema: ModuleSchema) -> None:
        modules = {module.name for module in crm.modules()}
        for field in schema.fields:
            assert field.label and isinstance(field.type, FieldType), field.name
            assert len({choice.value for choice in field.choices}) == len(field.choices), field.name
            assert all(choice.label for choice in field.choices), field.name
            assert field.max_length is None or field.max_length > 0, field.name
            assert not field.refers_to or field.type in {FieldType.REFERENCE, FieldType.OWNER}, field.name
        assert any(field.required and field.editable for field in schema.fields)
        assert schema.label_fields and schema.module.label and schema.module.name in modules

    def test_settings_that_are_missing_are_named_before_anything_is_asked(self, crm: Connector, seeder: Seeder) -> None:
        required = [setting for setting in crm.settings if setting.required and not setting.default]
        with no_request(seeder):
            for left_out in required:
                given = {**crm.config, **crm.secrets, left_out.name: ""}
                with pytest.raises(ConfigError, match=re.escape(str(left_out.label))):
                    type(crm)(given, given, Context())

    def test_wrong_credentials_are_refused_and_not_told(self, crm: Connector, context: Context, seeder: Seeder) -> None:
        wrong = {name: "not-the-right-one" for name, value in crm.secrets.items() if value}
        if not wrong:
            pytest.skip("needs no credentials")
        stranger = type(crm)(crm.config, wrong, Context(network=context.network))
        before = seeder.requests()
        with pytest.raises(ConfigError) as refusal:
            stranger.check()
        stranger.close()
        assert "not-the-right-one" not in str(refusal.value)
        assert seeder.requests() - before <= MOST_TRIES

    def test_a_closed_connector_opens_again(self, crm: Connector, seeder: Seeder) -> None:
        id = seeder.put("Here")
        crm.close()
        assert crm.get(seeder.module, id).id == id
