"""A paused mapping plans no run."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.mappings.definition import Schedule
from portal.sync.schedules import next_run
from tests.portal.sync_world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_paused_mapping_has_no_next_run_until_it_is_resumed(admin: Client) -> None:
    world = World(schedule=Schedule(5))
    assert next_run(world.mapping) is not None
    admin.post(reverse("mappings:pause", args=["contacts"]))
    assert next_run(world.mapping) is None
    admin.post(reverse("mappings:pause", args=["contacts"]))
    assert next_run(world.mapping) is not None
