"""What every request shows its operator: how long it took, an id for its log lines, and how the machine is.

First of all middleware, so that it sees every answer, whoever made it. Probes are answered here: they come
from load balancers, without TLS, by any host name, and cost as little as can be.
"""

import random
import re
import time
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from operations.probes import PROBES
from portal.logs import request_id
from portal.metrics import note_request

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)

Handler = Callable[[HttpRequest], HttpResponse]


class SightMiddleware:
    """Count and time requests, give each an id, and answer probes."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the request's id in X-Request-ID."""
        began = time.perf_counter()
        probe = PROBES.get(request.path_info)
        own_id = _id_of(request)
        # Left in place: Django writes its line about a refused request after all middleware.
        request_id.set(own_id)
        response = (probe and probe(request)) or self.get_response(request)
        response.headers[HEADER] = own_id
        if probe is None:
            # A number that cannot be kept costs nobody their answer.
            with suppress(OSError):
                note_request(request, response, time.perf_counter() - began)
        return response


def _id_of(request: HttpRequest) -> str:
    """Return the id that a proxy of ours gave, or a new one: strangers' ids would mix up the log."""
    told: str = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXIES else ""
    if told and _WELL_FORMED.fullmatch(told):
        return told
    # Nobody gains by guessing it, and asking the system for a secret costs as much as noting the request.
    return f"{random.getrandbits(64):016x}"
