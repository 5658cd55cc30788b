"""What every answer under the API's addresses shares, whoever made it."""

from collections.abc import Callable

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from access.authentication import count
from portal.answers import CONTENT_TYPE
from portal.api_errors import TOO_LARGE, as_json, away, refused
from portal.errors import TooMany
from portal.outages import is_outage
from portal.page_middleware import API_PREFIXES

Handler = Callable[[HttpRequest], HttpResponse]
# JSON that a browser were made to show as a page could load and run nothing.
_POLICY = "default-src 'none'; frame-ancestors 'none'"


class ApiMiddleware:
    """JSON whatever happens, limits on every answer, addresses with and without a slash at their end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass a request on, or through the API's own rules."""
        if not request.path_info.startswith(API_PREFIXES):
            return self.get_response(request)
        if request.path_info not in API_PREFIXES:
            request.path_info = request.path_info.rstrip("/")
        response = self._answer(request)
        if response.status_code >= 400 and response.get("Content-Type") != CONTENT_TYPE:
            response = as_json(response)
        allowance = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in allowance.headers.items():
                response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        is_too_large = _length_of(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        response = refused(TOO_LARGE) if is_too_large else self.get_response(request)
        if hasattr(request, "allowance"):
            return response
        # Nobody's key was looked at: documentation, or an address that does not exist.
        try:
            count(request, timezone.now())
        except TooMany as error:
            return refused(error)
        except Error as error:
            if not is_outage(error):
                raise
            return away(error)
        return response


def _length_of(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdecimal() else 0
