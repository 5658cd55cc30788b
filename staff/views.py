"""The second step of one's own sign-in: set up, and taken away."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bookings.codes import qr_svg
from staff.forms import TokenForm
from staff.second_step import has_second_step, offer_again, offer_of, switch_off, switch_on


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Show one's second step: a picture to scan and a number to prove it, or how to take it away."""
    user: Any = request.user
    is_on = has_second_step(user)
    form = TokenForm(request.POST if request.method == "POST" else None)
    spare: list[str] = []
    if request.method == "POST" and form.is_valid():
        token = form.cleaned_data["token"].replace(" ", "")
        if is_on:
            if switch_off(user, token):
                messages.success(request, _("Your second step is switched off."))
                return redirect("admin:index")
        else:
            spare = switch_on(user, request.POST.get("sealed", ""), token)
        if not spare:
            form.add_error("token", _("This number is not right, or it has run out."))
    context = {
        **admin.site.each_context(request),
        "title": _("Second step at sign-in"),
        "form": form,
        "is_on": is_on,
        "spare": spare,
    }
    if not is_on and not spare:
        # A mistyped number leaves the picture as it is: the app has it already.
        offer = offer_again(user, request.POST.get("sealed", "")) or offer_of(user)
        context["offer"] = offer
        context["qr"] = qr_svg(offer.address, label=_("Scan this with your authenticator app"))
    status = 422 if form.errors else 200
    return render(request, "admin/staff/second_step.html", context, status=status)
