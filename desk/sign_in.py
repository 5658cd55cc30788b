"""Who is signed in at the desk, and where a page goes on whose sign-in has run out."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

_View = Callable[..., HttpResponse]


def at_desk(view: _View) -> _View:
    """Return a view for staff who are signed in; others are sent to the sign-in page.

    An open page that asks for a part of itself goes there whole: its list is no place for a form to sign in.
    """
    for_staff = admin.site.admin_view(view)

    def answer(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        here = request.headers.get("HX-Current-URL")
        if here is None or admin.site.has_permission(request):
            return for_staff(request, *args, **values)
        response = HttpResponse(status=204)
        add_never_cache_headers(response)
        query = urlencode({"next": _page(request, here)})
        response.headers["HX-Redirect"] = f"{reverse('admin:login')}?{query}"
        return response

    return answer


def _page(request: HttpRequest, here: str) -> str:
    """Return the desk's page that a browser says it shows; today's, where it says anything else."""
    today = reverse("desk:day")
    hosts = {request.get_host()}
    if not url_has_allowed_host_and_scheme(here, allowed_hosts=hosts, require_https=request.is_secure()):
        return today
    place = urlsplit(here)
    # No address that only takes presses: it could not be opened.
    if place.path != today:
        return today
    return f"{today}?{place.query}" if place.query else today
