"""SarvCRM: its API version 5 (API.php), hosted or on a server of one's own."""

from __future__ import annotations
