"""The addresses of the run screens."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.sync import preview_views, views

app_name = "sync"
urlpatterns = [
    path("runs/", admin.site.admin_view(views.run_list), name="runs"),
    path("runs/<int:pk>/", admin.site.admin_view(views.show), name="run"),
    path("runs/<int:pk>/progress/", admin.site.admin_view(views.progress), name="progress"),
    path("runs/<int:pk>/approve/", admin.site.admin_view(views.approve_plan), name="approve"),
    path("runs/<int:pk>/entries/<int:entry>/settle/", admin.site.admin_view(views.settle), name="settle"),
    path("runs/<int:pk>/stop/", admin.site.admin_view(views.stop), name="stop"),
    path("mappings/<str:name>/sync/", admin.site.admin_view(views.start), name="start"),
    path("mappings/<str:name>/preview/", admin.site.admin_view(preview_views.show), name="preview"),
    path("mappings/<str:name>/preview/all/", admin.site.admin_view(preview_views.start), name="preview_all"),
    path("previews/<int:pk>/progress/", admin.site.admin_view(preview_views.progress), name="preview_progress"),
    path("previews/<int:pk>/stop/", admin.site.admin_view(preview_views.stop), name="preview_stop"),
]
