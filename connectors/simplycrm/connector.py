"""Simply CRM brought to the common interface: Vtiger's connector, and what the mobile API adds. The rule: with the access key
records go by the webservice, with the password alone by the mobile API, and what is missing then is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from connectors.base import find_operation
from connectors.context import Context
from connectors.errors import ConfigError, Unsupported
from connectors.operations import checked
from connectors.query import Query
from connectors.simplycrm import about, changes, webhook
from connectors.simplycrm.answers import ERRORS
from connectors.simplycrm.bridge import MobileOwners, MobileWebservice, without_key
from connectors.simplycrm.client import MobileClient, root
from connectors.simplycrm.codec import DATE_FORMAT, SimplyCodec
from connectors.simplycrm.operations import INCOMING, MOBILE, OPERATIONS, carry_out
from connectors.simplycrm.schema import SimplyModules
from connectors.types import (
    JSON,
    Capabilities,
    ChangePage,
    Cursor,
    FileContent,
    FileInfo,
    Identity,
    ModuleSchema,
    Page,
    Record,
    Setting,
    Values,
    View,
)
from connectors.vtiger.answers import OF_NO_ANSWER
from connectors.vtiger.changes import SYNC_WORKS, try_sync
from connectors.vtiger.connector import VtigerConnector
from connectors.vtiger.modules import names_in
from connectors.vtiger.owners import Owners
from connectors.vtiger.related import Relations
from connectors.wording import text as _

VERSIONS = ("simply_version", "SimplyVersion", "simplyVersion", "vtigerVersion", "vtiger_version")  # one of these
BOTH = replace(VtigerConnector.capabilities, views=True)
KEY_ONLY = replace(BOTH, views=False)
PASSWORD_ONLY = replace(
    BOTH, link=False, files=False, upload=False, counts=False, parallel_pages=False, max_upload=0, delete_calls=2
)


class SimplyCrmConnector(VtigerConnector):
    """One user of one Simply CRM."""

    slug: ClassVar[str] = "simplycrm"
    label: ClassVar[str] = "Simply CRM"
    settings: ClassVar[tuple[Setting, ...]] = about.SETTINGS
    capabilities: ClassVar[Capabilities] = BOTH
    operations = OPERATIONS
    errors = (*ERRORS, *OF_NO_ANSWER)
    credentials_help: ClassVar[str] = about.CREDENTIALS_HELP
    likely_causes: ClassVar[tuple[str, ...]] = about.LIKELY_CAUSES

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> None:
        plain = {**settings, "url": root(settings["url"])} if settings.get("url") else settings
        super().__init__(plain, secrets, context)
        self.by_key, self.by_password = bool(self.secrets["access_key"]), bool(self.secrets["password"])
        if not (self.by_key or self.by_password):
            raise ConfigError(_("Simply CRM needs the access key, the password, or both; neither was given."))
        self.mobile = MobileClient(
            self.label, self.config["url"], self.config["username"], self.secrets["password"], context
        )
        self.codec = SimplyCodec(self.config["time_zone"], context.learned)
        own = BOTH if self.by_key and self.by_password else KEY_ONLY if self.by_key else PASSWORD_ONLY
        self.capabilities = own  # type: ignore[misc]  # what this connection's credentials open, of all there is
        bridge = None if self.by_key else MobileWebservice(self.mobile, context)
        if bridge is not None:
            self.client, self._relations = bridge, Relations(bridge)
        extra = names_in(self.config["extra_modules"])
        self._modules: SimplyModules = SimplyModules(self.client, self.codec, context.learned, extra, self.mobile)
        known = self._modules.reader
        self._owners = MobileOwners(bridge, known) if bridge else Owners(self.client, known)

    def close(self) -> None:
        self.client.close()
        self.mobile.close()

    # Who and what is there

    def check(self) -> Identity:
        told = self.client.login()
        if self.by_key and self.by_password:
            told = {**self.mobile.login(), **told}
        self.context.learned.set(DATE_FORMAT, str(told.get("date_format") or ""))
        (modules, refused), zone = self._modules.offered(), str(told.get("crm_tz") or "")
        now = int(told.get("serverTime") or 1)
        names = [module.name for module in modules]
        works = not self.by_password and try_sync(self.client, names, now)  # the mobile API tells more
        self.context.learned.set(SYNC_WORKS, works)
        return Identity(
            account=self.client.root,
            user=str(told.get("username") or self.config["username"]),
            version=next((str(told[name]) for name in VERSIONS if told.get(name)), ""),
            time_zone=zone,
            modules=tuple(modules),
            notes=tuple(self._notes(zone, refused)),
        )

    def _notes(self, server_zone: str, refused: list[str]) -> Iterator[str]:
        zone, open_by = self.config["time_zone"], {"by_key": self.by_key, "by_password": self.by_password}
        return about.notes(**open_by, zone=zone, server_zone=server_zone, refused=refused)

    def describe(self, module: str) -> ModuleSchema:
        return self._modules.shown(module)

    # Reading

    def views(self, module: str) -> list[View]:
        if not self.by_password:
            raise Unsupported(
                _("Simply CRM lists saved filters only with the user's password, which this connection lacks.")
            )
        groups = self.mobile.fetch_module_filters(self._named(module))
        found = {str(one["id"]): one for group in groups.values() for one in group or [] if one.get("id")}
        return [View(id, str(one.get("name") or one.get("filtername") or id)) for id, one in found.items()]

    def count(self, module: str, query: Query) -> int | None:
        return super().count(module, query) if self.capabilities.counts else None

    def related(self, module: str, id: str, relation: str, query: Query) -> Page:
        return super().related(self._named(module), id, self._named(relation), query)

    def changes(self, module: str, since: Cursor | None) -> Iterator[ChangePage]:
        mark = changes.parse(since)
        if not self.by_password:
            yield from super().changes(module, mark.rest)
            return
        if changes.is_delta(mark):
            mark, gone = changes.deleted(self.mobile, self._modules.remembering_reader(module), mark)
            if gone:
                yield ChangePage(gone, mark.text())
        mark = changes.begun(self.mobile, module, mark)
        yield from changes.marked(super().changes(module, mark.rest), mark)

    # Writing

    def create(self, module: str, values: Values) -> Record:
        return super().create(self._named(module), values)

    def link(self, module: str, id: str, relation: str, other_id: str) -> None:
        self._needs_key(_("link records"))
        super().link(self._named(module), id, self._named(relation), other_id)

    def comment(self, module: str, id: str, text: str) -> None:
        if self.by_key:
            super().comment(module, id, text)
            return
        record = self.get(module, id)  # a comment on nothing would be stored without a word
        self.mobile.add_record_comment(record.id, text)

    # Files

    def files(self, module: str, id: str) -> list[FileInfo]:
        self._needs_key(_("list files"))
        return super().files(module, id)

    def download(self, module: str, id: str, file_id: str) -> FileContent:
        self._needs_key(_("download files"))
        return super().download(module, id, file_id)

    def upload(self, module: str, id: str, file: FileContent) -> FileInfo:
        self._needs_key(_("upload files"))
        return super().upload(module, id, file)

    # The rest

    def call(self, operation: str, params: Mapping[str, JSON]) -> JSON:
        declared = find_operation(self, operation)
        if declared in MOBILE:
            return carry_out(self.mobile, declared, params)
        if declared is INCOMING:
            given = checked(declared, params)
            return self.send_webhook(given["values"], given.get("format", ""))
        if not self.by_key:
            raise without_key(_("carry out “%(operation)s”", operation=operation))
        return super().call(operation, params)

    def send_webhook(self, values: Mapping[str, JSON], body: str = "") -> dict[str, JSON]:
        """Send values to the incoming webhook of this connection, once, and return {"status", "reply"}.

        `body` is "form" or "json", else as the connection says. Raises as `webhook.deliver`.
        """
        address = self.secrets["webhook_url"]
        return webhook.deliver(self.context, address, values, body or self.config["webhook_format"])

    def _named(self, module: str) -> str:
        """Return the server's name of a module that may be called by its label ("Projects"). Raises QueryError."""
        return self._modules.described(module).schema.module.name

    def _needs_key(self, what: str) -> None:
        if not self.by_key:
            told = without_key(what)
            raise Unsupported(told.message)
