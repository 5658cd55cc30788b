"""How whatever goes wrong in the JSON API is answered: one shape, honest statuses, never HTML."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from portal.answers import CONTENT_TYPE, OUTAGE_RETRY_SECONDS, refusal
from portal.errors import (
    Malformed,
    MethodRefused,
    NotFound,
    Rejected,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from portal.outages import is_outage

logger = logging.getLogger(__name__)

# How the kinds of a body are told apart inside: no caller has to know.
_BRANCHES = {"from_offer", "from_fields"}
BODY_NOT_JSON = Malformed("request_malformed", _("The body is not a JSON object in UTF-8."))
TOO_LARGE = TooLarge("body_too_large", _("The body is larger than the API takes."))
AWAY = Unavailable("database_away", _("We are away for a moment. Please try again soon."))
FAILED = _("Something went wrong on our side.")
_BY_STATUS: Mapping[int, Rejected] = {
    400: Malformed("request_malformed", _("This request is not well-formed.")),
    403: Rejected("request_not_allowed", _("This is not allowed.")),
    404: NotFound("path_not_found", _("There is nothing at this address.")),
    405: MethodRefused("method_not_allowed", _("This address does not take that method.")),
    413: TOO_LARGE,
}


def malformed(fields: Mapping[str, str]) -> Malformed:
    """Return the refusal of a request that is not what the interface describes."""
    return Malformed("request_malformed", _("This request is not well-formed."), fields)


def refused(error: Rejected) -> HttpResponse:
    """Return a refusal with the headers that its status asks for."""
    response = refusal(error)
    if "seconds" in error.values:
        response.headers["Retry-After"] = str(error.values["seconds"])
    elif isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(OUTAGE_RETRY_SECONDS)
    elif isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def away(error: Exception) -> HttpResponse:
    """Return 503 with Retry-After for a database that cannot be had."""
    logger.error("The database is away: %s", type(error).__name__)
    return refused(AWAY)


def as_json(response: HttpResponse) -> HttpResponse:
    """Turn what Django answered to people (a page, or nothing) into the API's refusal of that status.

    Its other headers stay: what binds browsers, and the methods that there are.
    """
    error = _BY_STATUS.get(response.status_code) or Rejected("internal_error", FAILED)
    response.content = refusal(error).content
    response.headers["Content-Type"] = CONTENT_TYPE
    response.headers["Content-Length"] = str(len(response.content))
    # The page that it was may have been compressed already.
    response.headers.pop("Content-Encoding", None)
    return response


def handle_errors(api: NinjaAPI) -> None:
    """Let an API answer in the one shape."""
    api.add_exception_handler(Rejected, lambda _request, error: refused(cast("Rejected", error)))
    api.add_exception_handler(ValidationError, _values_malformed)
    api.add_exception_handler(HttpError, _body_malformed)
    api.add_exception_handler(OperationalError, _database_away)
    api.add_exception_handler(InterfaceError, _database_away)
    api.add_exception_handler(IntegrityError, _database_away)
    api.add_exception_handler(RequestDataTooBig, lambda _request, _error: refused(TOO_LARGE))
    api.add_exception_handler(UnreadablePostError, lambda _request, _error: refused(BODY_NOT_JSON))


def _database_away(_request: HttpRequest, error: Any) -> HttpResponse:
    if not is_outage(error):
        raise error
    return away(error)


def _values_malformed(_request: HttpRequest, error: Any) -> HttpResponse:
    """Answer which values are not what the interface describes, and why."""
    fields: dict[str, str] = {}
    for problem in error.errors:
        source, *path = (str(part) for part in problem["loc"] if part not in _BRANCHES)
        # Before a body's own names stands that of the parameter in our code.
        names = path[1:] if source == "body" else path
        words = str(problem["msg"]).removeprefix("Value error, ")
        fields.setdefault(".".join(names) or source, words)
    return refused(malformed(fields))


def _body_malformed(_request: HttpRequest, error: Any) -> HttpResponse:
    """Answer a body that could not be read; the library wraps what our parser raised."""
    cause = error.__cause__
    return refused(cause if isinstance(cause, Rejected) else BODY_NOT_JSON)
