"""The page of each CRM leaves nothing out that is declared or documented, and leads nowhere that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.conf import settings

from connectors import OFFERED, connector_class, errors
from connectors.base import Connector
from portal.ops.shown import NOT, lines
from portal.ops.vendor_docs.markdown import anchor, plain
from portal.ops.vendor_docs.oddities import oddities
from portal.ops.vendor_docs.page import DOCUMENTS, vendor
from portal.ops.vendor_docs.samples import fitting, record

DOCS = settings.BASE_DIR / "docs"
PAGES = {slug: vendor(connector_class(slug)) for slug in OFFERED}


def declared(kind: type[Connector]) -> Iterator[str]:
    for setting in kind.settings:
        yield from (f"`{setting.name}`", setting.label, setting.help, *(choice.label for choice in setting.choices))
    for module in kind.catalog:
        yield from (f"`{module.module.name}`", *(f"`{field.name}` {field.label}" for field in module.fields))
    yield from (f"`{name}`" for name in kind.field_types)
    for operation in kind.operations:
        yield from (f"`{operation.name}`", operation.section, *(f"`{p.name}`" for p in operation.parameters))
    yield from (word for row in kind.errors for word in (row.code, plain(row.message).rstrip(".")))
    yield from (kind.credentials_help, *kind.likely_causes)


@pytest.mark.parametrize("slug", OFFERED)
def test_all_that_is_declared_stands_on_the_page(slug: str) -> None:
    kind, page = connector_class(slug), PAGES[slug].replace("\\|", "|")
    assert [text for text in declared(kind) if text not in page] == []


@pytest.mark.parametrize("slug", OFFERED)
def test_every_line_of_the_document_stands_there_in_words_with_what_shows_it(slug: str) -> None:
    page = PAGES[slug].partition("## What shows each line")[2]
    document = [*lines(DOCUMENTS, slug), *lines(DOCUMENTS, "all")]
    words = {plain(text) for line in document for text in (line.item, line.told)}
    shown = {place for line in document for place in line.shown}
    words |= {place.removeprefix(NOT) for place in shown if place.startswith(NOT)}
    words |= {place.partition("::")[2] for place in shown if "::test_" in place}
    assert [text for text in sorted(words) if text not in page] == []


@pytest.mark.parametrize("slug", OFFERED)
def test_a_line_of_the_document_names_the_tests_that_show_it(slug: str) -> None:
    page = PAGES[slug].partition("## What shows each line")[2]
    numbers = dict(re.findall(r"(\d+) (test_\w+)", page.partition("### The tests")[2]))
    for line in lines(DOCUMENTS, slug):
        tests = {place.partition("::")[2] for place in line.shown if "::test_" in place}
        bullets = [text for text in page.splitlines() if text.startswith("* ") and plain(line.item) in text]
        named = [
            {numbers.get(number, "") for number in re.findall(r"\d+", text.rpartition(" → ")[2])} for text in bullets
        ]
        assert any(tests <= found for found in named), line


@pytest.mark.parametrize("slug", OFFERED)
def test_every_link_leads_to_a_heading(slug: str) -> None:
    page = PAGES[slug]
    for target in re.findall(r"\]\(([^)]+)\)|^\[[^]]+\]: (\S+)$", page, re.MULTILINE):
        name, _, heading = "".join(target).partition("#")
        text = (DOCS / "connectors" / name).read_text() if name else page
        assert not heading or heading in {anchor(found) for found in re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)}
    used, known = (
        set(re.findall(r"\[(facts[^]]*)\](?!:)", page)),
        set(re.findall(r"^\[(facts[^]]*)\]:", page, re.MULTILINE)),
    )
    assert used == known


@pytest.mark.parametrize("slug", OFFERED)
def test_an_error_is_told_in_words_and_not_by_its_class(slug: str) -> None:
    classes = [name for name, found in vars(errors).items() if isinstance(found, type) and name != "Callable"]
    told = PAGES[slug].partition("## What shows each line")[0]
    assert [name for name in classes if re.search(rf"\b{name}\b", told) and name not in {"Duplicate", "When"}] == []


def test_an_example_of_a_record_has_fields_of_its_module_only() -> None:
    for kind in map(connector_class, OFFERED):
        for module in kind.catalog:
            values = json.loads(record(kind, module))
            needed = {field.name for field in module.fields if field.required and field.editable}
            assert needed <= values.keys() <= {*module.names}


def test_a_sample_is_said_to_be_of_the_modules_it_fits() -> None:
    opencrm = connector_class("opencrm")
    modules = frozenset(module.module.name for module in opencrm.catalog)
    assert fitting(opencrm, '{"lastname": "Smith"}', modules) == ["contact", "lead"]
    assert fitting(opencrm, "potentialname|BEGINS|Big", modules) == ["opportunity"]
    assert fitting(opencrm, '{"limit_start": 0}', modules) == []


@pytest.mark.parametrize("place", ["99", "Z1"])
def test_an_oddity_whose_evidence_is_not_there_is_refused(place: str) -> None:
    with pytest.raises(LookupError, match=place):
        list(oddities("vtiger", [("Something is odd.", place)]))


def test_a_page_is_written_for_reading() -> None:
    for slug, page in PAGES.items():
        headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
        assert headings[0] == "How to connect it" and headings[-1].startswith("What shows"), slug
        assert "test_" not in page.partition("## What shows each line")[0], slug
