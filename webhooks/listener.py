"""A small receiver of webhooks for one's own machine: it checks signatures and passes events on."""

import queue
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

HOST = "127.0.0.1"
_MOST_BYTES = 1024 * 1024


class Listener(ThreadingHTTPServer):
    """Listens on 127.0.0.1; events whose signature is good come into `events`, each once."""

    daemon_threads = True

    def __init__(self, port: int, *, note: Callable[[str], object]) -> None:
        super().__init__((HOST, port), _Handler)
        self.secret = ""
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: set[str] = set()
        self.note = note

    @property
    def url(self) -> str:
        """Return where it is reached."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = 15

    def do_POST(self) -> None:
        """Take an event."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _MOST_BYTES:
            self._answer(400)
            return
        body = self.rfile.read(int(length))
        try:
            event = Webhook(self.server.secret).verify(body, dict(self.headers.items()))
        except (WebhookVerificationError, ValueError):
            self.server.note("A request without a good signature was refused.")
            self._answer(401)
            return
        event_id = str(self.headers["webhook-id"])
        # What comes twice, after an answer that was lost, is told once.
        if event_id not in self.server.seen:
            self.server.seen.add(event_id)
            self.server.events.put(event)
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: events are told where they are taken out."""
