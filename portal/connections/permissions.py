"""Who may do what with connections and their records: Django's model permissions, asked here and nowhere else."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from connectors.types import Operation
from portal.connections.models import Connection

Person = AbstractBaseUser | AnonymousUser


def may_view(user: Person, connection: Connection | None = None) -> bool:
    """May they see connections, and read records through them?"""
    return _has(user, "view_connection")


def may_add(user: Person) -> bool:
    """May they add connections?"""
    return _has(user, "add_connection")


def may_change(user: Person, connection: Connection | None = None) -> bool:
    """May they change this connection's settings, test it, and allow or forbid writing?"""
    return _has(user, "change_connection")


def may_delete(user: Person, connection: Connection | None = None) -> bool:
    """May they delete this connection?"""
    return _has(user, "delete_connection")


def may_write(user: Person, connection: Connection) -> bool:
    """May they create, change and delete records in this CRM? Only where writing is allowed on the connection, too."""
    return connection.writable and _has(user, "write_records")


def may_call(user: Person, connection: Connection, operation: Operation) -> bool:
    """May they have this CRM carry out one of its own operations? Whether writing is allowed on the connection is asked of
    each request, where it is known what that does."""
    if operation.admin_only:
        return bool(getattr(user, "is_superuser", False)) and bool(user.is_active)
    return _has(user, "write_records") if operation.writes else may_view(user, connection)


def _has(user: Person, permission: str) -> bool:
    return bool(user.has_perm(f"connections.{permission}"))  # type: ignore[union-attr]
