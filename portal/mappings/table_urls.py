"""The addresses of the screens of value tables, below those of mappings."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.mappings import table_append_views, table_csv_views, table_views

urlpatterns = [
    path("", admin.site.admin_view(table_views.table_list), name="tables"),
    path("add/", admin.site.admin_view(table_views.add), name="table_add"),
    path("<str:name>/change/", admin.site.admin_view(table_views.change), name="table"),
    path("<str:name>/import/", admin.site.admin_view(table_csv_views.take_in), name="table_import"),
    path("<str:name>/export/", admin.site.admin_view(table_csv_views.give_out), name="table_export"),
    path("<str:name>/append/", admin.site.admin_view(table_append_views.append_values), name="table_append"),
    path("<str:name>/delete/", admin.site.admin_view(table_views.delete), name="table_delete"),
]
