"""Upkeep of the queue that delivers what was committed: jobs of dead workers, and old results."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django_tasks_db.models import DBTaskResult

# No job of ours takes this long: whoever claimed one before that is dead.
LEASE = timedelta(minutes=10)
# A job that breaks off again and again is left at last.
TRY_FOR = timedelta(days=3)


def requeue_abandoned(now: datetime) -> int:
    """Make ready again the jobs that a dead worker left running, and those that broke off.

    A job handles what may go wrong with its own work; one that broke off was torn from it,
    by a worker that was stopped twice or a database that went away. Returns how many.
    """
    # One that begins in the future was taken by a clock that was wrong.
    is_over = Q(started_at__lt=now - LEASE) | Q(started_at__gt=now + LEASE)
    abandoned = DBTaskResult.objects.running().filter(is_over)
    broken = DBTaskResult.objects.failed().filter(finished_at__lt=now - LEASE, enqueued_at__gt=now - TRY_FOR)
    again: dict[str, Any] = {"status": "READY", "started_at": None, "finished_at": None}
    return int(abandoned.update(**again)) + int(broken.update(**again))


def prune_finished(now: datetime, *, keep: timedelta) -> int:
    """Delete the results of jobs that ended so long ago; returns how many."""
    old = DBTaskResult.objects.finished().filter(finished_at__lt=now - keep)
    return int(old.delete()[0])
