"""Measure what seeing a request costs: a heartbeat with and without portal.sight, in turn, in one process.

Usage: python -m tests.bench.sight [calls]

Processor time of the one thread, on SQLite, with the numbers in files as under gunicorn; the medians
of single calls.
"""

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM = 200
SIGHT = "portal.sight.SightMiddleware"


def handlers() -> dict[str, Callable[..., Any]]:
    """Return the application with and without the middleware."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler

    whole = list(settings.MIDDLEWARE)
    made = {"with": WSGIHandler()}
    settings.MIDDLEWARE = [name for name in whole if name != SIGHT]
    made["without"] = WSGIHandler()
    settings.MIDDLEWARE = whole
    return made


def request() -> tuple[dict[str, Any], bytes]:
    """Return what a guest's browser sends, with a cookie that is signed here."""
    from django.http import HttpResponse

    from presence.browser import COOKIE, remember_guest

    response = HttpResponse()
    remember_guest(response, "thinker-0123456789ab")
    body = b'{"thinker_id": "thinker-0123456789ab"}'
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/presence/heartbeat", "SCRIPT_NAME": "",
        "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": f"{COOKIE}={response.cookies[COOKIE].value}",
        "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
    }  # fmt: skip
    return environ, body


def measure(handler: Callable[..., Any], environ: dict[str, Any], body: bytes) -> float:
    """Return the microseconds of one call."""
    statuses: list[str] = []
    told = {**environ, "wsgi.input": io.BytesIO(body)}
    began = time.thread_time()
    handler(told, lambda status, _headers: statuses.append(status)).close()
    spent = (time.thread_time() - began) * 1e6
    assert statuses == ["200 OK"], statuses
    return spent


def main(calls: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "PROMETHEUS_MULTIPROC_DIR": folder,
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "SECRET_KEY": "only-for-the-benchmark",
            "PLAIN_HTTP": "1",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PRESENCE_PER_MINUTE": "100000000",
            "LOG_LEVEL": "WARNING",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        made, (environ, body) = handlers(), request()
        spent: dict[str, list[float]] = {"without": [], "with": []}
        for number in range(calls + WARM):
            for name in sorted(spent, reverse=number % 2 == 0):
                found = measure(made[name], environ, body)
                spent[name] += [found] if number >= WARM else []
        bare, whole = (statistics.median(spent[name]) for name in ("without", "with"))
        more = whole - bare
        print(
            f"A heartbeat takes {bare:.0f} µs without, {whole:.0f} µs with: {more:.0f} µs, {more / bare:.1%}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
