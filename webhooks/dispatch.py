"""From the journal to the queue: which events become deliveries, and which deliveries go now."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from events.models import Event
from events.order import number_events
from events.queries import events_after, journal_end
from webhooks.deliveries import RUN_LEASE
from webhooks.event_types import TEST
from webhooks.models import Delivery, Subscription
from webhooks.tasks import deliver

# An import of old data must not flood receivers.
OLDEST = timedelta(days=3)
MOST_EVENTS = 500
# So many of one receiver's deliveries are in the queue at most; the others' come in between.
MOST_QUEUED = 100
# What was handed to the queue is handed to it again after this: its worker may have died with the
# job in hand. Two jobs of one delivery send it once.
QUEUE_LEASE = timedelta(seconds=60)


def dispatch(now: datetime) -> int:
    """Make deliveries of new events, and put into the queue those that are due; returns how many.

    Any number of workers may do this at once: each event becomes one delivery, and each
    delivery is in the queue once.
    """
    number_events()
    _take_new_events(now)
    return sum(_queue_due(subscription, now) for subscription in _with_due(now))


def _take_new_events(now: datetime) -> None:
    end = journal_end()
    new = Event.objects.filter(issuer_uid=OuterRef("hotel_id"), position__gt=OuterRef("position"))
    for subscription in Subscription.objects.filter(Exists(new), is_active=True, position__lt=end):
        _take(subscription, end, now)


def _take(subscription: Subscription, end: int, now: datetime) -> None:
    wanted = subscription.event_types
    events = events_after(
        subscription.position,
        issuer_uid=subscription.hotel_id,
        types=[*wanted, TEST] if wanted else (),
        limit=MOST_EVENTS,
    )
    last = events[-1].position or 0 if events else 0
    if len(events) < MOST_EVENTS:
        last = max(last, end)
    with transaction.atomic():
        # Whoever moves the position on has these events: another worker changes no row.
        here = Subscription.objects.filter(pk=subscription.pk, position=subscription.position, is_active=True)
        if not here.update(position=last):
            return
        Delivery.objects.bulk_create(
            Delivery(subscription=subscription, event=event, created_at=now, next_attempt_at=now)
            for event in events
            if event.created_at > now - OLDEST and (event.type != TEST or event.subject_id == subscription.pk)
        )


def _with_due(now: datetime) -> list[Subscription]:
    """Return the webhooks that have something due, whose receivers may be tried now."""
    due = Delivery.objects.due(now).filter(subscription=OuterRef("pk"))
    may_be_tried = Q(failing_since=None) | Q(retry_at__lte=now)
    return list(Subscription.objects.filter(may_be_tried, Exists(due), is_active=True))


def _queue_due(subscription: Subscription, now: datetime) -> int:
    deliveries = Delivery.objects.filter(subscription=subscription)
    is_failing = subscription.failing_since is not None
    most = 1 if is_failing or subscription.is_slow else MOST_QUEUED
    in_hand = deliveries.open().filter(lease_until__gt=now).count()
    # What is in hand of a failing receiver is from before it failed, and is let go.
    free = most if is_failing else most - in_hand
    due = deliveries.due(now).order_by("next_attempt_at", "pk")
    keys = list(due.values_list("pk", flat=True)[: max(free, 0)])
    if not keys or (is_failing and not _is_trial(subscription, keys[0], now)):
        return 0
    queued = 0
    with transaction.atomic():
        for key in keys:
            mine = Delivery.objects.due(now).filter(pk=key)
            if mine.update(lease_until=now + QUEUE_LEASE, is_running=False):
                deliver.enqueue(key)
                queued += 1
    return queued


def _is_trial(subscription: Subscription, delivery_id: int, now: datetime) -> bool:
    """Let one delivery try a receiver that fails, if no other does; for as long as an attempt has."""
    untried = Subscription.objects.filter(pk=subscription.pk, failing_since__isnull=False, retry_at__lte=now)
    return bool(untried.update(trial=delivery_id, retry_at=now + RUN_LEASE))
