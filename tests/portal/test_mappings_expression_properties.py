"""What holds for every expression and every record: it ends with a value or an ExpressionError, it changes nothing, and there
is no way from it to anything but the record."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import phonenumbers
import pytest
from django.conf import settings
from django.template.engine import Engine
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connectors.types import JSON
from portal.mappings.expression import ExpressionError, Given, _compiled, evaluate, fields_of, tables_of
from portal.mappings.expression_syntax import FIELD, FILTERS
from portal.mappings.expression_tags import TAGS
from portal.mappings.expression_values import LONGEST
from tests.portal.expressions import EXPRESSIONS, GIVENS, PIECES, PLAIN, RECORDS, outcome

often = hypothesis_settings(max_examples=200, deadline=None)


@often
@given(EXPRESSIONS, RECORDS, st.sampled_from(GIVENS))
@example("{% if " + "not " * 480 + "a %}x{% endif %}", {}, GIVENS[0])
@example("{{ a|plus:1e99 }}", {"a": "1"}, GIVENS[0])
def test_nothing_but_an_expression_error_is_ever_raised(expression: str, values: dict[str, JSON], given: Given) -> None:
    outcome(expression, values, given)


def test_a_number_that_python_refuses_to_write_out_is_an_error_of_the_record() -> None:
    assert "of a kind that expressions cannot use" in outcome("{{ a|upper }}", {"a": 10**5000})


@often
@given(EXPRESSIONS, RECORDS, st.sampled_from(GIVENS))
def test_the_same_goes_in_the_same_comes_out_and_the_record_stays(
    expression: str, values: dict[str, JSON], given: Given
) -> None:
    before, untouched = repr(values), copy.copy(values)
    first = outcome(expression, values, given)
    _compiled.cache_clear()
    assert outcome(expression, values, given) == first
    assert repr(values) == before and all(values[name] is untouched[name] for name in untouched)


@often
@given(PIECES, RECORDS)
def test_only_the_fields_it_is_said_to_read_count(expression: str, values: dict[str, JSON]) -> None:
    try:
        read = fields_of(expression)
    except ExpressionError:
        return
    tables_of(expression)
    assert outcome(expression, {k: v for k, v in values.items() if k in read}) == outcome(expression, values)


@often
@given(PIECES, RECORDS)
def test_what_comes_out_is_plain_and_not_too_long(expression: str, values: dict[str, JSON]) -> None:
    try:
        made = evaluate(expression, values)
    except ExpressionError:
        return
    assert type(made) in {type(None), bool, int, float, str, list, dict}
    assert len(json.dumps(made)) <= 6 * LONGEST


# No way out

ATTRIBUTES = sorted(
    {name for kind in (str, list, dict, int, float, bool, object, type, type(len)) for name in dir(kind)}
)
STEPS = st.one_of(st.sampled_from(["b", "0", "1", "c"]), st.from_regex(r"[a-zA-Z_0-9]{1,12}", fullmatch=True))
SECRETS = ["settings", "SECRET_KEY", "environ", "os", "request", "user", "csrf_token", "forloop", "block", "self", "context", "engine", "evaluation", "given", "values"]  # fmt: skip


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_no_attribute_of_a_value_can_be_reached(attribute: str) -> None:
    values: dict[str, Any] = {
        "text": "abc",
        "list": ["a"],
        "object": {"b": "c"},
        "number": 5,
        "yes": True,
        "none": None,
    }
    for name in [*values, "missing", "'abc'", "True", "5"]:
        for path in (
            f"{name}.{attribute}",
            f"{name}.0.{attribute}",
            f"{name}|upper.{attribute}",
            f"{name}|default:text.{attribute}",
        ):
            told = outcome(f"{{{{ {path} }}}}", values)
            assert told.startswith("error: ") or told in {"None", *map(repr, values.values()), "'5'", "'abc'"}
    assert values["list"] == ["a"] and values["object"] == {"b": "c"}


@often
@given(st.lists(STEPS, min_size=1, max_size=5), PLAIN)
def test_a_path_leads_only_to_what_the_record_holds(path: list[str], leaf: JSON) -> None:
    values = {"a": {"b": [leaf, {"c": leaf, "__class__": "hidden"}]}}
    reached: Any = values["a"]
    for part in path:
        held = reached if isinstance(reached, dict) else dict(enumerate(reached)) if isinstance(reached, list) else {}
        reached = held.get(int(part) if isinstance(reached, list) and part.isdigit() else part)
    told = outcome(f"{{{{ a.{'.'.join(path)} }}}}", values)
    if any(part.startswith("_") for part in path):
        assert "is not the name of a field" in told
    else:
        assert told == repr(None if isinstance(reached, str) and not reached.strip() else reached)


@pytest.mark.parametrize("name", SECRETS)
def test_names_that_other_templates_know_are_nothing_here(name: str) -> None:
    assert outcome(f"{{{{ {name} }}}}", {}) == "None"
    assert outcome(f"{{% if {name} or {name}.META or {name}.SECRET_KEY %}}x{{% endif %}}", {}) == "None"


def other_libraries() -> Iterator[Any]:
    """Return the tags and filters of Django and of the portal's own pages."""
    paths = [*Engine.default_builtins]
    for package in ("django.templatetags", "django.contrib.admin.templatetags", "django.contrib.humanize.templatetags", "portal.ui.templatetags"):  # fmt: skip
        paths += [f"{package}.{found.name}" for found in iter_modules(import_module(package).__path__)]
    modules = map(import_module, paths)
    return (module.register for module in modules if hasattr(module, "register"))


