"""Addresses of a person's own page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.accounts import views

app_name = "accounts"
urlpatterns = [path("preferences/", admin.site.admin_view(views.preferences), name="preferences")]
