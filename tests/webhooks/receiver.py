"""A receiver of webhooks on this machine that answers as it is told, and what tests do with it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import time_machine

from events.domain import Change, record
from tests.make import CLERK, NOW, make_hotel
from webhooks.dispatch import dispatch
from webhooks.domain import create_subscription
from webhooks.models import Delivery, Subscription
from webhooks.tasks import deliver


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets; `status`, `location`, `wait_seconds` and `drips` say how it answers.

    It answers nobody while `answers` is cleared.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.location = ""
        self.wait_seconds = 0.0
        self.drips = ""
        self.answers = threading.Event()
        self.answers.set()
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?key=k-private"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _body in self.got]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        server.answers.wait()
        time.sleep(server.wait_seconds)  # noqa: TID251
        # Before it is answered: what the portal sends next may be here before this goes on.
        with server.lock:
            server.under_way -= 1
        try:
            self._answer()
        except OSError:
            # The portal has hung up.
            self.close_connection = True

    def _answer(self) -> None:
        if self.server.drips:
            for letter in self.server.drips:
                self.wfile.write(letter.encode())
                self.wfile.flush()
                time.sleep(0.1)  # noqa: TID251
            return
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answers.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def subscribe(url: str, hotel_uid: str = "hotel-a", *, now: datetime = NOW, **fields: Any) -> Subscription:
    return create_subscription(hotel=make_hotel(hotel_uid), url=url, by=CLERK, now=now, **fields)


def happen(
    subject: str = "v-1", *, kind: str = "voucher.issue", issuer_uid: str = "hotel-a", now: datetime = NOW
) -> None:
    record([Change(kind, "voucher", subject, issuer_uid, {}, {"status": "issued"})], by=CLERK, now=now)


def work_at(now: datetime, *, tick: bool = False) -> int:
    """Dispatch at a moment and run what went into the queue; returns how many."""
    from django_tasks_db.models import DBTaskResult

    with time_machine.travel(now, tick=tick):
        queued = dispatch(now)
        jobs = DBTaskResult.objects.filter(status="READY", queue_name="webhooks").order_by("enqueued_at")
        for job in list(jobs):
            deliver.func(*job.args_kwargs["args"])
            job.delete()
    return queued


def only_delivery() -> Delivery:
    return Delivery.objects.select_related("subscription").get()
