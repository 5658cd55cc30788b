"""What every answer of the portal shares: bounds, a header, and how a refusal or an outage looks."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import escape_leading_slashes
from django.views.defaults import bad_request

from portal.errors import Rejected
from portal.outages import is_outage
from portal.refusals import outage_response, refusal_response

logger = logging.getLogger(__name__)

# The camera is for the front desk's QR codes; nothing else of the device is needed.
_PERMISSIONS = (
    "accelerometer=(), autoplay=(), camera=(self), display-capture=(), geolocation=(), "
    "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)

Handler = Callable[[HttpRequest], HttpResponse]


class BrowserHeadersMiddleware:
    """Tell browsers and caches whom an answer is for, files included."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers; what says itself how long it may be kept, and by whom, is left so."""
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = _PERMISSIONS
        # Nothing of ours is for other sites' pages.
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # A cache that goes by the end of an address ("/my/x.css") would give one guest's cookie to others.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


class LanguageOfAddressMiddleware:
    """Let an address choose the language: "?lang=de" is kept by a cookie, and leads on without it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send a browser on in the language that it asks for; an unknown one chooses nothing."""
        code = request.GET.get("lang")
        if request.method not in ("GET", "HEAD") or code not in dict(settings.LANGUAGES):
            return self.get_response(request)
        query = request.GET.copy()
        del query["lang"]
        # Only the path and the query of this very request: it leads to no other host.
        path = escape_leading_slashes(request.path)
        response = HttpResponseRedirect(f"{path}?{query.urlencode()}" if query else path)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
        response.headers["Cache-Control"] = "private, no-store"
        return response


class BoundsMiddleware:
    """Refuse what nobody but an attacker sends, before anything reads it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400 to bodies too large for strangers, and to cookies that nothing could have set."""
        # Django's own limit leaves files out; a stranger's would fill the disk.
        length = _length_of(request)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and not _is_staff(request):
            raise RequestDataTooBig("The body is larger than what a stranger may send.")
        if length > settings.STAFF_UPLOAD_MAX_SIZE:
            raise RequestDataTooBig("The body is larger than any file of staff.")
        # A quoted cookie can hold what no header can; PostgreSQL would fail at a session of that key.
        if any("\x00" in value for value in request.COOKIES.values()):
            raise BadRequest("A cookie holds NUL.")
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> None:
        """Answer 400 to NUL in what the admin makes queries of; our own views ask for nothing with it."""
        if hasattr(view, "model_admin") and ("\x00" in request.path or _holds_nul(request)):
            raise BadRequest("An address holds NUL.")


def _holds_nul(request: HttpRequest) -> bool:
    texts = (text for name, values in request.GET.lists() for text in (name, *values))
    return any("\x00" in text for text in texts)


def _length_of(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdecimal() else 0


def _is_staff(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))


class RefusalMiddleware:
    """Answer what views do not handle: a domain's refusal, and a database that is away."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn a refusal into its page, and a lost database into 503 with Retry-After."""
        if isinstance(error, Rejected):
            return refusal_response(request, error)
        if isinstance(error, DataError) and "NUL" in str(error):
            # PostgreSQL takes no text with NUL; nothing was written.
            return bad_request(request, error)
        if is_outage(error):
            logger.error("The database is away: %s", type(error).__name__)
            return outage_response(request)
        return None
