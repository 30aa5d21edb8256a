"""The addresses of the connection screens."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.connections import authorise, deeds, views
from portal.connections.admin import connection_list

app_name = "connections"
urlpatterns = [
    path("connections/", admin.site.admin_view(connection_list), name="list"),
    path("connections/add/", admin.site.admin_view(views.choose), name="choose"),
    # Not behind the login, which would be handed this address with the CRM's code.
    path("connections/authorised/", authorise.come_back, name="authorised"),
    path("connections/<str:name>/authorise/", admin.site.admin_view(authorise.ask), name="authorise"),
    path("connections/<str:name>/change/", admin.site.admin_view(views.change), name="change"),
    path("connections/<str:name>/test/", admin.site.admin_view(deeds.test), name="test"),
    path("connections/<str:name>/fields/", admin.site.admin_view(deeds.read_again), name="read_again"),
    path("connections/<str:name>/writing/", admin.site.admin_view(deeds.writing), name="writing"),
    path("connections/<str:name>/history/", admin.site.admin_view(deeds.history), name="history"),
    path("connections/<str:name>/delete/", admin.site.admin_view(deeds.delete), name="delete"),
    path("connections/add/<str:connector>/", admin.site.admin_view(views.add), name="add"),
]
