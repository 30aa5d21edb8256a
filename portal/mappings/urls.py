"""The addresses of the mapping screens."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpResponseBase
from django.urls import URLPattern, include, path

from portal.mappings import add, field_views, steps, version_views, views


def _path(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    return path(f"mappings/{route}", admin.site.admin_view(view), name=name)


app_name = "mappings"
urlpatterns = [
    _path("", views.mapping_list, "list"),
    _path("add/", add.add, "add"),
    path("mappings/tables/", include("portal.mappings.table_urls")),
    _path("<str:name>/", steps.show, "show"),
    _path("<str:name>/match/", steps.match, "match"),
    _path("<str:name>/change/", field_views.fields, "change"),
    _path("<str:name>/notes/", field_views.notes, "notes"),
    _path("<str:name>/policies/", steps.policies, "policies"),
    _path("<str:name>/filtered/", steps.filtered, "filtered"),
    _path("<str:name>/copy/", views.copy, "copy"),
    _path("<str:name>/schedule/", steps.schedule, "schedule"),
    _path("<str:name>/versions/", version_views.versions, "versions"),
    _path("<str:name>/versions/<int:number>/restore/", version_views.take_up, "restore"),
    _path("<str:name>/live/", version_views.live, "live"),
    _path("<str:name>/drop/", version_views.drop, "drop"),
    _path("<str:name>/read/", views.read, "read"),
    _path("<str:name>/pause/", views.pause, "pause"),
    _path("<str:name>/delete/", views.delete, "delete"),
]
