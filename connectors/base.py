"""The interface every CRM is brought to. A vendor overrides what it can; what it may lack is `Unsupported` by default,
raised before any request. The rule: values in and out are canonical, errors are ours, nothing is guessed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from connectors.context import Context
from connectors.errors import ConfigError, ConnectorError, ErrorMeaning, RecordNotFound, Unsupported
from connectors.query import Query
from connectors.types import (
    JSON,
    Alteration,
    Capabilities,
    Change,
    ChangePage,
    Cursor,
    Explanation,
    FieldSchema,
    FieldType,
    FileContent,
    FileInfo,
    Identity,
    Module,
    ModuleSchema,
    Operation,
    Owner,
    Page,
    Record,
    Setting,
    Values,
    View,
    WebhookRequest,
)
from connectors.values import Codec
from connectors.wording import joined
from connectors.wording import text as _

if TYPE_CHECKING:
    from connectors.oauth import OAuth

# Settings that connectors share (design §3 of the values: naive date-times need a zone, phones need a region).
TIME_ZONE = Setting(
    "time_zone",
    _("Time zone of the server"),
    type="time_zone",
    required=False,
    default="UTC",
    help=_(
        "The zone in which this CRM writes dates and times that name none. “Test connection” proposes it where the server tells it."
    ),
)
REGION = Setting(
    "region",
    _("Region for phone numbers"),
    type="region",
    required=False,
    default="GB",
    help=_("Two-letter country code; phone numbers without a country are read as numbers of this country."),
)
# Of connectors whose records have owners; who uses it reads it from the module's schema, where it is the field's default.
DEFAULT_OWNER = Setting(
    "default_owner",
    _("Owner of new records"),
    required=False,
    help=_(
        "The id of a user or group of this CRM, given to records that a mapping creates without one. Empty: whom the CRM chooses, mostly the user of this connection."
    ),
)


class Connector(ABC):
    """One account at one CRM, ready to be asked. Thread-safe: several threads may call at the same time."""

    slug: ClassVar[str]
    label: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    capabilities: ClassVar[Capabilities]
    alters: ClassVar[tuple[Alteration, ...]] = ()  # what nobody can know before it was stored
    operations: ClassVar[tuple[Operation, ...]] = ()
    errors: ClassVar[tuple[ErrorMeaning, ...]] = ()  # what the server's refusals mean
    catalog: ClassVar[tuple[ModuleSchema, ...]] = ()  # what is known without asking, where no server tells it
    field_types: ClassVar[Mapping[str, FieldType]] = {}  # the vendor's own name of a type -> ours
    oauth: ClassVar[OAuth | None] = None  # may be authorised at the CRM's own pages
    credentials_help: ClassVar[str] = ""  # one paragraph: how to get the credentials in that CRM
    likely_causes: ClassVar[tuple[str, ...]] = ()  # shown under a failed test of the connection

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        self.context, self.codec = context, Codec()  # the vendor's own where it spells values in its way
        self.config = {s.name: settings.get(s.name) or s.default for s in self.settings if not s.secret}
        self.secrets = {s.name: secrets.get(s.name) or "" for s in self.settings if s.secret}
        missing = [s.label for s in self.settings if s.required and not (self.config | self.secrets).get(s.name)]
        if missing:
            raise ConfigError(_("%(crm)s needs: %(names)s.", crm=self.label, names=joined(_(", "), missing)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.slug}>"  # never the settings: a URL may hold a secret

    def close(self) -> None:  # noqa: B027  a connector without sockets has nothing to close
        """Give back sockets. Using the connector afterwards is allowed and opens new ones."""

    # Who and what is there

    @abstractmethod
    def check(self) -> Identity:
        """Log in and return who we are, which version, which modules we may see. Raises ConfigError, Unavailable."""

    @abstractmethod
    def modules(self) -> list[Module]:
        """Return the modules this account may read, in the vendor's order."""

    @abstractmethod
    def describe(self, module: str) -> ModuleSchema:
        """Return the module's fields. Raises QueryError when there is no such module."""

    # Authorising at the CRM's own pages, where `oauth` is declared

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        """Return where a person's browser goes to allow us in. `challenge` is the S256 of a verifier (PKCE), `redirect`
        where the CRM sends the browser back with `state` and a code. Makes no request. Raises ConfigError."""
        self._unsupported(_("be authorised at its own pages"))

    def exchange(self, code: str, verifier: str, redirect: str) -> str:
        """Trade the code for what the session store keeps in the slot `connectors.oauth.GRANT`: a secret. Raises AuthError."""
        self._unsupported(_("be authorised at its own pages"))

    # Reading

    @abstractmethod
    def read(self, module: str, query: Query) -> Page:
        """Return up to `query.limit` records that match, in order, and where to go on.

        Pushes down what the vendor can and evaluates the rest here, so that the ids are those of `query.matches`.
        A page may be short, even empty, and still have a `next_cursor`.
        """

    @abstractmethod
    def explain(self, module: str, query: Query) -> Explanation:
        """Return what of the query the vendor runs, what we run, and how many calls it costs. Makes no record call."""

    def count(self, module: str, query: Query) -> int | None:
        """Return how many records match, where that costs one call; None where it cannot be known so."""
        return None

    @abstractmethod
    def get(self, module: str, id: str) -> Record:
        """Return one record with all its fields. Raises RecordNotFound."""

    def get_many(self, module: str, ids: list[str]) -> list[Record]:
        """Return the records there are, each once, in any order; missing ones are left out. One call each unless overridden."""
        found = []
        for id in dict.fromkeys(ids):
            try:
                found.append(self.get(module, id))
            except RecordNotFound:
                continue
        return found

    @abstractmethod
    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        """Yield what changed since the cursor, page by page; everything there is when it is None.

        Inclusive: a change may come twice, never not at all. Save a page's cursor only together with the page.
        """

    @abstractmethod
    def ids(self, module: str, after: str | None = None) -> Iterator[list[str]]:
        """Yield every id there is, in pages; ends normally only when the sweep was complete. `after` is the last id of one
        that was interrupted: it goes on behind that."""

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        """Return the records that hang on this one. `relation` is the name of the related module."""
        self._unsupported(_("list related records"))

    def owners(self) -> list[Owner]:
        """Return who can own records."""
        self._unsupported(_("list its users"))

    def views(self, module: str) -> list[View]:
        """Return the saved filters of a module."""
        self._unsupported(_("list saved filters"))

    def record_url(self, module: str, id: str) -> str | None:
        """Return the address of the record in the CRM's own screens, or None where the form is not known."""
        return None

    def find_by(self, kind: str, text: str) -> list[Record]:
        """Return the records found by a search of the vendor's own; `kind` is "phone"."""
        self._unsupported(_("search by %(kind)s", kind=kind))

    # Writing. An unclear answer is Unavailable or ProtocolError with maybe_done=True, never repeated here.

    @abstractmethod
    def create(self, module: str, values: Values) -> Record:
        """Create a record and return it as the server stored it. Raises RecordInvalid, Duplicate, AccessDenied."""

    def refuse_twin(self, module: str, values: Values) -> None:  # noqa: B027  most servers compare themselves, or are told to
        """Raise Duplicate, naming it, when there is such a record already and the server would take a second one without a
        word. For one that a person creates; a sync has looked by its mapping's own key."""

    def with_whole_lines(self, module: str, id: str, values: Values) -> Values:
        """Return what to give `update` so that the record has exactly the lines in `values`, where a list of lines that is given
        leaves others as they are. Raises RecordNotFound."""
        return values

    @abstractmethod
    def update(self, module: str, id: str, values: Values) -> Record:
        """Change only the fields given (None clears), none where none is, and return the record as stored. Raises
        RecordNotFound too."""

    def _stored(self, module: str, id: str) -> Record:
        """Return the record just written, of a server that answers with an id only: its id alone when it cannot be read just
        now, so that no write is thought undone. Raises RecordNotFound."""
        try:
            return self.get(module, id)
        except RecordNotFound:
            raise
        except ConnectorError:
            return Record(module, id, {})

    def delete(self, module: str, id: str) -> None:
        """Delete the record. Raises RecordNotFound when it is gone already."""
        self._unsupported(_("delete records"))

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        """Make two records belong together."""
        self._unsupported(_("link records"))

    def unlink(self, module: str, id: str, relation: str, other_id: str) -> None:
        """Undo `link`."""
        self._unsupported(_("unlink records"))

    def comment(self, module: str, id: str, text: str) -> None:
        """Add a comment to a record."""
        self._unsupported(_("add comments"))

    def append_choices(self, module: str, field: str, values: list[str]) -> None:
        """Add entries to a pick list."""
        self._unsupported(_("add entries to a pick list"))

    # Files

    def files(self, module: str, id: str) -> list[FileInfo]:
        """Return the files that hang on a record."""
        self._unsupported(_("list files"))

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        """Return one file."""
        self._unsupported(_("download files"))

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        """Add a file; its size is checked before anything is sent."""
        self._unsupported(_("upload files"))

    # The rest

    def stored_as(self, field: FieldSchema, value: JSON) -> JSON:
        """Return a canonical value as it would come back after it was written, as far as its spelling tells. Makes no request.
        Raises RecordInvalid for one that cannot be sent."""
        return self.codec.decode(field, self.codec.encode(field, value))

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        """Carry out one of `operations` and return the vendor's answer."""
        self._unsupported(_("carry out the operation “%(operation)s”", operation=operation))

    def parse_webhook(self, request: WebhookRequest) -> list[Change]:
        """Return what a request from the vendor says has changed."""
        self._unsupported(_("send us changes"))

    def _unsupported(self, what: str) -> NoReturn:
        raise Unsupported(_("%(crm)s cannot %(what)s.", crm=self.label, what=what))


def find_operation(connector: type[Connector] | Connector, name: str) -> Operation:
    """Return the declared operation of that name. Raises Unsupported, naming the known ones."""
    for operation in connector.operations:
        if operation.name == name:
            return operation
    known = ", ".join(o.name for o in connector.operations) or _("none")
    sentence = _("%(crm)s has no operation “%(name)s”. It has: %(known)s.", crm=connector.label, name=name, known=known)
    raise Unsupported(sentence)
