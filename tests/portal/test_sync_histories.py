"""Random histories of two CRMs kept in step: in the end both agree, nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from connectors.sandbox.server import Sandbox
from tests.portal.histories import OPEN, SARV, SIMPLE, SIMPLY, VTIGER, Crm, histories

pytestmark = pytest.mark.django_db(transaction=True)
USUAL = settings(
    max_examples=50, stateful_step_count=12, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)  # fmt: skip


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch, settings: object) -> Iterator[None]:
    """Nobody waits for a slow server: it is looked up at once."""
    settings.UNKNOWN_GRACE_SECONDS = 0  # type: ignore[attr-defined]
    yield


def live(left: Crm, right: Crm, examples: int) -> None:
    with Sandbox((left.slug, right.slug), records=1) as sandbox:
        machine = histories(sandbox, left, right)
        run_state_machine_as_test(machine, settings=settings(USUAL, max_examples=examples))


def test_vtiger_and_really_simple_systems_agree_in_the_end(grace: None) -> None:
    live(VTIGER, SIMPLE, 50)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("left", "right"), [(VTIGER, SIMPLE), (SARV, OPEN), (SIMPLY, VTIGER)], ids=lambda crm: crm.slug
)
def test_two_crms_agree_in_the_end(left: Crm, right: Crm, grace: None) -> None:
    live(left, right, 500)
