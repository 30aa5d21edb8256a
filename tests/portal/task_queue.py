"""What waits to be done in the background, wherever the suite keeps it: in the database, or in Redis. The rule: every process
that runs tests has a queue and a cache of its own, by its Q_NAME, so that two may share one Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django_q.brokers import get_broker
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

OF_A_TEST = re.compile(rb"\btest-\d+\b")  # tests/settings.py names a queue so


def queued() -> list[tuple[str, tuple[Any, ...]]]:
    """Return function and arguments of what waits, the oldest first."""
    return [(task["func"], task["args"]) for task in map(SignedPackage.loads, payloads())]


def payloads() -> list[str]:
    """Return what waits as the broker keeps it, the oldest first."""
    broker = get_broker()
    if isinstance(broker, Redis):
        return [text.decode() for text in broker.connection.lrange(broker.list_key, 0, -1)]
    return list(OrmQ.objects.order_by("pk").values_list("payload", flat=True))


def take_next() -> tuple[Any, ...] | None:
    """Take the oldest task out of the queue and return its arguments; None when nothing waits."""
    waiting, broker = queued(), get_broker()
    if not waiting:
        return None
    if isinstance(broker, Redis):
        broker.connection.lpop(broker.list_key)
    else:
        OrmQ.objects.order_by("pk")[:1].get().delete()
    return waiting[0][1]


def forget_all() -> None:
    """Empty this process's queue and cache in Redis; in a database each test begins with empty ones anyway."""
    if Conf.ORM:  # to ask for that broker is to ask the database, which not every test may
        return
    session = get_broker().connection
    for key in list(session.scan_iter(f"*{settings.Q_NAME}*")):
        session.delete(key)


def everything_in_redis() -> Iterator[tuple[str, bytes]]:
    """Yield key and content of all that is kept in the Redis database, but what another process's tests keep there."""
    session = get_broker().connection
    ours = settings.Q_NAME.encode()
    for key in session.scan_iter():
        if any(name != ours for name in OF_A_TEST.findall(key)):
            continue
        kind = session.type(key).decode()
        read = {
            "string": lambda key: [session.get(key)],
            "list": lambda key: session.lrange(key, 0, -1),
            "set": session.smembers,
            "zset": lambda key: session.zrange(key, 0, -1),
            "hash": lambda key: [part for pair in session.hgetall(key).items() for part in pair],
        }[kind]
        yield from ((key.decode(), content) for content in read(key) if content is not None)
