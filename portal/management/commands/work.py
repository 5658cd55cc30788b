"""The worker: sends what is owed, and keeps the house."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connections
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker

from access.domain import prune as prune_access
from bookings.holds import prune_holds
from bookings.reminders import owe_reminders
from bulk.domain import prune_jobs, take_up_again
from bulk.tasks import QUEUE as BULK
from events.delivery import requeue_abandoned
from guests.domain import forget_by_age, prune_requests
from legacy.bindings import prune_bindings
from operations.domain import Heart
from operations.retention import prune
from parties.domain import prune_parties
from portal.actors import CLOCK
from portal.sqlite.upkeep import learn_statistics
from presence.rooms import prune_presence
from vouchers.domain import all_due
from waiting.domain import prune_waiting, serve_all
from webhooks.dispatch import dispatch
from webhooks.network import WHOLE_SECONDS
from webhooks.tasks import QUEUE as WEBHOOKS

logger = logging.getLogger(__name__)
EVERY_SECONDS = 60
CLEAR_EVERY_SECONDS = 3600
DISPATCH_EVERY_SECONDS = 1
SERVE_EVERY_SECONDS = 1
# How long to leave a database alone that was away.
AWAY_SECONDS = 5


def _has_to_wait(words: str, error: Exception) -> None:
    """Say that something will be tried again: a database that is away in a word, all else with its place."""
    if isinstance(error, Error):
        logger.warning("%s to wait: %s", words, type(error).__name__)
    else:
        logger.error("%s to wait", words, exc_info=error)


def keep_house() -> None:
    """Store what has expired, take back the jobs of dead workers, owe reminders, drop what is short-lived.

    A step that fails does not keep the others from being taken; a database that is away does. Safe to
    run in any number of workers at once.
    """
    now = timezone.now()
    steps: dict[str, Callable[[], Any]] = {
        "expired": lambda: sum(all_due(by=CLOCK, now=now)),
        "requeued": lambda: requeue_abandoned(now) + take_up_again(now),
        "reminded": lambda: owe_reminders(now),
        "jobs": lambda: prune_jobs(now),
        "access": lambda: prune_access(now),
        "presence": lambda: prune_presence(now),
        "bindings": lambda: prune_bindings(now),
        "parties": lambda: prune_parties(now),
        "holds": lambda: prune_holds(now),
        "waiting": lambda: prune_waiting(now),
        "requests": lambda: prune_requests(now),
        "forgotten": lambda: forget_by_age(by=CLOCK, now=now),
    }
    done = dict.fromkeys(steps)
    for name, step in steps.items():
        try:
            done[name] = step()
        except Error:
            raise
        except Exception as error:
            _has_to_wait(f"Housekeeping ({name}) has", error)
    if done["forgotten"]:
        logger.info("The guests of %s old bookings are forgotten", done["forgotten"])
    told = [done[name] or 0 for name in ("expired", "requeued", "reminded")]
    if any(told):
        logger.info("%s vouchers expired, %s jobs taken back, %s reminders owed", *told)


def clear_out() -> None:
    """Delete what is older than the settings keep it, and let SQLite look at what there is.

    Safe in any number of workers at once.
    """
    deleted = prune(timezone.now())
    learn_statistics()
    if deleted:
        logger.info("Deleted: %s", ", ".join(f"{number} {name}" for name, number in deleted.items()))


def _rests(stop: threading.Event, seconds: float) -> bool:
    """Wait for a while, without a connection of the pool where there is one; True when told to stop.

    A pool has fewer than there are threads here: one that waited with a connection in its hands would
    leave none for the mails. Without a pool each thread keeps its own.
    """
    close_old_connections()
    return stop.wait(seconds)


def _keep_house_for_ever(stop: threading.Event) -> None:
    cleared_at = float(-CLEAR_EVERY_SECONDS)
    while True:
        close_old_connections()
        try:
            keep_house()
            if time.monotonic() - cleared_at >= CLEAR_EVERY_SECONDS:
                clear_out()
                cleared_at = time.monotonic()
        except Exception as error:
            _has_to_wait("Housekeeping has", error)
        if _rests(stop, EVERY_SECONDS):
            return


def _dispatch_for_ever(stop: threading.Event) -> None:
    heart = Heart()
    while not _rests(stop, DISPATCH_EVERY_SECONDS):
        try:
            dispatch(timezone.now())
            heart.beat(timezone.now())
        except Exception as error:
            _has_to_wait("Webhooks have", error)
            _rests(stop, AWAY_SECONDS)


def _serve_for_ever(stop: threading.Event) -> None:
    while not _rests(stop, SERVE_EVERY_SECONDS):
        try:
            serve_all(timezone.now())
        except Exception as error:
            _has_to_wait("The waiting lists have", error)
            _rests(stop, AWAY_SECONDS)


def _worker_of(queues: list[str], *, excluded: list[str] | None = None, startup_delay: bool = False) -> Any:
    """Return what takes jobs of these queues, or of all but the excluded ones, and runs them."""
    return Worker(
        queue_names=queues,
        excluded_queue_names=excluded or [],
        interval=1,
        batch=False,
        backend_name="default",
        startup_delay=startup_delay,
        max_tasks=None,
        worker_id=get_random_string(32),
    )


class QueueThread(threading.Thread):
    """Runs the jobs of a queue one after the other, and goes on when the database was away."""

    def __init__(self, stop: threading.Event, queue: str) -> None:
        super().__init__(daemon=True)
        self._stop_asked = stop
        self._queue = queue
        self._worker = _worker_of([queue], startup_delay=True)

    def run(self) -> None:
        """Work until told to stop."""
        while self._worker.running:
            try:
                self._worker.run()
            except Exception as error:
                _has_to_wait(f"The queue {self._queue} has", error)
                _rests(self._stop_asked, AWAY_SECONDS)
        connections.close_all()

    def ask_to_end(self) -> None:
        """Let what is on its way end, and take nothing more."""
        self._worker.running = False


def _run_queue() -> None:
    """Run all other jobs in the main thread, which has the signals; returns when told to stop.

    A signal is noted, and nothing else: the library's own handler ends the process at once where no job
    runs, which may be after one was taken and before it was begun, and ends a job at the second signal.
    SIGQUIT still ends it at once.
    """
    worker = _worker_of(["*"], excluded=[WEBHOOKS, BULK])

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.running = False

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    while worker.running:
        try:
            worker.run()
        except Exception as error:
            _has_to_wait("The queue has", error)
            close_old_connections()
            time.sleep(AWAY_SECONDS)


class Command(BaseCommand):
    """Run jobs from the queue, webhooks and housekeeping, until told to stop."""

    help = (
        "Run the worker: mails from the queue at once, webhooks, waiting lists and bulk work beside them, "
        "expiry and upkeep every minute."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Keep house, deliver webhooks and do bulk work in threads of their own, whose end is waited for."""
        stop = threading.Event()
        for target in (_keep_house_for_ever, _dispatch_for_ever, _serve_for_ever):
            threading.Thread(target=target, args=(stop,), daemon=True).start()
        queues = [WEBHOOKS] * settings.WEBHOOK_THREADS + [BULK]
        deliverers = [QueueThread(stop, queue) for queue in queues]
        for thread in deliverers:
            thread.start()
        try:
            _run_queue()
        finally:
            stop.set()
            for thread in deliverers:
                thread.ask_to_end()
            ended_by = time.monotonic() + WHOLE_SECONDS + 2
            for thread in deliverers:
                thread.join(max(0, ended_by - time.monotonic()))
