"""Takes browsers' reports of what our Content-Security-Policy stopped: one redacted log line each, and a count."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

log = logging.getLogger(__name__)
COUNT = "csp-reports"
LARGEST = 16_384  # bytes; anybody may post here


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Log which directive was broken where. Addresses are cut before `?`: queries hold what people searched for."""
    body = request.read(LARGEST + 1)
    found: Any = None
    if len(body) <= LARGEST:
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
    told = found.get("csp-report") if isinstance(found, dict) else None
    if not isinstance(told, dict):
        return HttpResponse(status=400)
    directive, blocked, page = (told.get(k) for k in ("violated-directive", "blocked-uri", "document-uri"))
    log.warning("CSP stopped %s on %s: %s", _cut(blocked), _cut(page), str(directive)[:100].replace("\n", " "))
    cache.add(COUNT, 0, None)
    cache.incr(COUNT)
    return HttpResponse(status=204)


def reports() -> int:
    """Return how many reports came since the cache was emptied."""
    return int(cache.get(COUNT, 0))


def _cut(address: Any) -> str:
    parts = urlsplit(str(address))
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200].replace("\n", " ")
