"""The settings of the test suite: the portal's own, with keys, files and addresses of its own, so that `pytest` needs no
environment and touches nothing of whoever runs it. DATABASE_URL and REDIS_URL choose what the suite runs on."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from portal.keys import new_credential_key

_var = tempfile.mkdtemp(prefix="portal-tests-")
atexit.register(shutil.rmtree, _var, ignore_errors=True)
os.environ.update(
    ENV_FILE=os.devnull,
    VAR_DIR=_var,
    SECRET_KEY="a key of the test suite, " * 3,
    CREDENTIAL_KEYS=new_credential_key(),
    CRM_ALLOWED_NETWORKS="127.0.0.0/8",  # the sandbox
    DEBUG="off",
    HTTPS="off",
    EMAIL_URL="memorymail://",
    LOG_LEVEL="WARNING",
    Q_NAME=f"test-{os.getpid()}",  # a queue and a cache of its own, also in a Redis that others use
)
for name in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TIME_ZONE"):
    os.environ.pop(name, None)

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, STORAGES, VAR_DIR  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in production: threads and other processes see it, and it locks as it really does.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
(VAR_DIR / "static").mkdir()  # whitenoise warns about a missing one, and warnings are errors here
