"""What a person does to a mapping as a whole beside running it: apply its rules to all again, forget what was agreed on. The rule:
both end at a plan that a person looks at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from portal.ledger import write
from portal.mappings.models import Mapping
from portal.sync.reset import kept_of, reset
from portal.sync.run import SyncRefused, request_sync


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def again(request: HttpRequest, name: str) -> HttpResponse:
    """Have every linked record planned as if its source had changed, and show the run, which stops at its plan."""
    mapping = get_object_or_404(Mapping, name=name)
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username()}
    try:
        run = request_sync(mapping, trigger="button", anew=True, **who)
    except SyncRefused as e:
        messages.error(request, str(e))
        return redirect("mappings:show", mapping.name)
    write.audit(request.user, "apply_all_again", mapping, {"run": run.pk})  # type: ignore[arg-type]
    return redirect("sync:run", run.pk)


@permission_required(("mappings.change_mapping", "ledger.add_run"), raise_exception=True)
def forget(request: HttpRequest, name: str) -> HttpResponse:
    """Say what a reset does; on POST do it, and offer the plan that follows from it."""
    mapping = get_object_or_404(Mapping, name=name)
    if request.method == "POST":
        try:
            kept = reset(mapping, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
        except SyncRefused as e:
            messages.error(request, str(e))
            return redirect("mappings:show", mapping.name)
        text = ngettext(
            "Forgotten for %(n)d pair. “Sync now” plans everything anew and stops at the plan.",
            "Forgotten for %(n)d pairs. “Sync now” plans everything anew and stops at the plan.",
            kept.agreed,
        )
        messages.success(request, text % {"n": kept.agreed})
        return redirect("mappings:show", mapping.name)
    whole = {
        **admin.site.each_context(request),
        "title": _("Reset mapping"),
        "mapping": mapping,
        "kept": kept_of(mapping),
    }
    return render(request, "sync/reset.html", whole)
