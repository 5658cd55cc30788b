"""What the portal counts for its operator; any layer may count, `operations` shows it.

With PROMETHEUS_MULTIPROC_DIR, which gunicorn.conf.py sets, the numbers of all processes are kept in
files there and added up when they are asked for. Labels hold nothing that a stranger chooses.
"""

from functools import cache
from typing import Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_OTHER: Final = "other"
# Codes stand in the code, so that there are not many; a bound all the same.
MOST_CODES: Final = 300
# Views with their methods and kinds of answers, about four for each view; strangers choose the methods. The
# files of numbers have room for these (metrics_files.ROOM).
MOST_SERIES: Final = 800
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

_requests = Histogram(
    "portal_request_seconds",
    "How long requests took, by view; their number is its count.",
    ("view", "method", "status"),
    buckets=_SECONDS,
)
_events = Counter("portal_events", "Committed changes, by their type in the journal.", ("type",))
_refusals = Counter("portal_refusals", "Requests that a rule refused, by code.", ("code",))
_limits = Counter("portal_limits_hit", "Requests beyond a limit, by its kind.", ("kind",))

_codes: set[str] = set()


@cache
def _series(view: str, method: str, status: str) -> Histogram:
    # Finding a series by its labels takes longer than adding to it.
    if _series.cache_info().currsize >= MOST_SERIES:
        view = method = _OTHER  # however many more there are, they come to five series
    return _requests.labels(view, method, status)


def note_request(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Count an answer with its time; what no view was found for is counted together."""
    match = request.resolver_match
    view = match.view_name if match is not None and response.status_code != 404 else _OTHER
    method = request.method if request.method in _METHODS else _OTHER
    _series(view, method or _OTHER, f"{response.status_code // 100}xx").observe(seconds)


def note_event(kind: str, number: int = 1) -> None:
    """Count changes of one type when, and if, the caller's transaction is committed."""
    # Robust: a number that cannot be kept undoes nothing that is stored.
    transaction.on_commit(lambda: _events.labels(kind).inc(number), robust=True)


def note_refusal(code: str) -> None:
    """Count a refusal that somebody was told."""
    if code not in _codes and len(_codes) >= MOST_CODES:
        code = _OTHER
    _codes.add(code)
    _refusals.labels(code).inc()


def note_limit(kind: str) -> None:
    """Count a request that went beyond a limit."""
    _limits.labels(kind).inc()
