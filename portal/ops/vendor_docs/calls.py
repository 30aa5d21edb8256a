"""The calls of a CRM by name, for scripts: one line a call, one line a module where each module has the same calls, and what
each parameter holds once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from connectors.base import Connector
from connectors.types import ModuleSchema, Operation, Parameter
from portal.ops.vendor_docs.errors import refused
from portal.ops.vendor_docs.markdown import code, table
from portal.ops.vendor_docs.samples import fitting, record

MOST = 5  # calls that share a reason to be refused, before it is told of all of them at once
TYPES = {
    "text": "text",
    "integer": "whole number",
    "boolean": "yes or no",
    "json": "JSON object",
    "list": "list",
    "secret": "secret",
    "file": "file",
}
HOW = (
    "Beside what the portal does by itself, a script can have the CRM's own calls carried out. `NAME` is the name of the"
    " connection; `list_operations` lists the calls of one. What is written needs the same permission as on the screens and is in"
    " the same audit trail.\n\n"
    "    manage.py call_operation NAME CALL --set PARAMETER=VALUE …\n\n"
    "What a call needs is printed **bold**. It is checked before anything is sent, and no password or key is shown in an answer."
)


def calls(kind: type[Connector], modules: frozenset[str]) -> Iterator[str]:
    """Yield all calls; `modules` are those that examples may be of."""
    alike = [o for o in kind.operations if _module(kind, o)]
    single = [o for o in kind.operations if o not in alike]
    yield f"{HOW}\n"
    if alike:
        yield from ("### Calls that each module has\n", *_alike(kind, alike), "### The other calls\n")
    yield from _single(kind, single, {o.parameters: _deed(o) for o in reversed(alike)})
    yield from ("### What the parameters hold\n", *_parameters(kind, modules))


def _alike(kind: type[Connector], group: list[Operation]) -> Iterator[str]:
    """Yield a row for each module with its calls, one column for each thing they do, and for each column what it takes."""
    columns = {deed: [o for o in group if _deed(o) == deed] for deed in dict.fromkeys(map(_deed, group))}
    calls = [
        (
            m.module.label,
            *(code(o.name for o in column if _module(kind, o) == m) for column in columns.values()),
            f"`{record(kind, m)}`",
        )
        for m in kind.catalog
    ]
    yield from table(("Module", *columns, "A record, for example"), calls)
    same: dict[tuple[str, str], list[str]] = {}
    for deed, column in columns.items():
        same.setdefault((_takes(column[0]), _marked(kind, column[0])), []).append(deed)
    rows = [
        (", ".join(deeds), takes, marks, _sections([o for deed in deeds for o in columns[deed]]))
        for (takes, marks), deeds in same.items()
    ]
    yield from table(("", "Takes", "", "In the document"), rows)


def _deed(operation: Operation) -> str:
    """Return what a call does, without the module: its summary remembers of what it was made."""
    template = getattr(operation.summary, "template", str(operation.summary))
    return re.sub(r"\s*(one of )?%\(module\)s", "", template)


def _marked(kind: type[Connector], operation: Operation) -> str:
    refusals = "; ".join(refused(kind, operation))
    return " ".join([*_marks(operation), *[f"May be refused: {refusals}."] * bool(refusals)])


def _sections(group: list[Operation]) -> str:
    return ", ".join(dict.fromkeys(o.section for o in group))


def _module(kind: type[Connector], operation: Operation) -> ModuleSchema | None:
    """Return the module a call is for, which its summary names."""
    label = getattr(operation.summary, "params", {}).get("module")
    return next((m for m in kind.catalog if m.module.label == label), None)


def _single(
    kind: type[Connector], group: list[Operation], shared: Mapping[tuple[Parameter, ...], str]
) -> Iterator[str]:
    """Yield a row for each call, with what it takes unless that is what the calls of each module take for a deed."""
    above = ["", *(o.section for o in group)]
    rows = (
        (
            f"`{o.name}`",
            " ".join([f"{o.summary}.", *_marks(o)]),
            f"as “{shared[o.parameters]}” above" if o.parameters in shared else _takes(o),
            o.section if o.section != before else "″",
        )
        for o, before in zip(group, above, strict=False)
    )
    yield from table(("Call", "What it does", "Takes", "In the document"), rows)
    yield from _refusals({o.name: refused(kind, o) for o in group if o.errors})


def _refusals(told: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield why calls may be refused: first what holds of nearly all of them, then a row for each with the rest."""
    if not told:
        return
    yield "Why they may be refused, with the server's code; what to do stands under [Errors](#errors).\n"
    counts = Counter(part for parts in told.values() for part in parts)
    common = [part for part, count in counts.items() if count >= max(MOST, len(told) - 2)]
    for part in common:
        others = code(name for name, parts in told.items() if part not in parts)
        yield f"* All of these{f' but {others}' if others else ''}: {part}"
    yield ""
    rest = {name: [part for part in parts if part not in common] for name, parts in told.items()}
    yield from table(
        ("Call", "What it means"), ((f"`{name}`", "; ".join(parts) or "nothing else") for name, parts in rest.items())
    )


def _takes(operation: Operation) -> str:
    return ", ".join(f"**`{p.name}`**" if p.required else f"`{p.name}`" for p in operation.parameters) or "nothing"


def _marks(operation: Operation) -> list[str]:
    return [*["**Changes data.**"] * operation.writes, *["**Administrators only.**"] * operation.admin_only]


def _parameters(kind: type[Connector], modules: frozenset[str]) -> Iterator[str]:
    found: dict[Parameter, list[Operation]] = {}
    for o in kind.operations:
        for p in o.parameters:
            found.setdefault(replace(p, required=False), []).append(o)
    usual = {p.name: p for p, _ in sorted(found.items(), key=lambda entry: len(entry[1]))}
    rows = []
    for p in sorted(found, key=lambda p: p.name.lower()):
        of = f" of {_of(found[p])}" if usual[p.name] is not p else ""
        rows.append((f"`{p.name}`{of}", TYPES[p.type], _holds(kind, p, modules)))
    yield from table(("Parameter", "Is", "Holds"), rows)


def _of(group: list[Operation]) -> str:
    """Return the calls by name, or by what they do where each module has one."""
    deeds = {o.name: f"“{_deed(o)}”" if str(o.summary) != _deed(o) else f"`{o.name}`" for o in group}
    return ", ".join(dict.fromkeys(deeds.values()))


def _holds(kind: type[Connector], p: Parameter, modules: frozenset[str]) -> str:
    """Return what a parameter holds. A help that is no sentence is an example."""
    told = [f"{p.label}." if p.label else ""]
    sample = p.help if not p.help.endswith(".") else "".join(re.findall(r"\{.*\}", p.help))
    fits = fitting(kind, sample, modules)
    fit = f" (fields of {code(fits)})" if fits else ""
    if p.help.endswith("."):
        told.append(re.sub(r"(\{.*\})", rf"`\1`{fit}", p.help))
    elif p.help:
        told.append(f"For example `{p.help}`{fit}.")
    told.append(f"One of: {code(choice.value for choice in p.choices)}." if p.choices else "")
    return " ".join(text for text in told if text)
