"""A person's own page."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portal.accounts.forms import PreferencesForm
from portal.accounts.models import User


def preferences(request: HttpRequest) -> HttpResponse:
    """Let the person who is logged in choose name, language, calendar and time zone."""
    form = PreferencesForm(request.POST or None, instance=cast(User, request.user))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your preferences were saved."))
        return redirect("accounts:preferences")
    context = {**admin.site.each_context(request), "title": _("My preferences"), "form": form}
    return render(request, "portal/preferences.html", context)
