"""Every address of the portal: our screens, and Django's admin site at the root."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [path("", admin.site.urls)]
