"""The portal's addresses and a bare view of the same stack."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path


def bare(_request: HttpRequest) -> JsonResponse:
    """Answer one constant line."""
    return JsonResponse({"ok": True})


urlpatterns = [path("bare/", bare), path("", include("portal.urls"))]
