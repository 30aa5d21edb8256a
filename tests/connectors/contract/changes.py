"""Changes: one may come twice, never not at all."""

from __future__ import annotations

import pytest

from connectors.base import Connector
from connectors.types import Change, ChangePage, ModuleSchema
from tests.connectors.contract.support import ContractFixtures, Seeder, read_all


def merged(pages: list[ChangePage]) -> dict[str, Change]:
    """Return the last change of each record."""
    return {change.id: change for page in pages for change in page.changes}


def texts(pages: list[ChangePage], field: str) -> dict[str, object]:
    """Return what each record that is there holds in that field, by its last change."""
    return {id: change.record.values[field] for id, change in merged(pages).items() if change.record is not None}


def every(pages: list[ChangePage]) -> list[str]:
    """Return the id of each change, as often as it came."""
    return [change.id for page in pages for change in page.changes]


class ChangesContract(ContractFixtures):
    """`changes`: the whole, the delta, and what happens in between."""

    def test_the_first_reading_brings_everything(self, crm: Connector, schema: ModuleSchema, seeder: Seeder) -> None:
        pages = list(crm.changes(seeder.module, None))
        wanted = {record.id: record.values[seeder.field] for record in read_all(crm, seeder.module)}
        assert texts(pages, seeder.field) == wanted
        assert all(page.cursor for page in pages)
        assert len(every(pages)) == len(wanted), "each once, where nothing changes meanwhile"

    def test_a_reading_over_nothing_new_still_gives_a_cursor(self, crm: Connector, seeder: Seeder) -> None:
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        again = list(crm.changes(seeder.module, cursor))
        assert again and again[-1].cursor

    def test_a_delta_brings_creates_and_changes(self, crm: Connector, seeder: Seeder) -> None:
        changed = seeder.put("Old")
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        made = seeder.put("Made")
        seeder.put("Changed", changed)
        found = texts(list(crm.changes(seeder.module, cursor)), seeder.field)
        assert (found[made], found[changed]) == ("Made", "Changed")

    def test_more_changes_than_a_page_in_the_same_second_all_come(self, crm: Connector, seeder: Seeder) -> None:
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        made = set(seeder.put_many([f"Same {n}" for n in range(crm.capabilities.page_size + 20)]))
        pages = list(crm.changes(seeder.module, cursor))
        assert made <= set(merged(pages))
        assert len(every(pages)) == len(merged(pages)), "each once, however many share a second"

    def test_every_cursor_can_be_gone_on_from(self, crm: Connector, seeder: Seeder) -> None:
        seeder.put_many([f"Page {n}" for n in range(crm.capabilities.page_size + 20)])
        everything = {record.id for record in read_all(crm, seeder.module)}
        found: set[str] = set()
        cursor = None
        for _ in range(20):  # begun anew after each page, as after a crash
            page = next(crm.changes(seeder.module, cursor))
            found |= {change.id for change in page.changes}
            if page.cursor == cursor:
                break
            cursor = page.cursor
        assert everything <= found | set(merged(list(crm.changes(seeder.module, cursor))))

    def test_what_is_edited_while_paging_comes_now_or_next_time(self, crm: Connector, seeder: Seeder) -> None:
        ids = seeder.put_many([f"Edited {n}" for n in range(crm.capabilities.page_size + 20)])
        pages: list[ChangePage] = []
        for page in crm.changes(seeder.module, None):
            pages.append(page)
            if len(pages) == 1:
                seeder.put("First", ids[0])
                seeder.put("Last", ids[-1])
                made = seeder.put("Made")
        pages += crm.changes(seeder.module, pages[-1].cursor)
        found = texts(pages, seeder.field)
        assert (found[ids[0]], found[ids[-1]], found[made]) == ("First", "Last", "Made")

    def test_what_is_deleted_while_paging_makes_no_other_slip(self, crm: Connector, seeder: Seeder) -> None:
        ids = seeder.put_many([f"Row {n}" for n in range(crm.capabilities.page_size + 20)])
        found: set[str] = set()
        swept: set[str] = set()
        for number, page in enumerate(crm.changes(seeder.module, None)):
            found |= {change.id for change in page.changes if not change.gone}
            if number == 0:
                gone = sorted(found)[:10]
                for id in gone:
                    seeder.remove(id)
        assert set(ids) - set(gone) <= found
        left = [id for id in ids if id not in gone]
        for number, part in enumerate(crm.ids(seeder.module)):
            swept |= set(part)
            if number == 0:
                gone = [id for id in left if id in swept][:5]
                for id in gone:
                    seeder.remove(id)
        assert set(left) - set(gone) <= swept

    def test_what_was_made_and_deleted_between_two_readings_spoils_nothing(
        self, crm: Connector, seeder: Seeder
    ) -> None:
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        short, stays = seeder.put("Short"), seeder.put("Stays")
        seeder.remove(short)
        pages = list(crm.changes(seeder.module, cursor))
        assert texts(pages, seeder.field)[stays] == "Stays"
        assert short not in merged(pages) or merged(pages)[short].gone
        assert merged(list(crm.changes(seeder.module, pages[-1].cursor))).keys() <= merged(pages).keys()

    def test_our_own_write_comes_back_with_what_was_stored(self, crm: Connector, seeder: Seeder) -> None:
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        made = crm.create(seeder.module, {**seeder.needed, seeder.field: "Ours"})
        change = merged(list(crm.changes(seeder.module, cursor)))[made.id]
        assert change.record is not None and change.record.values[seeder.field] == "Ours"

    def test_deletes_are_told_where_the_vendor_tells_them(self, crm: Connector, seeder: Seeder) -> None:
        if not crm.capabilities.tells_gone:
            pytest.skip("does not tell deletes")
        id = seeder.put("Deleted")
        cursor = list(crm.changes(seeder.module, None))[-1].cursor
        seeder.remove(id)
        assert merged(list(crm.changes(seeder.module, cursor)))[id].gone
