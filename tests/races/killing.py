"""A web process that dies at the worst moment: its change is committed, its answer not yet sent."""

import os
import signal
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.settings import *  # noqa: F403 - the portal's own settings

MIDDLEWARE = ["tests.races.killing.DyingMiddleware", *MIDDLEWARE]  # noqa: F405


class DyingMiddleware:
    """Kill the process when the answer is made, for requests that ask for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        # What has models cannot be loaded with the settings.
        from access import idempotency

        self._get_response = get_response
        # Twins of a request wait for it however slow this machine is: five seconds are tried elsewhere.
        idempotency._RESERVE_BRIEFLY = idempotency._RESERVE_BRIEFLY.replace("'5s'", "'100s'")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if "X-Test-Die" in request.headers:
            os.kill(os.getpid(), signal.SIGKILL)
        return response
