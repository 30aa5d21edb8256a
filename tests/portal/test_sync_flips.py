"""A record that goes back and forth between two CRMs is stopped, and told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger import write
from portal.ledger.models import Entry, Problem
from portal.sync.flips import FLIPS, flipping
from tests.portal.sync_world import World, entries


@pytest.mark.parametrize(
    ("written", "value", "flips"),
    [
        (["A", "B"], "A", True),
        (["A", "B", "A"], "B", True),
        (["A"], "B", False),
        (["A", "B"], "C", False),  # it moves on
        (["A", "B"], "B", False),  # it stays
        (["A", "A"], "A", False),
        ([], "A", False),
    ],
)
def test_a_field_flips_when_it_is_given_back_an_earlier_value_for_the_third_time(
    written: list[str], value: str, flips: bool
) -> None:
    assert bool(flipping([{"city": each} for each in written], {"city": value})) is flips


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y", None])), max_size=6), st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y", None])))  # fmt: skip
def test_a_flip_is_told_with_every_value_in_order(
    written: list[dict[str, str | None]], values: dict[str, str | None]
) -> None:
    for name, given_ in flipping(written, values).items():
        assert given_ == [each[name] for each in written if name in each] + [values[name]] and len(given_) >= 3


@pytest.fixture
def tossed(transactional_db: None) -> tuple[World, str]:
    """A pair whose right side sets “Last” back each time the left one changes it to something else."""
    world = World(direction="both")
    north = world.add(world.north, "ada")[0].id
    world.sync()
    for name in ("One", "Two"):
        world.north.put("Contacts", {"lastname": name}, north)
        world.sync()
    world.north.put("Contacts", {"lastname": "One"}, north)
    world.sync()
    return world, north


def last_name(world: World) -> object:
    return world.south.of("Contacts")[0].values["lastname"]


def test_the_third_time_within_an_hour_nothing_is_written_and_a_problem_is_opened(tossed: tuple[World, str]) -> None:
    world, _north = tossed
    [entry] = entries(Entry.State.BLOCKED)
    assert (entry.reason, entry.evidence[FLIPS]) == (FLIPS, {"lastname": ["One", "Two", "One"]})
    assert last_name(world) == "Two"
    assert "go back and forth" in Problem.objects.get(kind=FLIPS, closed_at=None).title


def test_it_stays_stopped_when_the_hour_is_over_and_whatever_comes(tossed: tuple[World, str]) -> None:
    world, north = tossed
    Entry.objects.update(settled_at=None)
    world.north.put("Contacts", {"lastname": "Three"}, north)
    world.sync()
    assert last_name(world) == "Two" and len(entries(Entry.State.BLOCKED)) == 1


def test_it_goes_on_once_a_person_has_it_looked_at_again_and_the_problem_is_over(tossed: tuple[World, str]) -> None:
    world, _north = tossed
    [entry] = entries(Entry.State.BLOCKED)
    write.decide(entry, {"take": "retry"}, None)
    world.sync()
    assert last_name(world) == "One" and not entries(Entry.State.BLOCKED)
    assert not Problem.objects.filter(kind=FLIPS, closed_at=None)


def test_a_mapping_of_one_way_may_change_a_field_to_and_fro(db: None) -> None:
    world = World()
    north = world.add(world.north, "ada")[0].id
    for name in ("One", "Two", "One", "Two"):
        world.north.put("Contacts", {"lastname": name}, north)
        world.sync()
    assert last_name(world) == "Two"
