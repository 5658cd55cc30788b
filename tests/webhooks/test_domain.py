"""Webhooks are made, changed, switched and tested; what is new goes to whom it concerns, once."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django_tasks_db.models import DBTaskResult

from events.models import Event
from portal.errors import Conflict, Rejected
from tests.checks import conflicting, refused, unchanged
from tests.make import CLERK, NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.webhooks.receiver import Receiver, happen, only_delivery, subscribe, work_at
from webhooks import dispatch as dispatching
from webhooks.dispatch import OLDEST, QUEUE_LEASE, dispatch
from webhooks.domain import (
    MOST_PER_HOTEL,
    prune_deliveries,
    redeliver,
    remove_subscription,
    rotate_secret,
    send_test,
    switch_off,
    switch_on,
)
from webhooks.event_types import KNOWN
from webhooks.models import Delivery, Subscription

pytestmark = pytest.mark.django_db

URL = "https://nobody-knows.invalid/hook"
SECOND = timedelta(seconds=1)
KEEP = timedelta(days=30)


def subjects(webhook: Subscription) -> list[str]:
    return list(webhook.deliveries.order_by("pk").values_list("event__subject_id", flat=True))


# Making and changing


def test_a_new_webhook_has_a_secret_and_hears_what_happens_next() -> None:
    happen("v-before")
    webhook = subscribe(URL)
    assert webhook.secret.startswith("whsec_")
    assert len(base64.b64decode(webhook.secret[6:])) >= 24
    assert webhook.pk.startswith("wh-")
    dispatch(NOW)
    assert subjects(webhook) == []
    happen("v-after")
    dispatch(NOW)
    assert subjects(webhook) == ["v-after"]
    event = Event.objects.get(type="webhook.create")
    assert event.meta["after"] == {"receiver": "nobody-knows.invalid", "event_types": []}


def test_no_two_secrets_are_alike() -> None:
    assert subscribe(URL).secret != subscribe(URL).secret


def test_a_type_that_nobody_knows_is_refused() -> None:
    with refused("webhook_type_unknown"):
        subscribe(URL, event_types=["voucher.issue", "voucher.eaten"])
    assert not Subscription.objects.exists()


def test_an_address_that_is_not_public_is_refused() -> None:
    with refused("webhook_url_private"):
        subscribe("https://127.0.0.1/")
    with refused("webhook_url_invalid"):
        subscribe("http://8.8.8.8/")
    assert not Subscription.objects.exists()


def test_a_hotel_has_so_many_webhooks_and_another_hotel_its_own() -> None:
    for _number in range(MOST_PER_HOTEL):
        subscribe(URL)
    with conflicting("webhooks_too_many"):
        subscribe(URL)
    subscribe(URL, "hotel-b")


def test_switching_off_and_on_is_told_once() -> None:
    webhook = subscribe(URL)
    switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW)
    with conflicting("webhook_off"):
        switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW)
    with conflicting("webhook_off"):
        send_test(subscription_id=webhook.pk, by=CLERK, now=NOW)
    switch_on(subscription_id=webhook.pk, by=CLERK, now=NOW)
    with conflicting("webhook_on"):
        switch_on(subscription_id=webhook.pk, by=CLERK, now=NOW)
    kinds = Event.objects.filter(subject_id=webhook.pk).values_list("type", flat=True)
    assert sorted(kinds) == ["webhook.create", "webhook.disable", "webhook.enable"]


def test_what_happened_while_a_webhook_was_off_follows_unless_it_is_too_old() -> None:
    webhook = subscribe(URL, event_types=["voucher.issue"])
    switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW)
    happen("v-old", now=NOW)
    happen("v-new", now=NOW + timedelta(days=2))
    dispatch(NOW + OLDEST)
    assert subjects(webhook) == []
    switch_on(subscription_id=webhook.pk, by=CLERK, now=NOW + OLDEST)
    dispatch(NOW + OLDEST)
    assert subjects(webhook) == ["v-new"]


def test_a_new_secret_keeps_the_last_one_alone() -> None:
    first = subscribe(URL).secret
    webhook = Subscription.objects.get()
    second = rotate_secret(subscription_id=webhook.pk, by=CLERK, now=NOW).secret
    third = rotate_secret(subscription_id=webhook.pk, by=CLERK, now=NOW).secret
    webhook.refresh_from_db()
    assert webhook.secrets(NOW) == [third, second]
    assert first not in webhook.secrets(NOW)


def test_removing_takes_the_deliveries_along_and_twice_changes_nothing() -> None:
    webhook = subscribe(URL)
    happen()
    dispatch(NOW)
    remove_subscription(subscription_id=webhook.pk, by=CLERK, now=NOW)
    assert not Delivery.objects.exists()
    with unchanged():
        remove_subscription(subscription_id=webhook.pk, by=CLERK, now=NOW)


# From the journal


def test_each_hotel_hears_its_own_events_of_the_types_that_it_chose() -> None:
    everything, some = subscribe(URL), subscribe(URL, event_types=["voucher.book"])
    other = subscribe(URL, "hotel-b")
    dispatch(NOW)
    Delivery.objects.all().delete()
    happen("v-1")
    happen("v-2", kind="voucher.book")
    happen("v-3", issuer_uid="hotel-b")
    happen("v-4", issuer_uid="")
    dispatch(NOW)
    assert sorted(subjects(everything)) == ["v-1", "v-2"]
    assert subjects(some) == ["v-2"]
    assert subjects(other) == ["v-3"]


def test_a_test_event_goes_to_its_webhook_alone_whatever_types_it_chose(receiver: Receiver) -> None:
    webhook = subscribe(receiver.url, event_types=["voucher.book"])
    other = subscribe(receiver.url)
    dispatch(NOW)
    Delivery.objects.all().delete()
    send_test(subscription_id=webhook.pk, by=CLERK, now=NOW)
    work_at(NOW)
    assert subjects(webhook) == [webhook.pk]
    assert subjects(other) == []
    assert b'"type":"webhook.test"' in receiver.got[-1][1]


def test_an_import_of_old_data_floods_nobody() -> None:
    webhook = subscribe(URL)
    happen("v-old", now=NOW - OLDEST)
    happen("v-new", now=NOW - OLDEST + SECOND)
    dispatch(NOW)
    assert subjects(webhook) == ["v-new"]


def test_an_event_is_handed_out_once_however_many_dispatch(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = subscribe(URL)
    happen()
    real = dispatching.events_after

    def another_comes_first(*arguments: Any, **choice: Any) -> Any:
        found = real(*arguments, **choice)
        monkeypatch.setattr(dispatching, "events_after", real)
        dispatch(NOW)
        return found

    monkeypatch.setattr(dispatching, "events_after", another_comes_first)
    dispatch(NOW)
    assert subjects(webhook) == ["v-1"]
    assert DBTaskResult.objects.count() == 1


def test_many_events_are_handed_out_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "MOST_EVENTS", 3)
    webhook = subscribe(URL)
    for number in range(7):
        happen(f"v-{number}")
    for expected in (3, 6, 7, 7):
        dispatch(NOW)
        assert len(subjects(webhook)) == expected
    assert len(set(subjects(webhook))) == 7


def test_so_many_deliveries_are_in_the_queue_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "MOST_QUEUED", 2)
    subscribe(URL)
    for number in range(5):
        happen(f"v-{number}")
    assert [dispatch(NOW), dispatch(NOW)] == [2, 0]
    # Lost with the queue: handed to it again.
    assert dispatch(NOW + QUEUE_LEASE) == 2


def test_jobs_are_on_a_queue_of_their_own() -> None:
    subscribe(URL)
    happen()
    dispatch(NOW)
    assert DBTaskResult.objects.get().queue_name == "webhooks"


def test_with_nothing_new_few_looks_are_all(django_assert_num_queries: Any) -> None:
    for _number in range(5):
        subscribe(URL)
    happen()
    dispatch(NOW)
    with django_assert_num_queries(4):
        dispatch(NOW)


def test_an_event_has_one_delivery_for_a_webhook() -> None:
    webhook = subscribe(URL)
    happen()
    dispatch(NOW)
    again = Delivery(subscription=webhook, event=only_delivery().event, created_at=NOW, next_attempt_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


# Again, and away


def test_what_is_still_tried_is_not_delivered_again() -> None:
    webhook = subscribe(URL)
    happen()
    dispatch(NOW)
    with pytest.raises(Conflict, match="delivery_open"):
        redeliver(delivery_id=only_delivery().pk, now=NOW)
    Delivery.objects.update(delivered_at=NOW, next_attempt_at=None)
    switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW)
    with pytest.raises(Rejected, match="webhook_off"):
        redeliver(delivery_id=only_delivery().pk, now=NOW)
    assert only_delivery().delivered_at == NOW


def test_deliveries_that_ended_are_kept_for_a_month() -> None:
    subscribe(URL)
    for number in range(3):
        happen(f"v-{number}")
    dispatch(NOW)
    sent, given_up, waiting = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=sent.pk).update(delivered_at=NOW, next_attempt_at=None)
    Delivery.objects.filter(pk=given_up.pk).update(failed_at=NOW, next_attempt_at=None)
    assert prune_deliveries(NOW + KEEP, keep=KEEP) == 0
    assert prune_deliveries(NOW + KEEP + SECOND, keep=KEEP) == 2
    assert only_delivery().pk == waiting.pk
    assert Event.objects.filter(type="voucher.issue").count() == 3


def test_every_type_that_verbs_write_can_be_chosen() -> None:
    from bookings.domain import cancel_booking, move_booking, withdraw_voucher

    offer = make_offer(make_hotel())
    booking = make_booking(make_voucher(offer), start=NOW + timedelta(days=1, hours=1))
    move_booking(booking_id=booking.pk, start=booking.slot_start + timedelta(hours=1), by=CLERK, now=NOW)
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW, reason="ill")
    withdraw_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW, reason="ill")
    webhook = subscribe(URL)
    rotate_secret(subscription_id=webhook.pk, by=CLERK, now=NOW)
    remove_subscription(subscription_id=webhook.pk, by=CLERK, now=NOW)
    written = set(Event.objects.values_list("type", flat=True))
    assert len(written) >= 7
    assert written <= set(KNOWN)
