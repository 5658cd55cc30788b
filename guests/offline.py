"""The portal without a connection and as an app: what browsers keep of it, and how it is installed."""

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

fresh = cache_control(no_cache=True)
# A page brings a cookie along.
private = cache_control(private=True, no_cache=True)


@cache
def _worker() -> bytes:
    found = finders.find("js/worker.js")
    return Path(str(found)).read_bytes()


@fresh
@require_safe
def worker(_request: HttpRequest) -> HttpResponse:
    """Send the service worker from the root: from there alone it may look after all of the portal."""
    content = _worker()
    response = HttpResponse(content, content_type="text/javascript; charset=utf-8")
    response.headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return response


@private
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Show what stands for every page that cannot be had without a connection."""
    return render(request, "guests/offline.html")


@fresh
@require_safe
def web_manifest(_request: HttpRequest) -> JsonResponse:
    """Say how the portal looks when it is installed."""
    icon = {"src": static("img/icon.svg"), "type": "image/svg+xml", "sizes": "any"}
    content = {
        "id": "/",
        "name": _("Hotel vouchers"),
        "short_name": _("Vouchers"),
        "description": _("See your hotel vouchers, choose a time and book it. No account needed."),
        "lang": get_language() or "en",
        "dir": "rtl" if get_language_bidi() else "ltr",
        "start_url": "/my/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f7f5f0",
        "theme_color": "#1d5c4d",
        "icons": [
            {**icon, "purpose": "any"},
            {**icon, "src": static("img/icon-maskable.svg"), "purpose": "maskable"},
            {"src": static("img/icon-512.png"), "type": "image/png", "sizes": "512x512"},
        ],
        "shortcuts": [{"name": _("My bookings"), "url": "/my/"}, {"name": _("Vouchers"), "url": "/"}],
    }
    return JsonResponse(content, content_type="application/manifest+json")
