"""The addresses of the mapping screens."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.mappings import views

app_name = "mappings"
urlpatterns = [
    path("mappings/", admin.site.admin_view(views.mapping_list), name="list"),
    path("mappings/add/", admin.site.admin_view(views.add), name="add"),
    path("mappings/<str:name>/change/", admin.site.admin_view(views.change), name="change"),
    path("mappings/<str:name>/pause/", admin.site.admin_view(views.pause), name="pause"),
    path("mappings/<str:name>/delete/", admin.site.admin_view(views.delete), name="delete"),
]
