"""See a hotel's events as a receiver of webhooks gets them."""

import ipaddress
import queue
import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.actors import system
from portal.errors import Rejected
from webhooks.domain import create_subscription, remove_subscription
from webhooks.listener import HOST, Listener
from webhooks.management.commands.create_webhook import hotel_named, types_in
from webhooks.network import is_allowed_private

BY = system("listen_webhooks")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Command(BaseCommand):
    """Subscribe a receiver on this machine for a while, and print what it gets."""

    help = (
        "Listen on 127.0.0.1, subscribe to a hotel's events until stopped, check each signature, and "
        "print one line of JSON for each event. `manage.py work` has to run: it delivers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose events, where, and how many."""
        parser.add_argument("--hotel", required=True, metavar="UID", help="uid of the hotel")
        parser.add_argument("--port", type=int, default=8901, help="port on 127.0.0.1; 8901 without it")
        parser.add_argument("--types", default="", help="types of event, separated by commas; without, all")
        parser.add_argument("--count", type=int, help="stop after so many events")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Listen until stopped; the webhook is removed whatever happens."""
        if not is_allowed_private(ipaddress.ip_address(HOST)):
            raise CommandError(
                "Webhooks may not go to this machine: set WEBHOOK_PRIVATE_NETWORKS=127.0.0.1/32, "
                "for the worker too."
            )
        hotel = hotel_named(options["hotel"])
        if options["count"] is not None and options["count"] < 1:
            raise CommandError("--count has to be at least 1.")
        try:
            listener = Listener(options["port"], note=self.stderr.write)
        except (OSError, OverflowError) as error:
            raise CommandError(f"Cannot listen on {HOST}:{options['port']}: {error}.") from None
        before = signal.signal(signal.SIGTERM, _stop)
        webhook = None
        try:
            webhook = create_subscription(
                hotel=hotel,
                url=listener.url,
                event_types=types_in(options["types"]),
                by=BY,
                now=timezone.now(),
            )
            listener.secret = webhook.secret
            threading.Thread(target=listener.serve_forever, daemon=True).start()
            self.stderr.write(f"Webhook {webhook.pk} of {hotel.pk} listens on {listener.url}")
            self._print_events(listener, options["count"])
        except Rejected as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
        finally:
            signal.signal(signal.SIGTERM, before)
            if webhook is not None:
                remove_subscription(subscription_id=webhook.pk, by=BY, now=timezone.now())
            listener.server_close()

    def _print_events(self, listener: Listener, count: int | None) -> None:
        printed = 0
        while count is None or printed < count:
            try:
                event = listener.events.get(timeout=1)
            except queue.Empty:
                continue
            self.stdout.write(orjson.dumps(event).decode())
            self.stdout.flush()
            printed += 1
