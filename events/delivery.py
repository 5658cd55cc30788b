"""Upkeep of the queue that delivers what was committed: jobs of dead workers, and old results."""

from datetime import datetime, timedelta

from django_tasks_db.models import DBTaskResult

# No job of ours takes this long: whoever claimed one before that is dead.
LEASE = timedelta(minutes=10)
KEEP_RESULTS = timedelta(days=7)


def requeue_abandoned(now: datetime) -> int:
    """Make the jobs that a dead worker left running ready again; returns how many."""
    abandoned = DBTaskResult.objects.running().filter(started_at__lt=now - LEASE)
    return int(abandoned.update(status="READY", started_at=None))


def prune_finished(now: datetime) -> int:
    """Delete the results of jobs that ended a week ago; returns how many."""
    old = DBTaskResult.objects.finished().filter(finished_at__lt=now - KEEP_RESULTS)
    return int(old.delete()[0])
