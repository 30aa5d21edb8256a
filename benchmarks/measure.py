"""One measurement in a fresh process: `python benchmarks/measure.py DEED URL RECORDS` prints one JSON line.

Deeds: `bare` fetches and parses every page with eight `requests` threads and orjson and stores nothing; `first`, `again`
and `news` pull with the portal into DATABASE_URL: everything, everything once more, and only what is new. Seconds are
those inside the program, without the interpreter's start; memory is the peak of the process.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = 100
THREADS = 8
PLACES = 10  # of which background work may use four fifths: the same eight


def peak_megabytes() -> float:
    """Return the largest resident size this process ever had."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def bare(url: str, records: int) -> dict[str, Any]:
    """Fetch and parse all pages, eight at a time, and keep nothing."""
    import orjson
    import requests

    local = threading.local()

    def page(number: int) -> int:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        content = local.session.get(f"{url}/contacts", params={"limit": PAGE, "page": number}).content
        return len(orjson.loads(content)["list"])

    with ThreadPoolExecutor(THREADS) as pool:
        return {"records": sum(pool.map(page, range(1, -(-records // PAGE) + 1)))}


def prepare() -> None:
    """Set Django up as a command of the portal does."""
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()


def token() -> str:
    """Return a token of the form the vendor's have: a JWT, here without a signature that anybody could check."""
    parts = [
        {"alg": "RS256", "typ": "JWT"},
        {"aud": "1", "jti": "bench", "exp": int(time.time()) + 30_000_000, "scopes": []},
    ]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".bench"


@contextmanager
def opened(url: str) -> Iterator[tuple[Any, Any]]:
    """Yield the mirror and the connector, opened as every background pull opens it."""
    from portal.connections.access import open_connector
    from portal.connections.models import Connection
    from portal.records.pull import mirror_of

    connection, made = Connection.objects.get_or_create(
        name="bench", defaults={"connector": "reallysimple", "max_parallel": PLACES, "settings": {"url": url}}
    )
    if made:
        connection.secrets = {"access_token": token()}
        connection.save()
    Connection.objects.filter(pk=connection.pk).update(settings={"url": url})
    connection.refresh_from_db()
    with open_connector(connection, purpose="sync") as crm:
        yield mirror_of(connection, "contacts"), crm


def ours(url: str, full: bool) -> dict[str, Any]:
    """Pull with the portal and return what it counted."""
    from portal.records.models import CopyChange
    from portal.records.pull import pull

    with opened(url) as (mirror, crm):
        version = mirror.version
        pulled = pull(mirror, crm, full=full)
    assert pulled.complete
    written = mirror.version - version + CopyChange.objects.filter(mirror=mirror, version__gt=version).count()
    return {
        "records": mirror.copies.count(),
        "pulled": pulled.new + pulled.changed + pulled.unchanged,
        "written": written,
    }


DEEDS: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "bare": bare,
    "first": lambda url, records: ours(url, full=False),
    "again": lambda url, records: ours(url, full=True),
    "news": lambda url, records: ours(url, full=False),
}


def main() -> None:
    deed, url, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if deed != "bare":
        prepare()
    started, cpu = time.perf_counter(), time.process_time()
    result = DEEDS[deed](url, records)
    result |= {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "megabytes": peak_megabytes(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
