"""How records of one module lead to those of another, and what follows: which are related, how two are linked and parted. The
rule: a reference is a field and is set like any other; only a relation to any number of records takes the vendor's own calls.

The document has no call that takes a link of a relation away, so one can be undone only where a field holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from connectors.errors import ProtocolError, QueryError, RecordInvalid, RecordNotFound, Unsupported
from connectors.query import And, Condition, Filter, Op, Or, Query
from connectors.sarvcrm.client import SarvClient, checked_id
from connectors.sarvcrm.related import MOST_LINKS, RelatedReader
from connectors.sarvcrm.rows import id_of
from connectors.sarvcrm.schema import Described
from connectors.types import JSON, Page
from connectors.wording import text as _

OF_LINKS = ("qty", "unit_id")  # what the document's sample sends with a link


@dataclass(frozen=True, slots=True)
class Way:
    """The fields that lead from a module to another: a relation, fields that hold an id of the other, and the other's
    fields that hold an id of this one."""

    relation: str = ""
    own: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relations:
    """What is asked of them: the client, how a module is described, and readers of a module and of a relation."""

    client: SarvClient
    describe: Callable[[str], Described]
    read: Callable[[str, Query], Page]
    behind: Callable[[str, str, str, str], RelatedReader]  # module, id, field of the relation, other module

    def related(self, module: str, id: str, other: str, query: Query) -> Page:
        """Return a page of the records of another module that hang on this one."""
        way, id = self._way(module, other), checked_id(id)
        if way.relation:
            return self.behind(module, id, way.relation, other).page(query)
        row = self.client.get(module, id) if way.own or not query.cursor else {}
        held = tuple(str(row[field]) for field in way.own if row.get(field))
        if way.own and not held:
            return Page(())
        theirs = tuple(Condition(field, Op.EQ, (id,)) for field in way.theirs)
        wanted: Filter = Condition("id", Op.IN, held) if way.own else Or(theirs)
        return self.read(other, replace(query, filter=And((wanted, query.filter)) if query.filter else wanted))

    def link(self, module: str, id: str, other: str, other_id: str) -> None:
        """Make two records belong together."""
        way = self._way(module, other)
        if way.relation:
            self.client.get(other, other_id)  # the server takes any id
            self._add(self.behind(module, checked_id(id), way.relation, other), module, id, way.relation, other_id)
        elif way.own:
            self._point(module, id, way.own, other, other_id)
        else:
            self._point(other, other_id, way.theirs, module, id)

    def _point(self, module: str, id: str, fields: Sequence[str], other: str, other_id: str) -> None:
        """Set the one field by which a record leads to the other."""
        if len(fields) > 1:
            names = ", ".join(fields)
            raise QueryError(
                _("Several fields lead to %(other)s: set one of %(names)s itself.", other=other, names=names)
            )
        self.client.get(other, other_id)  # the server takes any id
        held = str(self.client.get(module, id).get(fields[0]) or "")
        if held and held != other_id:
            named = {"module": module, "id": id, "other": other, "held": held, "field": fields[0]}
            raise RecordInvalid(
                _("%(module)s %(id)s is linked to %(other)s %(held)s by its field %(field)s: undo that first.", **named)
            )
        if not held:
            self.client.update(module, id, {fields[0]: other_id})

    def _add(self, reader: RelatedReader, module: str, id: str, field: str, other_id: str) -> None:
        """Whether SarvCRM adds to the links there are or replaces them is not documented, so those there are go along, each
        with what the link itself holds. Nothing is sent when it is not sure that these are all."""
        there: dict[str, JSON] = {}
        for found in reader.walk():
            for row in found.rows:
                more = {name: row[name] for name in OF_LINKS if row.get(name) not in (None, "")}
                there[id_of(row)] = {"id": id_of(row), **more} if more else id_of(row)
            if len(there) > MOST_LINKS:
                told = _(
                    "More than %(most)s records are linked here already; add one in SarvCRM itself.", most=MOST_LINKS
                )
                raise RecordInvalid(told)
        if other_id in there:
            return
        if not reader.whole():
            told = _(
                "Whether SarvCRM shows all links of %(module)s %(id)s is not known; add one there.",
                module=module,
                id=id,
            )
            raise ProtocolError(told)
        self.client.save_relationships(module, id, field, [*there.values(), checked_id(other_id)])

    def unlink(self, module: str, id: str, other: str, other_id: str) -> None:
        """Undo a link that a field of one of the two records holds. Raises RecordNotFound for records that are not linked,
        Unsupported for a link of a relation."""
        way = self._way(module, other, back=True)
        cleared = [self._clear(module, id, way.own, other_id), self._clear(other, other_id, way.theirs, id)]
        parted = any(cleared)
        if not way.relation:
            if not parted:
                names = {"module": module, "id": id, "other": other, "other_id": other_id}
                raise RecordNotFound(_("%(module)s %(id)s and %(other)s %(other_id)s are not linked.", **names))
            return
        if not parted:
            told = _("take a link of this relation away: its API has no call for that. Do it in SarvCRM itself")
            raise Unsupported(_("%(crm)s cannot %(what)s.", crm="SarvCRM", what=told))
        only = Query(Condition("id", Op.EQ, (other_id,)), fields=("id",), limit=1)
        if self.behind(module, id, way.relation, other).page(only).records:
            told = _(
                "The field that linked %(other)s %(id)s was emptied, but SarvCRM still shows it as linked.",
                other=other,
                id=other_id,
            )
            raise ProtocolError(told, maybe_done=True)

    def _clear(self, module: str, id: str, fields: Sequence[str], held: str) -> bool:
        """Empty the fields of a record that hold this id; say whether there were any."""
        row = self.client.get(module, id) if fields else {}
        holding = [field for field in fields if str(row.get(field) or "") == held]
        if holding:
            self.client.update(module, id, dict.fromkeys(holding, ""))
        return bool(holding)

    def _way(self, module: str, other: str, *, back: bool = False) -> Way:
        """Return how a module leads to another; `back` asks in any case how that leads to this. Raises QueryError, naming the
        modules it leads to."""
        own = self.describe(module)
        relation = next((r.field for r in own.relations if r.module == other and r.many), "")
        held = () if relation and not back else holders(own, other)
        theirs = holders(self.describe(other), module) if back or not (relation or held) else ()
        if relation or held or theirs:
            return Way(relation, held, theirs)
        raise no_way(own, other)


def holders(own: Described, other: str) -> tuple[str, ...]:
    """Return the fields of a module that may be set to an id of the other."""
    found = dict.fromkeys(
        relation.holder for relation in own.relations if relation.module == other and not relation.many
    )
    return tuple(name for name in found if (field := own.schema.field(name)) and field.editable)


def no_way(own: Described, other: str) -> QueryError:
    """Return the error for modules that do not lead to each other."""
    return QueryError(
        _(
            "In SarvCRM %(name)s has no relation to “%(other)s”. It has some to: %(names)s.",
            name=own.schema.module.name,
            other=other[:60],
            names=", ".join(sorted({relation.module for relation in own.relations})) or _("none"),
        )
    )