FOREIGN_TAGS = sorted({tag for library in other_libraries() for tag in library.tags} - set(TAGS))
FOREIGN_FILTERS = sorted({name for library in other_libraries() for name in library.filters} - set(FILTERS))


@pytest.mark.parametrize("tag", FOREIGN_TAGS)
def test_no_other_tag_is_known(tag: str) -> None:
    for written in (tag, f"{tag} a", f"{tag} 'a.html'", f"{tag} x in a", f"{tag} a as b"):
        assert outcome(f"{{% {written} %}}a{{% end{tag} %}}", {"a": ["b"]}).startswith("error: ")


@pytest.mark.parametrize("name", FOREIGN_FILTERS)
def test_no_other_filter_is_known(name: str) -> None:
    for written in (name, f"{name}:a", f"{name}:'a'"):
        assert "There is no filter" in outcome(f"{{{{ a|{written} }}}}", {"a": "b"})


def test_the_search_for_tags_and_filters_found_those_of_django() -> None:
    assert {"for", "include", "load", "extends", "debug", "url", "csrf_token", "static", "cache", "trans"} <= set(
        FOREIGN_TAGS
    )
    assert {"safe", "pprint", "add", "localize", "stringformat", "center"} <= set(FOREIGN_FILTERS)


_watched: list[str] = []
_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event.split(".")[0] in {"open", "os", "socket", "subprocess", "sqlite3", "import", "exec", "compile", "ctypes", "shutil", "glob", "pathlib", "tempfile"}:  # fmt: skip
        _watched.append(f"{event} {arguments}"[:200])


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note every file, process, socket, database and import that is asked for within."""
    global _watching
    _watched.clear()
    _watching = True
    try:
        yield _watched
    finally:
        _watching = False


def test_the_watch_sees_a_file_being_opened() -> None:
    with watched() as seen:
        Path(os.devnull).read_bytes()
    assert seen


@often
@given(PIECES, RECORDS, st.sampled_from(GIVENS))
def test_no_file_process_socket_database_or_module_is_asked_for(
    expression: str, values: dict[str, JSON], given: Given
) -> None:
    phonenumbers.PhoneMetadata.load_all()  # these and the zones come from files of their packages, once
    for one in GIVENS:
        evaluate("{{ a|hour }}{{ b|phone }}", {"a": "2024-02-29T23:59:00Z", "b": "020 7946 0018"}, Given(one.zone))
    _compiled.cache_clear()
    with watched() as seen:
        outcome(expression, values, given)
    # Formats become regular expressions of fixed parts; Python's compiler is not asked.
    assert seen == []


def test_it_works_where_there_are_no_settings() -> None:
    code = (
        "from portal.mappings.expression import evaluate; from django.conf import settings\n"
        "print(evaluate('{{ a|default:b|title }} {{ c|thousands }} {{ d|to_jalali }} {{ e|email }} {% if c > 1 %}y{% endif %}',"
        " {'b': 'x', 'c': '1234.5', 'd': '2024-02-29T23:59:00Z', 'e': 'A@b.org'}))\n"
        "assert not settings.configured"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("X 1,234.5 1402-12-10 a@b.org y\n", "")


def test_the_way_to_names_that_django_cannot_spell_is_no_way_out() -> None:
    for name in ("__class__", "values", "", "a.b", "{{", "os.environ"):
        assert outcome(f'{{{{ "{name}"|{FIELD} }}}}', {"a": "b"}) in {"None"} or "{{" in name
