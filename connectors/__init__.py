"""Connectors: how each CRM talks, made one interface. Runs without Django; imports nothing of the portal."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from connectors.errors import ConfigError
from connectors.wording import text as _

if TYPE_CHECKING:
    from connectors.base import Connector
    from connectors.context import Context

# One line a vendor. The slug is in the database, the URL and the sandbox's name: never changed. Lazy, so that a broken
# vendor breaks only itself.
CONNECTORS: dict[str, str] = {
    "memory": "connectors.memory.MemoryConnector",
    "opencrm": "connectors.opencrm.connector.OpenCrmConnector",
    "reallysimple": "connectors.reallysimple.connector.ReallySimpleConnector",
    "sarvcrm": "connectors.sarvcrm.connector.SarvConnector",
    "simplycrm": "connectors.simplycrm.connector.SimplyCrmConnector",
    "vtiger": "connectors.vtiger.connector.VtigerConnector",
}
OFFERED: tuple[str, ...] = tuple(slug for slug in CONNECTORS if slug != "memory")  # what a person may choose


def connector_class(slug: str) -> type[Connector]:
    """Return the class for a slug. Raises ConfigError, naming the known ones, for any other."""
    if slug not in CONNECTORS:
        raise ConfigError(
            _("There is no connector “%(slug)s”. Known are: %(names)s.", slug=slug, names=", ".join(sorted(OFFERED)))
        )
    module, name = CONNECTORS[slug].rsplit(".", 1)
    return cast("type[Connector]", getattr(import_module(module), name))


def connect(slug: str, settings: Mapping[str, str], secrets: Mapping[str, str], context: Context) -> Connector:
    """Return a connector ready to be asked. Makes no request. Raises ConfigError for settings that cannot be right."""
    return connector_class(slug)(settings, secrets, context)
