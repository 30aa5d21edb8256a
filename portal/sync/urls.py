"""The addresses of the run screens."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from portal.sync import care_views, views
from portal.sync.inbox import views as inbox_views
from portal.sync.matching import views as match_views
from portal.sync.previews import views as preview_views
from portal.sync.reconciling import views as reconcile_views
from portal.sync.sets import views as set_views
from portal.sync.undo import views as undo_views
from portal.sync.why import views as why_views

app_name = "sync"
urlpatterns = [
    path("conflicts/", admin.site.admin_view(inbox_views.inbox), name="inbox"),
    path("conflicts/choose/", admin.site.admin_view(inbox_views.choose), name="choose"),
    path("conflicts/chosen/", admin.site.admin_view(inbox_views.past), name="inbox_past"),
    path("conflicts/<int:pk>/take-back/", admin.site.admin_view(inbox_views.take_back), name="take_back"),
    path("conflicts/<int:pk>/sync-again/", admin.site.admin_view(inbox_views.sync_again), name="sync_again"),
    path("runs/", admin.site.admin_view(views.run_list), name="runs"),
    path("runs/<int:pk>/", admin.site.admin_view(views.show), name="run"),
    path("runs/<int:pk>/progress/", admin.site.admin_view(views.progress), name="progress"),
    path("runs/<int:pk>/approve/", admin.site.admin_view(views.approve_plan), name="approve"),
    path("runs/<int:pk>/entries/<int:entry>/settle/", admin.site.admin_view(views.settle), name="settle"),
    path("runs/<int:pk>/again/", admin.site.admin_view(undo_views.sync_again), name="undo_again"),
    path("runs/<int:pk>/undo/", admin.site.admin_view(undo_views.ask), name="undo"),
    path("runs/<int:pk>/stop/", admin.site.admin_view(views.stop), name="stop"),
    path("sets/", admin.site.admin_view(set_views.set_list), name="sets"),
    path("sets/add/", admin.site.admin_view(set_views.add), name="set_add"),
    path("sets/<str:name>/", admin.site.admin_view(set_views.show), name="set"),
    path("sets/<str:name>/change/", admin.site.admin_view(set_views.change), name="set_change"),
    path("sets/<str:name>/delete/", admin.site.admin_view(set_views.delete), name="set_delete"),
    path("sets/<str:name>/sync/", admin.site.admin_view(set_views.start), name="set_start"),
    path("mappings/<str:name>/sync/", admin.site.admin_view(views.start), name="start"),
    path("mappings/<str:name>/preview/", admin.site.admin_view(preview_views.show), name="preview"),
    path("mappings/<str:name>/preview/all/", admin.site.admin_view(preview_views.start), name="preview_all"),
    path("mappings/<str:name>/matches/", admin.site.admin_view(match_views.show), name="matches"),
    path("mappings/<str:name>/matches/look/", admin.site.admin_view(match_views.look), name="matches_look"),
    path("mappings/<str:name>/matches/decide/", admin.site.admin_view(match_views.decide), name="match_decide"),
    path("mappings/<str:name>/matches/accept/", admin.site.admin_view(match_views.accept_many), name="matches_accept"),
    path("matches/<int:pk>/progress/", admin.site.admin_view(match_views.progress), name="matches_progress"),
    path("previews/<int:pk>/progress/", admin.site.admin_view(preview_views.progress), name="preview_progress"),
    path("previews/<int:pk>/stop/", admin.site.admin_view(preview_views.stop), name="preview_stop"),
    path("mappings/<str:name>/compare/", admin.site.admin_view(reconcile_views.show), name="reconcile"),
    path("mappings/<str:name>/compare/start/", admin.site.admin_view(reconcile_views.start), name="reconcile_start"),
    path("comparisons/<int:pk>/progress/", admin.site.admin_view(reconcile_views.progress), name="reconcile_progress"),
    path("comparisons/<int:pk>/stop/", admin.site.admin_view(reconcile_views.stop), name="reconcile_stop"),
    path("mappings/<str:name>/again/", admin.site.admin_view(care_views.again), name="again"),
    path("why/", admin.site.admin_view(why_views.show), name="why"),
    path("mappings/<str:name>/reset/", admin.site.admin_view(care_views.forget), name="reset"),
]
