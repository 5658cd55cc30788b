"""Middleware that pages need and calls of the API do not: these go past it."""

from typing import Any

from csp.middleware import CSPMiddleware as Csp
from django.contrib.auth.middleware import AuthenticationMiddleware as Authentication
from django.contrib.messages.middleware import MessageMiddleware as Message
from django.contrib.sessions.middleware import SessionMiddleware as Session
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxMiddleware as Htmx

# The first answers in the API's shape; the second in that of the system it replaces.
API_PREFIXES = ("/api/", "/legacy/api/")
# What a person reads in a browser.
_DOCS = "/api/docs"


def is_call(request: HttpRequest) -> bool:
    """Tell whether a request is for the API, where nothing that only pages have is looked at."""
    return request.path_info.startswith(API_PREFIXES) and not request.path_info.startswith(_DOCS)


def _for_pages(middleware: type[Any]) -> type[Any]:
    """Return middleware that lets calls pass."""

    class ForPages(middleware):  # type: ignore[misc]  # chosen at run time
        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            respond = self.get_response if is_call(request) else super().__call__
            response: HttpResponseBase = respond(request)
            return response

    ForPages.__doc__ = middleware.__doc__
    return ForPages


CspMiddleware = _for_pages(Csp)
SessionMiddleware = _for_pages(Session)
AuthenticationMiddleware = _for_pages(Authentication)
MessageMiddleware = _for_pages(Message)
HtmxMiddleware = _for_pages(Htmx)
