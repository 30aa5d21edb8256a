"""Operations: a person can be shown what each takes, those that only read can be tried, and wrong parameters send nothing."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import orjson
import pytest

from connectors.base import Connector, find_operation
from connectors.errors import ConfigError, QueryError, RecordError, Unavailable, Unsupported
from connectors.operations import DOT
from connectors.types import Operation, Parameter
from connectors.values import is_secret_field
from tests.connectors.contract.support import ContractFixtures, CountingObserver, Seeder, no_request, nothing_written

TYPES = get_args(get_type_hints(Parameter)["type"])
FITTING: dict[str, Any] = {
    "text": "no such thing", "integer": "7", "boolean": "yes", "json": {"name": "x"}, "list": ["x"], "secret": "no such thing",
}  # fmt: skip
WRONG: dict[str, Any] = {"integer": "many", "boolean": "perhaps", "json": "{", "list": "["}


def filled(operation: Operation) -> dict[str, Any]:
    """Return parameters of the right types for all that are required, that name nothing there is."""
    return {
        p.name: p.choices[0].value if p.choices else FITTING[p.type] for p in operation.parameters if p.required
    }  # fmt: skip


def shown_secrets(answer: Any) -> list[str]:
    """Return the password-like names in an answer, however deep, beside which there is more than a dot."""
    if isinstance(answer, dict):
        own = [str(name) for name, value in answer.items() if is_secret_field(str(name)) and value != DOT]
        return own + [name for value in answer.values() for name in shown_secrets(value)]
    return [name for item in answer for name in shown_secrets(item)] if isinstance(answer, list) else []


class OperationsContract(ContractFixtures):
    """`operations` and `call`."""

    def test_operations_are_named_once_and_say_what_they_do_and_take(self, crm: Connector) -> None:
        names = [operation.name for operation in crm.operations]
        assert names and len(set(names)) == len(names)
        for operation in crm.operations:
            assert operation.summary and operation.section, operation.name
            assert find_operation(crm, operation.name) is operation
            parameters = [parameter.name for parameter in operation.parameters]
            assert len(set(parameters)) == len(parameters)
            assert all(parameter.label and parameter.type in TYPES for parameter in operation.parameters)

    def test_an_operation_that_is_not_declared_is_refused_without_a_request(
        self, crm: Connector, seeder: Seeder
    ) -> None:
        with no_request(seeder), pytest.raises(Unsupported):
            crm.call("no_such_operation", {})

    def test_what_only_reads_and_needs_no_parameters_can_be_called_and_shows_no_secret(
        self, crm: Connector, seeder: Seeder, observer: CountingObserver
    ) -> None:
        with nothing_written(observer):
            for operation in crm.operations:
                if operation.writes or any(parameter.required for parameter in operation.parameters):
                    continue
                try:
                    answer = crm.call(operation.name, {})
                except ConfigError:  # these credentials do not open it
                    continue
                assert not any(secret in orjson.dumps(answer).decode() for secret in crm.secrets.values() if secret)
                assert shown_secrets(answer) == [], operation.name

    def test_wrong_parameters_are_told_by_name_and_nothing_is_sent(self, crm: Connector, seeder: Seeder) -> None:
        crm.modules()
        with no_request(seeder):
            for operation in crm.operations:
                good = filled(operation)
                wrong = [({**good, "no_such_parameter": "x"}, "no_such_parameter")]
                wrong += [({n: v for n, v in good.items() if n != name}, name) for name in good]
                wrong += [({**good, p.name: WRONG[p.type]}, p.name) for p in operation.parameters if p.type in WRONG]
                for params, name in wrong:
                    with pytest.raises((QueryError, ConfigError)) as refusal:
                        crm.call(operation.name, params)
                    assert name in str(refusal.value) or isinstance(refusal.value, ConfigError)

    def test_a_wrong_id_or_module_is_refused_and_nothing_is_written(self, crm: Connector, seeder: Seeder) -> None:
        before = sum(map(len, crm.ids(seeder.module)))
        for operation in crm.operations:
            if any(p.required and not p.choices and p.label in WHICH for p in operation.parameters):
                refusals = (QueryError, RecordError, ConfigError, *(() if operation.writes else (Unavailable,)))
                with pytest.raises(refusals):  # some servers fall over when they are asked for what is not there
                    crm.call(operation.name, filled(operation))
        assert sum(map(len, crm.ids(seeder.module))) == before


WHICH = {"Id", "Module", "Object"}  # what a parameter is called that names a record or a module
