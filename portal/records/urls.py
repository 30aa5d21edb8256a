"""Addresses of the record screens. Names of modules and ids are data: they stand here as `admin.utils.quote` spells them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.records import views

app_name = "records"
urlpatterns = [
    path("records/", admin.site.admin_view(views.index), name="index"),
    path("records/<str:connection>/", admin.site.admin_view(views.module_list), name="modules"),
    path("records/<str:connection>/<str:module>/", admin.site.admin_view(views.change_list), name="list"),
    path("records/<str:connection>/<str:module>/columns/", admin.site.admin_view(views.columns), name="columns"),
    path("records/<str:connection>/<str:module>/<str:id>/", admin.site.admin_view(views.show), name="record"),
]
