"""What becomes of a delivery: who has it in hand, how an attempt ended, when the next one is."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from portal.actors import CLOCK
from portal.errors import Conflict
from portal.ready import Given, Ready
from webhooks.domain import switch_off
from webhooks.models import Delivery, Subscription

# An attempt takes half of this at most: whoever has held one for longer is dead.
RUN_LEASE = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(days=3)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
WAITS = (
    timedelta(seconds=10),
    _MINUTE,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    6 * _HOUR,
    12 * _HOUR,
)
# A receiver that fails is asked again by any delivery after this; it may be well again.
LONGEST_PAUSE = 5 * _MINUTE
SLOW = timedelta(seconds=1)
GONE = 410

_WITH_ALL = Ready(
    lambda: Delivery.objects.select_related("subscription", "event").filter(pk=Given("key")).order_by()
)


def wait_after(attempts: int, *, jitter: float) -> timedelta:
    """Return the back-off after the given number of failed attempts (from 1).

    `jitter`, from 0 to 1, makes it longer by up to a tenth: deliveries that failed together shall not come
    back together.
    """
    return WAITS[min(attempts, len(WAITS)) - 1] * (1 + jitter / 10)


def claim(delivery_id: int, *, now: datetime) -> Delivery | None:
    """Take a delivery that is due in hand, for RUN_LEASE.

    Returns None for one that another worker has, that has ended or is not due, whose webhook
    is off, or whose receiver fails and is being tried by another delivery.
    """
    mine = Delivery.objects.open().filter(pk=delivery_id, next_attempt_at__lte=now)
    unclaimed = mine.filter(Q(is_running=False) | Q(lease_until__lte=now))
    if not unclaimed.update(is_running=True, lease_until=now + RUN_LEASE):
        return None
    delivery = _WITH_ALL.get(key=delivery_id)
    receiver = delivery.subscription
    is_anothers_turn = receiver.failing_since is not None and receiver.trial != delivery.pk
    if is_anothers_turn or not receiver.is_active:
        _let_go(delivery)
        return None
    return delivery


@transaction.atomic
def note_success(delivery: Delivery, *, status: int, took: timedelta, now: datetime) -> None:
    """Note that the receiver has the event."""
    is_slow = took > SLOW
    changed = Q(failing_since__isnull=False) | ~Q(is_slow=is_slow)
    Subscription.objects.filter(changed, pk=delivery.subscription_id).update(
        failing_since=None, failures=0, retry_at=None, trial=None, is_slow=is_slow
    )
    Delivery.objects.open().filter(pk=delivery.pk).update(
        delivered_at=now, next_attempt_at=None, last_error="", **_attempt(delivery, status, took)
    )


@transaction.atomic
def note_failure(
    delivery: Delivery, *, status: int | None, error: str, took: timedelta, jitter: float, now: datetime
) -> None:
    """Note a failed attempt, and decide on the next, or on giving up.

    `error` says what happened without any part of the address; `jitter` is that of `wait_after`. A
    receiver that says 410 is switched off at once, one of which nothing has come for GIVE_UP_AFTER as well.
    """
    # The webhook's row first, as everywhere: two that lock in turn do not wait for each other.
    receivers = Subscription.objects.filter(pk=delivery.subscription_id)
    receivers.update(
        failing_since=Coalesce("failing_since", now), failures=F("failures") + 1, trial=None, retry_at=now
    )
    receiver = receivers.first()
    if receiver is None:
        return
    receivers.update(retry_at=now + min(wait_after(receiver.failures, jitter=jitter), LONGEST_PAUSE))
    again_at = now + wait_after(delivery.attempts + 1, jitter=jitter)
    is_last = status == GONE or again_at - delivery.created_at > GIVE_UP_AFTER
    ending = {"failed_at": now, "next_attempt_at": None} if is_last else {"next_attempt_at": again_at}
    Delivery.objects.open().filter(pk=delivery.pk).update(
        **ending, last_error=error[:100], **_attempt(delivery, status, took)
    )
    if status == GONE:
        _switch_off(receiver, "the receiver says that it is gone (410)", now=now)
    elif receiver.failing_since is not None and now - receiver.failing_since >= GIVE_UP_AFTER:
        _switch_off(receiver, "every delivery has failed for three days", now=now)


def _attempt(delivery: Delivery, status: int | None, took: timedelta) -> dict[str, object]:
    return {
        "attempts": delivery.attempts + 1,
        "last_status": status,
        "duration_ms": int(took / timedelta(milliseconds=1)),
        "lease_until": None,
        "is_running": False,
    }


def _let_go(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(lease_until=None, is_running=False)


def _switch_off(receiver: Subscription, reason: str, *, now: datetime) -> None:
    try:
        switch_off(subscription_id=receiver.pk, by=CLOCK, now=now, reason=reason)
    except Conflict:
        # Another delivery, or a member of staff, was first.
        return
