"""Ids of requests, lines of the log, and reports of errors."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.logs import JsonFormatter, RedactSecrets, redact, request_id
from portal.reporting import scrub
from portal.sight import HEADER
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parent.parent.parent


def record_of(message: str, *args: object, **fields: Any) -> logging.LogRecord:
    record = logging.LogRecord("portal.x", logging.WARNING, "x.py", 1, message, args, fields.get("exc_info"))
    RedactSecrets().filter(record)
    return record


# Ids


@pytest.mark.django_db
def test_every_answer_carries_an_id_of_its_own(client: Client) -> None:
    ids = [
        client.get(path).headers[HEADER] for path in ("/", "/", "/nothing/", "/api/voucher/list", "/healthz")
    ]
    assert len(set(ids)) == len(ids)
    assert all(len(found) == 16 for found in ids)


@pytest.mark.parametrize(
    ("proxies", "told", "is_taken"),
    [
        (1, "0123456789abcdef", True),
        (1, "a" * 64, True),
        (0, "0123456789abcdef", False),
        (1, "short", False),
        (1, "a" * 65, False),
        (1, "0123456789\tinjected", False),
        (1, "01234567é", False),
        (1, "", False),
    ],
)
def test_an_id_is_taken_from_a_proxy_of_ours_alone(
    client: Client, settings: Any, proxies: int, told: str, is_taken: bool
) -> None:
    settings.TRUSTED_PROXIES = proxies
    answered = client.get("/healthz", headers={"x-request-id": told}).headers[HEADER]
    assert (answered == told) is is_taken


@pytest.mark.django_db
def test_the_lines_of_a_request_carry_its_id(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = next(found for found in logging.getLogger().handlers if type(found) is logging.StreamHandler)
    log = io.StringIO()
    monkeypatch.setattr(handler, "stream", log)
    monkeypatch.setattr(handler, "formatter", JsonFormatter())
    answered = client.get("/nothing/here/").headers[HEADER]
    (line,) = [json.loads(text) for text in log.getvalue().splitlines()]
    assert line["request_id"] == answered
    assert (line["level"], line["logger"], line["status"]) == ("WARNING", "django.request", 404)


# Lines


def test_a_line_is_one_object_whatever_it_says() -> None:
    request_id.set("")
    try:
        raise ValueError("two\nlines of ann@guest.example")
    except ValueError:
        record = record_of('odd "words"\nand %s', "lines", exc_info=sys.exc_info())
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == 'odd "words"\nand lines'
    assert "ValueError: two\nlines of …@…" in line["error"]
    assert line["at"].endswith("Z")
    assert "request_id" not in line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mail to ann.visser+x@guest.example failed", "mail to …@… failed"),
        ("key hvp_AbC-9_x is odd", "key hvp_… is odd"),
        ("postgres://portal:p4ss@db/portal is away", "postgres://portal:…@db/portal is away"),
        ("redis://:p4ss@cache:6379/0", "redis://:…@cache:6379/0"),
        ("nothing @ all to hide", "nothing @ all to hide"),
        ("/guest/SECRET/ and /claim/SECRET", "/guest/…/ and /claim/…"),
    ],
)
def test_secrets_and_addresses_of_people_are_blackened(text: str, kept: str) -> None:
    assert redact(text) == kept
    assert record_of("%s", text).getMessage() == kept


# Reports


def test_a_report_holds_nothing_of_a_person() -> None:
    event: Any = {
        "user": {"id": 7, "ip_address": "10.0.0.1"},
        "extra": {"sys.argv": ["x"]},
        "breadcrumbs": {"values": [{"message": "ann@guest.example"}]},
        "request": {
            "method": "POST",
            "url": "https://x.example/guest/SECRET/",
            "query_string": "q=Ann",
            "cookies": {"guest": "SECRET"},
            "headers": {"X-TS-APIKEY": "SECRET"},
            "data": {"name": "Ann"},
            "env": {"REMOTE_ADDR": "10.0.0.1"},
        },
        "logentry": {
            "message": "mail %s",
            "params": ["ann@guest.example"],
            "formatted": "mail ann@guest.example",
        },
        "message": "ann@guest.example",
        "transaction": "/claim/SECRET",
        "exception": {"values": [{"type": "ValueError", "value": "row ann@guest.example"}]},
    }
    text = json.dumps(scrub(event, {}))
    for secret in ("ann@", "SECRET", "10.0.0.1", '"Ann"', "q=Ann"):
        assert secret not in text
    assert "ValueError" in text
    assert "https://x.example/guest/" in text


_BREAK = """
import logging, django
django.setup()
from django.test import Client
from portal import views
import portal.urls
def broken(request):
    name = "Ann Visser"
    raise RuntimeError("no mail to ann@guest.example")
(manifest,) = [route for route in portal.urls.urlpatterns if getattr(route, "name", "") == "manifest"]
manifest.callback = broken
browser = Client(raise_request_exception=False, headers={"host": "localhost", "cookie": "guest=SECRET"})
answer = browser.post("/?q=Ann", {"name": "Ann Visser"})
print(answer.status_code)
"""


def run_broken(**env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _BREAK],
        cwd=ROOT,
        env={**os.environ, "PLAIN_HTTP": "1", "DJANGO_SETTINGS_MODULE": "tests.settings", **env},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        check=True,
    )
    return done.stdout.strip()


def test_an_error_is_reported_without_what_the_guest_typed_and_the_process_ends_in_time() -> None:
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        dsn = f"http://key@127.0.0.1:{server.server_port}/1"
        assert run_broken(SENTRY_DSN=dsn) == "500"
    finally:
        server.shutdown()
        server.server_close()
    import gzip

    (envelope,) = [gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in got]
    text = envelope.decode()
    assert "RuntimeError" in text
    assert "no mail to" in text
    for secret in ("ann@guest", "Ann Visser", "SECRET", "q=Ann"):
        assert secret not in text


def test_nothing_is_imported_where_no_receiver_is_named() -> None:
    code = "import django, sys; django.setup(); print('sentry_sdk' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PLAIN_HTTP": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
