"""What is set up as the document that `import_config` reads. The rule: imported where it came from it changes nothing, and no
secret is in it: each stands as the name of an environment variable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import yaml
from django.utils.translation import gettext as _

from connectors import CONNECTORS, connector_class
from connectors.types import JSON
from portal.connections.models import Connection
from portal.mappings.definition import Definition
from portal.mappings.export import mapping_document, table_document
from portal.mappings.means import table_of, tables_in
from portal.mappings.models import Mapping, ValueTable
from portal.mappings.stored import definition_of, newest
from portal.ops.config_file import COLUMNS
from portal.sync.models import SyncSet
from portal.sync.sets.document import set_document
from portal.sync.sets.save import SaidSet, said_of


class NoSuchMapping(ValueError):
    """The message says which name was asked for, and which there are."""


@dataclass(slots=True)
class Exported:
    """The document, `variables`: those it names and what belongs into them, and what a person should know."""

    document: dict[str, JSON] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def export_document(names: Sequence[str] = (), *, connections: bool = False, draft: bool = False) -> Exported:
    """Return the mappings of these names, all for none, in their live version or as `draft` their newest, with the value
    tables they use, and the sync sets that hold none but them; where all are exported every table. `connections`: those they
    join too, all of them where all are exported. Raises NoSuchMapping."""
    found = Exported()
    definitions = [d for row in _chosen(names) if (d := _definition(row, draft, found))]
    if connections:
        rows = Connection.objects.all()
        joined = {side.connection for d in definitions for side in (d.left, d.right)}
        _put(found, "connections", [_connection(row, found) for row in rows if not names or row.name in joined])
    tables = ValueTable.objects.prefetch_related("pairs")
    used = {name for definition in definitions for name in tables_in(definition)}
    kept = [row for row in tables if not names or row.name in used]
    _put(found, "value_tables", [table_document(table_of(row), row.description) for row in kept])
    _put(found, "mappings", [mapping_document(definition) for definition in definitions])
    _put(found, "sync_sets", [set_document(said) for said in _sets({d.name for d in definitions}, found, bool(names))])
    _tell_missing(found, definitions)
    return found


def as_yaml(found: Exported) -> str:
    """Return the document as YAML, with a word before it on what it does not hold."""
    lines = [_("For import_config. Secrets are not in it.")]
    if found.variables:
        lines.append(_("Set these in the environment before it is imported:"))
        lines += [f"  {name}: {meant}" for name, meant in found.variables.items()]
    head = "".join(f"# {line}\n" for line in lines)
    return head + to_yaml(found.document)


def to_yaml(document: JSON) -> str:
    """Return the document as YAML that reads back as it was, characters of any script as they are."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Text with a line break of another kind between quotation marks: PyYAML would write it plain and read a blank back."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _BREAKS.search(text) else None)


_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_Dumper.add_representer(str, _text)


def _put(found: Exported, key: str, entries: list[dict[str, JSON]]) -> None:
    if entries:
        found.document[key] = entries


def _chosen(names: Sequence[str]) -> list[Mapping]:
    rows = {row.name: row for row in Mapping.objects.select_related("left_connection", "right_connection")}
    for name in names:
        if name not in rows:
            text = _("There is no mapping “%(name)s”. There are: %(names)s.")
            raise NoSuchMapping(text % {"name": name, "names": ", ".join(rows) or "—"})
    return [row for row in rows.values() if not names or row.name in names]


def _sets(exported: set[str], found: Exported, only_some: bool) -> list[SaidSet]:
    """Return the sync sets all of whose mappings are exported; of the others it is said, where all was asked for."""
    known = [said_of(row) for row in SyncSet.objects.all()]
    for said in known:
        if not said.mappings <= exported and not only_some:
            text = _("The sync set “%(name)s” is left out: not all of its mappings are exported.")
            found.warnings.append(text % {"name": said.name})
    return [said for said in known if said.mappings and said.mappings <= exported]


def _definition(row: Mapping, draft: bool, found: Exported) -> Definition | None:
    number = newest(row) if draft else row.version
    if number:
        return definition_of(row, number)
    text = _("“%(name)s” is left out: it was never made live. With --draft it is exported as it is now.")
    found.warnings.append(text % {"name": row.name})
    return None


def _connection(row: Connection, found: Exported) -> dict[str, JSON]:
    """Return the connection as a document. What a connector of today does not declare any more is left out."""
    declared = connector_class(row.connector).settings if row.connector in CONNECTORS else ()
    stored = row.open_secrets()
    settings = {s.name: row.settings[s.name] for s in declared if not s.secret and row.settings.get(s.name)}
    secrets = {s.name: _placeholder(row.name, s.name, found) for s in declared if s.secret and stored.get(s.name)}
    usual = Connection()
    columns = {name: getattr(row, name) for name in COLUMNS if getattr(row, name) != getattr(usual, name)}
    return {
        "name": row.name,
        "connector": row.connector,
        "writable": row.writable,
        "settings": settings,
        **({"secrets": secrets} if secrets else {}),
        **{name: value for name, value in columns.items() if value not in (None, "")},
    }


def _placeholder(connection: str, secret: str, found: Exported) -> str:
    """Return what stands in place of the secret, and note what belongs there."""
    variable = _variable(f"{connection}_{secret}", found.variables)
    found.variables[variable] = f"{connection}, {secret}"
    return f"env:{variable}"


def _variable(words: str, taken: dict[str, str]) -> str:
    """Return a name for an environment variable that is not taken: letters of ASCII, digits and “_”."""
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    name = name if name[:1].isalpha() else f"CRM_{name}"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _tell_missing(found: Exported, definitions: list[Definition]) -> None:
    """Say what the document needs where it is imported, and does not hold."""
    here = {definition.name for definition in definitions}
    for definition in definitions:
        for name in sorted({rule.mapping for rule in definition.every_rule if rule.mapping} - here):
            text = _("“%(name)s” refers to the mapping “%(other)s”, which is not exported.")
            found.warnings.append(text % {"name": definition.name, "other": name})
