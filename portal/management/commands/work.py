"""The worker: sends what is owed, and keeps the house."""

import logging
import threading
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections
from django.utils import timezone

from events.delivery import prune_finished, requeue_abandoned
from portal.actors import CLOCK
from vouchers.domain import all_due

logger = logging.getLogger(__name__)
EVERY_SECONDS = 60


def keep_house() -> None:
    """Store what has expired, take back the jobs of dead workers, and drop old results.

    Safe to run in any number of workers at once.
    """
    now = timezone.now()
    expired = sum(all_due(by=CLOCK, now=now))
    requeued = requeue_abandoned(now)
    prune_finished(now)
    if expired or requeued:
        logger.info("%s vouchers expired, %s jobs taken back", expired, requeued)


def _keep_house_for_ever(stop: threading.Event) -> None:
    while True:
        close_old_connections()
        try:
            keep_house()
        except Error as error:
            # The database is away or busy: the next round comes in a minute.
            logger.warning("Housekeeping has to wait: %s", type(error).__name__)
        if stop.wait(EVERY_SECONDS):
            return


class Command(BaseCommand):
    """Run jobs from the queue, and housekeeping every minute, until told to stop."""

    help = "Run the worker: mails from the queue at once, expiry and upkeep every minute."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Keep house in a thread of its own; the queue has the main thread, for its signals."""
        stop = threading.Event()
        threading.Thread(target=_keep_house_for_ever, args=(stop,), daemon=True).start()
        try:
            call_command("db_worker", reload=False, startup_delay=False, interval=1, verbosity=0)
        finally:
            stop.set()
