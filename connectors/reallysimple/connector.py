"""Really Simple Systems brought to the common interface. The rule: what there is comes from the data dictionary and from
asking each object once; what was learned of the fields is kept, so that a reading over nothing new is one call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import replace
from typing import ClassVar

from connectors.base import Connector, find_operation
from connectors.context import Context
from connectors.errors import (
    ConfigError,
    QueryError,
    Unsupported,
)
from connectors.oauth import OAUTH, OAuth, OAuthClient, Tokens
from connectors.paging import local_page, only_fields, prefetch
from connectors.query import Query, check, match_record
from connectors.reallysimple import about, access, changes
from connectors.reallysimple.answers import ERRORS
from connectors.reallysimple.client import PAGE, ReallySimpleClient, checked_id
from connectors.reallysimple.codec import ReallySimpleCodec, is_id
from connectors.reallysimple.operations import OPERATIONS, carry_out
from connectors.reallysimple.pushdown import push
from connectors.reallysimple.reading import Place, Reader, parse
from connectors.reallysimple.schema import OBJECTS, TYPES, WITH_LINES, assembled, choices, is_list, module, schema
from connectors.types import (
    JSON,
    Capabilities,
    ChangePage,
    Cursor,
    Explanation,
    FieldSchema,
    FieldType,
    Identity,
    Module,
    ModuleSchema,
    Page,
    Record,
    Setting,
    Values,
)
from connectors.values import complete
from connectors.wording import text as _

NAME_OF_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class ReallySimpleConnector(Connector):
    """One user of one Really Simple Systems account."""

    slug: ClassVar[str] = "reallysimple"
    label: ClassVar[str] = "Really Simple Systems"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = Capabilities(
        changes_since=True,
        related=True,
        appends_choices=True,
        parallel_pages=True,
        page_size=PAGE,
    )
    operations = OPERATIONS
    errors = ERRORS
    field_types: ClassVar[Mapping[str, FieldType]] = TYPES
    oauth: ClassVar[OAuth | None] = OAUTH
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES
    codec: ReallySimpleCodec

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        super().__init__(settings, secrets, context)
        pasted = self.secrets["access_token"].strip().removeprefix("Bearer ").strip()
        ready = OAUTH.is_ready(self.config)
        if not pasted and not ready:
            raise ConfigError(_("%(crm)s needs: %(names)s.", crm=self.label, names=_("Access token")))
        self._oauth = OAuthClient(self.config, self.secrets, context)
        tokens = Tokens(pasted, self._oauth if ready else None, context)
        self.client = ReallySimpleClient(self.config["url"], tokens, context)
        self.codec = ReallySimpleCodec(self.config["time_zone"])
        self._objects = (*OBJECTS, *self._extra_objects())
        self._dictionaries: dict[str, ModuleSchema] = {}
        self._described: dict[str, ModuleSchema] = {}  # the same with the entries of pick lists

    def _extra_objects(self) -> list[str]:
        names = re.split(r"[\s,]+", self.config["extra_objects"].strip())
        if wrong := [name for name in names if name and not NAME_OF_OBJECT.fullmatch(name)]:
            raise ConfigError(
                _(
                    "“%(name)s” cannot be the name of a custom table. Write names such as policies, one a line.",
                    name=wrong[0],
                )
            )
        return [name for name in dict.fromkeys(names) if name and name not in OBJECTS]

    def close(self) -> None:
        self.client.close()

    # Who and what is there

    def check(self) -> Identity:
        return access.identity(self.client, self._objects, self.context, self.codec.zone)

    def modules(self) -> list[Module]:
        readable, refused = access.probe(self.client, self._objects, self.context)
        return [module(name) for name in readable]

    def describe(self, module: str) -> ModuleSchema:
        found = self._described.get(module)
        if found is None:
            found = self._fields(module)
            found = self._described[module] = self._with_choices(found, found.names)
        return found

    def _fields(self, name: str) -> ModuleSchema:
        """Return the fields of the data dictionary, asked once per connector, without the entries of pick lists."""
        self._known_object(name)
        found = self._dictionaries.get(name)
        if found is None:
            found = self._dictionaries[name] = schema(name, self._read_dictionary(name))
            self._learn(found, frozenset())
        return found

    def _known_object(self, name: str) -> None:
        if name not in self._objects:
            names = ", ".join(self._objects)
            raise QueryError(
                _("Really Simple Systems has no object “%(name)s”. Known are: %(names)s.", name=name, names=names)
            )

    def _read_dictionary(self, name: str) -> JSON:
        """Return the data dictionary; the names in a record where there is none to be had."""
        try:
            return self.client.datadictionary(name)
        except QueryError:
            rows = self.client.listing(name, limit=1).rows  # raises the same where it is the object that is unknown
            return list(rows[0]) if rows else ["id"]

    def _with_choices(self, found: ModuleSchema, names: Collection[str]) -> ModuleSchema:
        """Return the schema with the pick lists of these fields: one call each, where the dictionary told no entries."""
        wanted = [field for field in found.fields if field.name in names and is_list(field.type) and not field.choices]

        def ask(field: FieldSchema) -> FieldSchema:
            try:
                return replace(field, choices=choices(self.client.lookup(found.module.name, field.name)))
            except access.REFUSALS:
                return field  # no reason to fail: what is chosen is then any text

        filled = {field.name: field for field in prefetch(ask, wanted, self.context.max_parallel)}
        return replace(found, fields=tuple(filled.get(field.name, field) for field in found.fields))

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        return self._oauth.authorize_url(state, challenge, redirect)

    def exchange(self, code: str, verifier: str, redirect: str) -> str:
        return self._oauth.exchange(code, verifier, redirect).text()

    # Reading

    def _reader(self, name: str) -> Reader:
        """Return a reader of the object, by the types learned before where there are some."""
        self._known_object(name)
        learned = self.context.learned.get(f"fields of {name}")
        known = self._dictionaries.get(name)
        if known is None and isinstance(learned, dict):
            fields = [FieldSchema(field, field, FieldType(kind)) for field, kind in learned.items() if kind]
            known = assembled(name, tuple(fields))
        ignored = {field for field, kind in (learned or {}).items() if not kind}
        return Reader(self.client, self.codec, known or self._fields(name), ignored, lambda new: self._renew(name, new))

    def _renew(self, name: str, unknown: Set[str]) -> tuple[ModuleSchema, Set[str]]:
        """Describe an object anew because its rows show unknown fields; those nobody describes are ignored from now on."""
        found = self._fields(name)
        ignored = unknown - set(found.names)
        self._learn(found, ignored)
        return found, ignored

    def _learn(self, found: ModuleSchema, ignored: Set[str]) -> None:
        types = {field.name: field.type.value for field in found.fields} | dict.fromkeys(sorted(ignored), "")
        self.context.learned.set(f"fields of {found.module.name}", types)

    def read(self, module: str, query: Query) -> Page:
        return self._reader(module).page(query)

    def explain(self, module: str, query: Query) -> Explanation:
        return self._reader(module).explain(query)

    def count(self, module: str, query: Query) -> int | None:
        reader = self._reader(module)
        check(query.filter, (), reader.schema)
        pushed = push(query.filter, reader.schema, self.codec.zone)
        return reader.listing(pushed.q, limit=1).total if pushed.exact else None

    def get(self, module: str, id: str) -> Record:
        reader = self._reader(module)
        row = self.client.get(module, checked_id(id), lines=module == WITH_LINES)
        return reader.records([row])[0]

    def get_many(self, module: str, ids: list[str]) -> list[Record]:
        """Ask for a hundred at a time by `$in`; one by one at a server that answers with others."""
        reader = self._reader(module)
        wanted = [int(id) for id in dict.fromkeys(ids) if is_id(id)]
        found: list[Record] = []
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            rows = reader.listing({"id": {"$in": part}}).rows
            if any(row["id"] not in part and str(row["id"]) not in ids for row in rows):
                return super().get_many(module, ids)
            found += reader.records(rows)
        return found

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        return changes.changes(self._reader(module), since, self.context)

    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        return changes.ids(self._reader(module), self.context, after)

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        self._known_object(module)
        reader = self._reader(relation)
        check(query.filter, query.order, reader.schema)
        if query.order:  # the server sorts no list of this kind
            return local_page(self._all_related(module, checked_id(id), reader), query, reader.schema)
        place = parse(query.cursor) if query.cursor else Place("at", "0")
        limit = min(PAGE, query.limit)
        number = place.number // limit + 1
        found = self.client.related(module, checked_id(id), relation, page=number, limit=limit)
        holds = match_record(query.filter, reader.schema)
        records = tuple(only_fields(r, query.fields) for r in reader.records(found.rows) if holds(r))
        more = found.more(offset=(number - 1) * limit)
        return Page(
            records, Place("at", str(number * limit)).text() if more else None, None if query.filter else found.total
        )

    def _all_related(self, module: str, id: str, reader: Reader) -> list[Record]:
        found: list[Record] = []
        number, more = 1, True
        while more:
            listing = self.client.related(module, id, reader.object_name, page=number)
            found += reader.records(listing.rows)
            number, more = number + 1, listing.more(offset=(number - 1) * PAGE)
        return found

    # Writing

    def create(self, module: str, values: Values) -> Record:
        described = self._fields(module)
        complete(described, values)
        described = self._with_choices(described, values)
        row = self.client.create(module, self.codec.encode_values(described, values))
        return self._reader(module).record(row)

    def update(self, module: str, id: str, values: Values) -> Record:
        wire = self.codec.encode_values(self._with_choices(self._fields(module), values), values)
        if not wire:
            return self.get(module, id)
        row = self.client.update(module, checked_id(id), wire)
        return self._reader(module).record(row)

    def delete(self, module: str, id: str) -> None:
        self._known_object(module)
        self.client.delete(module, checked_id(id))

    def append_choices(self, module: str, field: str, values: list[str]) -> None:
        """Add entries to a pick list. The vendor names lists otherwise than fields, and the name is never guessed."""
        self._known_object(module)
        lines = (line.partition("=") for line in re.split(r"[\n,]", self.config["list_names"]))
        names = {key.strip(): name.strip() for key, sign, name in lines if name.strip()}
        if f"{module}/{field}" not in names:
            raise Unsupported(
                _(
                    "Really Simple Systems wants the name of the pick list behind %(module)s/%(field)s: write it "
                    "into the connection's setting “Names of pick lists”, as %(module)s/%(field)s=name.",
                    module=module,
                    field=field,
                )
            )
        self.client.append_lookup(names[f"{module}/{field}"], values)
        self._described.pop(module, None)

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        return carry_out(self.client, find_operation(self, operation), params)
