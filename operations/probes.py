"""The addresses that machines ask for: alive, ready, and the numbers."""

import hmac
import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from operations import health
from operations.exposition import CONTENT_TYPE, exposition

_SAFE: Final = ("GET", "HEAD")
# A request that came through a proxy carries one of these, wherever it seems to come from.
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def alive(request: HttpRequest) -> HttpResponse | None:
    """Answer that the process serves; the database is not asked."""
    return _plain("ok") if request.method in _SAFE else None


def ready(request: HttpRequest) -> HttpResponse | None:
    """Answer how each part is, with 503 unless all that are asked for are well.

    `?part=database&part=disk` asks for these alone; an unknown part is nobody's address.
    """
    wanted = request.GET.getlist("part") or list(health.PARTS)
    if request.method not in _SAFE or not set(wanted) <= set(health.PARTS):
        return None
    parts = health.look(wanted, timezone.now())
    is_ready = all(part["ok"] for part in parts.values())
    response = JsonResponse({"ready": is_ready, "parts": parts}, status=200 if is_ready else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


def metrics(request: HttpRequest) -> HttpResponse | None:
    """Answer the numbers to whoever may see them; to others there is nothing at this address."""
    if request.method not in _SAFE or not _may_see(request):
        return None
    response = HttpResponse(exposition(timezone.now()), content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _may_see(request: HttpRequest) -> bool:
    """Tell whether a request has the token; without one in the settings, whether it is of this machine."""
    if settings.METRICS_TOKEN:
        told = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(told.encode(), settings.METRICS_TOKEN.encode())
    if any(header in request.META for header in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _plain(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response


PROBES: Mapping[str, Callable[[HttpRequest], HttpResponse | None]] = {
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": metrics,
}
