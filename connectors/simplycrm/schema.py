"""What the mobile API adds to a described module: the sections of its fields. And names of modules as people write them.

The rule: sections are an ornament. A server that cannot tell them gives fields without sections, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from connectors.context import Learned
from connectors.errors import AccessDenied, ProtocolError, QueryError, RecordError, Unavailable, Unsupported
from connectors.simplycrm.client import MobileClient
from connectors.simplycrm.records import sections
from connectors.types import Module, ModuleSchema
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.codec import VtigerCodec
from connectors.vtiger.modules import Modules
from connectors.vtiger.schema import Described
from connectors.vtiger.vtql import select

FOR_THE_SCREEN = frozenset({"CustomQuickCreate", "ProcessBar"})  # parts of the web pages, not records (document)
PICTURES = frozenset({"image", "metaimage", "69"})  # of which no API gives even the file's name
NOT_TOLD = (RecordError, QueryError, AccessDenied, ProtocolError, Unsupported, Unavailable)


class SimplyModules(Modules):
    """What there is, with sections where the mobile API is open to us."""

    def __init__(
        self,
        client: VtigerClient,
        codec: VtigerCodec,
        learned: Learned,
        extra: Sequence[str],
        mobile: MobileClient,
    ) -> None:
        super().__init__(client, codec, learned, extra)
        self._mobile = mobile
        self._shown: dict[str, ModuleSchema] = {}

    def listed(self) -> list[Module]:
        """Return the modules this user may see, without those that only draw the screen."""
        return [module for module in super().listed() if module.name not in FOR_THE_SCREEN]

    def described(self, name: str) -> Described:
        """Return what the server says of a module. Raises QueryError, naming similar ones, when it is not there."""
        if name in self._described:
            return self._described[name]
        try:
            found = super().described(name)
        except QueryError:
            meant = named(name, self.listed())
            if meant in (None, name):
                raise
            self._described[name] = found = self.described(str(meant))
            return found
        found = self._described[name] = self._without_pictures(found)
        return found

    def shown(self, name: str) -> ModuleSchema:
        """Return a module for a person: with the sections of its fields, which reading and writing can do without."""
        found = self.described(name)
        if self._mobile.open and name not in self._shown:
            self._shown[name] = self._with_sections(found)
        return self._shown.get(name, found.schema)

    def _without_pictures(self, found: Described) -> Described:
        """Return the module without its pictures: some answers hold them empty and others not at all (document)."""
        schema = found.schema
        hidden = frozenset(field.name for field in schema.fields if field.wire_type in PICTURES)
        if not hidden:
            return found
        self._remember(schema.module.name, hidden)  # rows will go on to show them
        kept = tuple(field for field in schema.fields if field.name not in hidden)
        return replace(found, schema=replace(schema, fields=kept))

    def _with_sections(self, found: Described) -> ModuleSchema:
        told = self._sections(found)
        fields = tuple(replace(field, section=told.get(field.name, "")) for field in found.schema.fields)
        return replace(found.schema, fields=fields)

    def _sections(self, found: Described) -> dict[str, str]:
        """Return field → section: of the empty form, which has the number 0, or else of any record."""
        for id in (f"{found.prefix}x0", ""):
            try:
                asked = id or self._any_id(found.schema.module.name)
                told = sections(self._mobile.fetch_record_with_grouping(asked)) if asked else {}
            except NOT_TOLD:
                continue
            if told:
                return told
        return {}

    def _any_id(self, module: str) -> str:
        rows = self._client.query(select(module, ("id",), limit=1)).rows
        return str(rows[0].get("id", "")) if rows else ""


def named(text: str, modules: Iterable[Module]) -> str | None:
    """Return the module meant by a name in any case, a label or a singular ("FAQ", "Projects"), None unless it is one."""
    lower, known = text.strip().lower(), list(modules)
    for names in (lambda m: (m.name,), lambda m: (m.label, m.singular)):
        found = [module.name for module in known if lower in [str(name).lower() for name in names(module)]]
        if found:
            return found[0] if len(found) == 1 else None
    return None
