"""What can be done with webhooks; with deliveries.py the only writer of the app's tables."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from events.order import number_all_events
from portal.actors import Actor
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from vouchers.models import Hotel
from webhooks.event_types import KNOWN, TEST
from webhooks.models import Delivery, Subscription
from webhooks.signing import new_secret

BOTH_SECRETS_FOR = timedelta(hours=24)
MOST_PER_HOTEL = 20


def refuse_address(url: str) -> None:
    """Look at a receiver's address, and look its host up; not inside a transaction.

    Raises what `webhooks.network.refuse_url` raises.
    """
    from webhooks.network import refuse_url  # noqa: PLC0415 - the library of HTTP requests is loaded by who sends them

    refuse_url(url)


def create_subscription(
    *, hotel: Hotel, url: str, event_types: Collection[str] = (), by: Actor, now: datetime
) -> Subscription:
    """Make a webhook for the hotel's events from now on; no types means every type.

    Not to be called inside a transaction: the receiver's host is looked up.

    Raises what `refuse_address` raises, Rejected("webhook_type_unknown"), and
    Conflict("webhooks_too_many") when the hotel has MOST_PER_HOTEL.
    """
    for unknown in sorted(set(event_types) - set(KNOWN)):
        raise Rejected("webhook_type_unknown", _("There is no type of event “%(type)s”."), type=unknown)
    refuse_address(url)
    with transaction.atomic():
        Hotel.objects.select_for_update(no_key=True).get(pk=hotel.pk)
        if Subscription.objects.filter(hotel=hotel).count() >= MOST_PER_HOTEL:
            raise Conflict(
                "webhooks_too_many", _("A hotel has %(most)d webhooks at most."), most=MOST_PER_HOTEL
            )
        subscription = Subscription.objects.create(
            id=new_id("wh", now),
            hotel=hotel,
            url=url,
            event_types=sorted(event_types),
            secret=new_secret(),
            created_at=now,
        )
        _record(subscription, "create", before={}, after=_state(subscription), by=by, now=now)
        # The end of the journal after this event: what comes first is what happens next.
        subscription.position = number_all_events()
        subscription.save(update_fields=("position",))
    return subscription


@transaction.atomic
def rotate_secret(*, subscription_id: str, by: Actor, now: datetime) -> Subscription:
    """Give a webhook a new secret; both sign for BOTH_SECRETS_FOR, for the receiver to change over."""
    subscription = _locked(subscription_id)
    subscription.old_secret = subscription.secret
    subscription.old_secret_until = now + BOTH_SECRETS_FOR
    subscription.secret = new_secret()
    subscription.save(update_fields=("secret", "old_secret", "old_secret_until"))
    _record(subscription, "rotate", before={}, after={}, by=by, now=now)
    return subscription


@transaction.atomic
def switch_on(*, subscription_id: str, by: Actor, now: datetime) -> None:
    """Let a webhook's deliveries go on, with what happened meanwhile as far as it is not too old.

    Raises Conflict("webhook_on").
    """
    subscriptions = Subscription.objects.filter(pk=subscription_id, is_active=False)
    if not subscriptions.update(
        is_active=True,
        disabled_at=None,
        disabled_reason="",
        failing_since=None,
        failures=0,
        retry_at=None,
        trial=None,
    ):
        raise Conflict("webhook_on", _("This webhook is on."))
    subscription = Subscription.objects.get(pk=subscription_id)
    _record(subscription, "enable", before={"is_on": False}, after={"is_on": True}, by=by, now=now)


@transaction.atomic
def switch_off(*, subscription_id: str, by: Actor, now: datetime, reason: str = "") -> None:
    """Stop a webhook's deliveries; what is open stays so, for when it is switched on again.

    Raises Conflict("webhook_off").
    """
    subscriptions = Subscription.objects.filter(pk=subscription_id, is_active=True)
    if not subscriptions.update(is_active=False, disabled_at=now, disabled_reason=reason[:200]):
        raise Conflict("webhook_off", _("This webhook is off."))
    subscription = Subscription.objects.get(pk=subscription_id)
    _record(
        subscription,
        "disable",
        before={"is_on": True},
        after={"is_on": False},
        by=by,
        now=now,
        reason=reason,
    )


@transaction.atomic
def send_test(*, subscription_id: str, by: Actor, now: datetime) -> None:
    """Write an event that goes to this webhook alone, by the way that all go.

    Raises Conflict("webhook_off").
    """
    subscription = _locked(subscription_id)
    if not subscription.is_active:
        raise Conflict("webhook_off", _("This webhook is off."))
    record([_change(subscription, TEST, before={}, after={})], by=by, now=now)


@transaction.atomic
def remove_subscription(*, subscription_id: str, by: Actor, now: datetime) -> None:
    """Delete a webhook with its deliveries; removing one that is gone changes nothing."""
    subscription = Subscription.objects.select_for_update().filter(pk=subscription_id).first()
    if subscription is None:
        return
    _record(subscription, "delete", before=_state(subscription), after={}, by=by, now=now)
    subscription.delete()


@transaction.atomic
def redeliver(*, delivery_id: int, now: datetime) -> None:
    """Deliver an event again, with the id that it had; tried for as long as a new one.

    Raises Conflict("delivery_open") for one that is still being tried, and
    Conflict("webhook_off").
    """
    ended = Delivery.objects.filter(pk=delivery_id, next_attempt_at=None)
    if not ended.update(next_attempt_at=now, created_at=now, delivered_at=None, failed_at=None, attempts=0):
        raise Conflict("delivery_open", _("This delivery is still being tried."))
    if not Subscription.objects.filter(deliveries=delivery_id, is_active=True).exists():
        raise Conflict("webhook_off", _("This webhook is off."))


def prune_deliveries(now: datetime, *, keep: timedelta) -> int:
    """Delete the deliveries that ended and are so old; returns how many."""
    old = Delivery.objects.filter(next_attempt_at=None, created_at__lt=now - keep)
    return int(old.delete()[0])


def _locked(subscription_id: str) -> Subscription:
    return Subscription.objects.select_for_update().get(pk=subscription_id)


def _state(subscription: Subscription) -> dict[str, Any]:
    """Return what the journal tells of a webhook: never its secrets, nor a path that may hold one."""
    return {"receiver": urlsplit(subscription.url).hostname, "event_types": subscription.event_types}


def _change(subscription: Subscription, kind: str, **sides: Any) -> Change:
    return Change(
        type=kind,
        subject_type="webhook",
        subject_id=subscription.pk,
        issuer_uid=subscription.hotel_id,
        **sides,
    )


def _record(
    subscription: Subscription,
    verb: str,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    extra = {"reason": reason} if reason else {}
    change = _change(subscription, f"webhook.{verb}", before=before, after=after, extra=extra)
    record([change], by=by, now=now)
