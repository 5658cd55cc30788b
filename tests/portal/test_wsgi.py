"""What a web process loads before its first request."""

import os
import subprocess
import sys

from tests.servers import ROOT

# Of PDFs, calendars, outgoing requests and tables: each is for few requests. Of error reports: test_sight.py.
FOR_SOME = ("reportlab", "PIL", "icalendar", "requests", "openpyxl")


def loaded_by(module: str) -> set[str]:
    """Return what a new process has loaded once it has imported a module."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}, sys; print(*sys.modules)"],
        cwd=ROOT,
        env={**os.environ, "PLAIN_HTTP": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_every_page_is_loaded_and_what_few_requests_need_is_not() -> None:
    loaded = loaded_by("portal.wsgi")
    assert {"portal.urls", "bookings.views", "printing.views", "webhooks.admin"} <= loaded
    assert loaded.isdisjoint(FOR_SOME)
