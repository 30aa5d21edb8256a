"""The WSGI entry point: `gunicorn portal.wsgi`. Nothing is served without keys."""

from __future__ import annotations

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

from portal.checks import missing_keys  # noqa: E402  after Django is set up

if problem := missing_keys():
    sys.stderr.write(f"{problem}\n")
    sys.exit(3)  # gunicorn's own code for "this worker will never start": it stops instead of trying for ever
