"""What is deleted of itself, table by table; docs/operations.md lists it with its settings."""

from collections.abc import Callable
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet

from access.domain import prune as prune_access
from bookings.models import Mail
from events.delivery import prune_finished
from webhooks.domain import prune_deliveries

# In one go, and thus under one lock: what is left over goes an hour later.
MOST_AT_ONCE = 5000


def _delete(rows: "QuerySet[Model]") -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    return int(rows.model._default_manager.filter(pk__in=keys).delete()[0]) if keys else 0


def _mails(now: datetime) -> int:
    """Delete mails that were sent or given up; the bookings that they told of stay."""
    before = now - timedelta(days=settings.KEEP_MAILS_DAYS)
    return _delete(Mail.objects.ended().filter(created_at__lt=before))


def _sessions(now: datetime) -> int:
    """Delete sessions of staff that have run out."""
    return _delete(Session.objects.filter(expire_date__lt=now))


def _sign_ins(now: datetime) -> int:
    """Delete what was noted of sign-in attempts, long after the last lock that came of it."""
    before = now - timedelta(days=settings.KEEP_SIGN_INS_DAYS)
    kept: tuple[type[Model], ...] = (AccessAttempt, AccessFailureLog, AccessLog)
    return sum(_delete(model._default_manager.filter(attempt_time__lt=before)) for model in kept)


def _jobs(now: datetime) -> int:
    return prune_finished(now, keep=timedelta(days=settings.KEEP_JOBS_DAYS))


def _deliveries(now: datetime) -> int:
    return prune_deliveries(now, keep=timedelta(days=settings.KEEP_DELIVERIES_DAYS))


RETENTION: dict[str, Callable[[datetime], int]] = {
    "mails": _mails,
    "sessions": _sessions,
    "sign-in attempts": _sign_ins,
    "results of jobs": _jobs,
    "deliveries of webhooks": _deliveries,
    "answers and usage of the API": prune_access,
}


def prune(now: datetime) -> dict[str, int]:
    """Delete what is older than the settings keep it; returns how much of each, where there was any.

    Safe to run in any number of workers at once.
    """
    deleted = {name: delete(now) for name, delete in RETENTION.items()}
    return {name: number for name, number in deleted.items() if number}
