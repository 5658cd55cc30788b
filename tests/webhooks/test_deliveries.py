"""What becomes of a delivery: signed, sent, tried again, given up; a receiver that fails is spared."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
from typing import Any
from unittest.mock import patch

import orjson
import pytest
import time_machine
from django_tasks_db.models import DBTaskResult
from standardwebhooks import Webhook, WebhookVerificationError

from events.models import Event
from tests.make import CLERK, NOW
from tests.webhooks.receiver import Receiver, happen, only_delivery, subscribe, work_at
from webhooks import deliveries, network
from webhooks.deliveries import GIVE_UP_AFTER, RUN_LEASE, WAITS, claim, wait_after
from webhooks.dispatch import dispatch
from webhooks.domain import BOTH_SECRETS_FOR, redeliver, rotate_secret, switch_off, switch_on
from webhooks.models import Delivery, Subscription
from webhooks.tasks import deliver, jitter

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def webhook(receiver: Receiver) -> Subscription:
    return subscribe(receiver.url)


def next_attempt() -> datetime:
    found = only_delivery().next_attempt_at
    assert found is not None
    return found


def test_an_event_arrives_signed_with_its_facts(receiver: Receiver, webhook: Subscription) -> None:
    happen("v-9")
    work_at(NOW)
    ((headers, body),) = receiver.got
    event = Event.objects.get(subject_id="v-9")
    content = Webhook(webhook.secret).verify(body, headers)
    assert content["type"] == "voucher.issue"
    assert content["timestamp"] == "2026-03-02T08:00:00Z"
    assert content["data"] == {
        "id": event.pk,
        "type": "voucher.issue",
        "actor_id": "staff:clerk",
        "subject_type": "voucher",
        "subject_id": "v-9",
        "issuer_uid": "hotel-a",
        "meta": {"before": {}, "after": {"status": "issued"}},
        "created_at": "2026-03-02T08:00:00Z",
    }
    assert headers["webhook-id"] == event.pk
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["content-type"] == "application/json"
    delivery = only_delivery()
    assert (delivery.delivered_at, delivery.attempts, delivery.last_status) == (NOW, 1, 200)
    assert delivery.next_attempt_at is None


def test_a_body_that_was_touched_does_not_verify(receiver: Receiver, webhook: Subscription) -> None:
    happen()
    work_at(NOW)
    headers, body = receiver.got[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook.secret).verify(body.replace(b"issued", b"booked"), headers)


def test_after_a_change_of_the_secret_both_sign_for_a_day(receiver: Receiver, webhook: Subscription) -> None:
    changed = rotate_secret(subscription_id=webhook.pk, by=CLERK, now=NOW)
    assert changed.secret != webhook.secret
    for moment in (NOW, NOW + BOTH_SECRETS_FOR):
        happen(now=moment)
        work_at(moment)
        headers, body = receiver.got[-1]
        with time_machine.travel(moment, tick=False):
            Webhook(changed.secret).verify(body, headers)
            signatures = headers["webhook-signature"].split()
            if moment == NOW:
                Webhook(webhook.secret).verify(body, headers)
                assert len(signatures) == 2
            else:
                assert len(signatures) == 1
                with pytest.raises(WebhookVerificationError):
                    Webhook(webhook.secret).verify(body, headers)
    assert len([body for _headers, body in receiver.got if b"voucher.issue" in body]) == 2


@pytest.mark.parametrize(
    ("status", "error"), [(500, "answered 500"), (404, "answered 404"), (302, "answered 302")]
)
def test_any_other_answer_is_a_failure_and_tried_again_with_the_same_id(
    receiver: Receiver, webhook: Subscription, status: int, error: str
) -> None:
    receiver.status, receiver.location = status, receiver.url
    happen()
    work_at(NOW)
    delivery = only_delivery()
    assert (delivery.last_status, delivery.last_error, delivery.attempts) == (status, error, 1)
    assert len(receiver.got) == 1
    receiver.status = 204
    assert work_at(NOW + 9 * SECOND) == 0
    work_at(NOW + 12 * SECOND)
    assert receiver.ids == [delivery.event_id] * 2
    assert only_delivery().delivered_at == NOW + 12 * SECOND
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.failures, webhook.trial) == (None, 0, None)


def test_a_receiver_that_is_down_is_tried_again(own_machine: None) -> None:
    subscribe("http://127.0.0.1:1/?key=k-private")
    happen()
    work_at(NOW)
    delivery = only_delivery()
    assert (delivery.last_status, delivery.last_error) == (None, "ConnectionError")
    assert next_attempt() > NOW


def test_a_receiver_that_answers_too_late_is_tried_again(
    receiver: Receiver, webhook: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "READ_SECONDS", 0.2)
    receiver.wait_seconds = 3600
    happen()
    work_at(NOW)
    assert only_delivery().last_error == "no answer in time"


def test_what_became_private_is_not_sent(receiver: Receiver, webhook: Subscription, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    happen()
    work_at(NOW)
    assert only_delivery().last_error == "not a public address"
    assert receiver.got == []


def test_neither_secret_nor_address_come_into_logs_errors_or_the_journal(
    receiver: Receiver, webhook: Subscription, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    receiver.status = 500
    happen()
    work_at(NOW)
    rotate_secret(subscription_id=webhook.pk, by=CLERK, now=NOW)
    secret = Subscription.objects.get().secret
    told = caplog.text + only_delivery().last_error
    told += orjson.dumps(list(Event.objects.values_list("meta", flat=True))).decode()
    for hidden in (webhook.secret, secret, webhook.secret[6:], "k-private"):
        assert hidden not in told
    assert "answered 500" in caplog.text


def test_waits_grow_and_differ_by_a_tenth_at_most() -> None:
    for attempts, wait in enumerate(WAITS, 1):
        assert wait_after(attempts, jitter=0) == wait
        assert wait_after(attempts, jitter=0.5) == wait * 1.05
        assert wait_after(attempts, jitter=1) == wait * 1.1
    assert wait_after(99, jitter=0) == WAITS[-1]


def test_chance_decides_how_much_longer_a_delivery_waits(receiver: Receiver, webhook: Subscription) -> None:
    receiver.status = 500
    waits = set()
    for chance in (0.0, 0.25, 1.0):
        happen(f"v-{chance}")
        with patch("webhooks.tasks.jitter", return_value=chance):
            work_at(NOW)
        webhook.refresh_from_db()
        waits.add(webhook.retry_at)
        Delivery.objects.all().delete()
        Subscription.objects.update(failing_since=None, failures=0, retry_at=None, trial=None)
    assert waits == {NOW + seconds * SECOND for seconds in (10, 10.25, 11)}
    assert len({jitter() for _number in range(20)}) > 1


@pytest.mark.parametrize("chances", [(0.0,), (0.5,), (1.0,), (0.0, 1.0), (1.0, 0.0, 0.3)])
def test_after_three_days_a_delivery_is_given_up_and_its_receiver_switched_off(
    receiver: Receiver, webhook: Subscription, monkeypatch: pytest.MonkeyPatch, chances: tuple[float, ...]
) -> None:
    in_turn = cycle(chances)
    monkeypatch.setattr("webhooks.tasks.jitter", lambda: next(in_turn))
    receiver.status = 500
    happen()
    moments = [NOW]
    work_at(NOW)
    for _number in range(30):
        if (delivery := only_delivery()).next_attempt_at is None:
            break
        webhook.refresh_from_db()
        moments.append(max(delivery.next_attempt_at, webhook.retry_at or NOW))
        work_at(moments[-1])
    delivery = only_delivery()
    assert delivery.failed_at == moments[-1]
    assert delivery.attempts == len(receiver.got) == len(moments)
    assert GIVE_UP_AFTER - timedelta(hours=14) < moments[-1] - NOW <= GIVE_UP_AFTER
    assert all(later - earlier >= 10 * SECOND for earlier, later in pairwise(moments))
    # The next event that fails, when nothing has come for three days, is the last straw.
    webhook.refresh_from_db()
    assert webhook.retry_at is not None
    later = max(NOW + GIVE_UP_AFTER + SECOND, webhook.retry_at)
    happen("v-2", now=later)
    work_at(later)
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert webhook.disabled_at == later
    assert "three days" in webhook.disabled_reason
    event = Event.objects.get(type="webhook.disable")
    assert (event.actor_id, event.subject_id, event.issuer_uid) == ("clock", webhook.pk, "hotel-a")
    assert event.meta["reason"] == webhook.disabled_reason


def test_one_success_within_three_days_keeps_a_receiver_on(receiver: Receiver, webhook: Subscription) -> None:
    for day in range(5):
        now = NOW + timedelta(days=day)
        receiver.status = 500
        happen(f"v-{day}", now=now)
        work_at(now)
        receiver.status = 200
        work_at(now + timedelta(hours=1))
    webhook.refresh_from_db()
    assert webhook.is_active
    assert not Delivery.objects.filter(delivered_at=None).exists()


def test_a_receiver_that_says_it_is_gone_is_switched_off_at_once(
    receiver: Receiver, webhook: Subscription
) -> None:
    receiver.status = 410
    happen("v-1")
    happen("v-2")
    work_at(NOW)
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert "410" in webhook.disabled_reason
    assert len(receiver.got) == 1
    assert Delivery.objects.filter(failed_at=NOW).count() == 1
    assert work_at(NOW + timedelta(hours=1)) == 0


def test_a_receiver_that_fails_is_tried_by_one_delivery_at_a_time(
    receiver: Receiver, webhook: Subscription
) -> None:
    receiver.status = 500
    for number in range(10):
        happen(f"v-{number}")
    work_at(NOW)
    # The first failed; the other nine, in the queue already, were let go.
    assert len(receiver.got) == 1
    assert Delivery.objects.open().filter(attempts=0, lease_until=None, is_running=False).count() == 9
    assert dispatch(NOW + 9 * SECOND) == 0
    assert dispatch(NOW + 12 * SECOND) == 1
    assert dispatch(NOW + 13 * SECOND) == 0
    DBTaskResult.objects.all().delete()
    # The trial was lost with its worker: after its lease there is another.
    assert dispatch(NOW + 12 * SECOND + RUN_LEASE) == 1


def test_a_receiver_that_is_well_again_gets_everything(receiver: Receiver, webhook: Subscription) -> None:
    receiver.status = 500
    for number in range(5):
        happen(f"v-{number}")
    work_at(NOW)
    receiver.status = 200
    work_at(NOW + 12 * SECOND)
    work_at(NOW + 13 * SECOND)
    assert not Delivery.objects.filter(delivered_at=None).exists()
    assert len(set(receiver.ids)) == 5


def test_a_receiver_that_failed_for_long_is_asked_every_few_minutes(
    receiver: Receiver, webhook: Subscription
) -> None:
    receiver.status = 500
    for number in range(9):
        happen(f"v-{number}")
    now = NOW
    for _number in range(9):
        work_at(now)
        webhook.refresh_from_db()
        assert webhook.retry_at is not None
        assert webhook.retry_at - now <= deliveries.LONGEST_PAUSE
        now = webhook.retry_at
    assert len(receiver.got) == 9


def test_a_slow_receiver_gets_one_delivery_at_a_time(
    receiver: Receiver, webhook: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What counts as slow is changed, not how long an answer takes: that is this machine's to decide.
    monkeypatch.setattr(deliveries, "SLOW", timedelta(0))
    happen()
    work_at(NOW)
    webhook.refresh_from_db()
    assert webhook.is_slow
    monkeypatch.setattr(deliveries, "SLOW", timedelta(hours=1))
    for number in range(3):
        happen(f"v-{number}")
    assert work_at(NOW + 5 * SECOND) == 1
    webhook.refresh_from_db()
    assert not webhook.is_slow
    assert work_at(NOW + 6 * SECOND) == 2


def test_a_delivery_is_claimed_once_until_its_lease_is_over(webhook: Subscription) -> None:
    happen()
    dispatch(NOW)
    key = only_delivery().pk
    assert claim(key, now=NOW) is not None
    assert claim(key, now=NOW + RUN_LEASE - SECOND) is None
    assert claim(key, now=NOW + RUN_LEASE) is not None


def test_what_a_worker_left_in_mid_delivery_is_sent_after_a_minute(
    receiver: Receiver, webhook: Subscription
) -> None:
    happen()
    dispatch(NOW)
    DBTaskResult.objects.all().delete()
    assert claim(only_delivery().pk, now=NOW) is not None
    assert work_at(NOW + RUN_LEASE - SECOND) == 0
    assert work_at(NOW + RUN_LEASE) == 1
    assert only_delivery().delivered_at == NOW + RUN_LEASE


def test_a_job_that_comes_twice_sends_once(receiver: Receiver, webhook: Subscription) -> None:
    happen()
    dispatch(NOW)
    key = only_delivery().pk
    for _number in range(3):
        deliver.func(key)
    deliver.func(key + 1)
    assert len(receiver.got) == 1


def test_a_job_of_a_webhook_that_was_switched_off_sends_nothing(
    receiver: Receiver, webhook: Subscription
) -> None:
    happen()
    dispatch(NOW)
    switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW)
    deliver.func(only_delivery().pk)
    assert receiver.got == []
    switch_on(subscription_id=webhook.pk, by=CLERK, now=NOW)
    work_at(NOW + SECOND)
    assert receiver.ids.count(Event.objects.get(type="voucher.issue").pk) == 1


def test_an_event_is_delivered_again_with_the_id_that_it_had(
    receiver: Receiver, webhook: Subscription
) -> None:
    happen()
    work_at(NOW)
    redeliver(delivery_id=only_delivery().pk, now=NOW + timedelta(days=5))
    work_at(NOW + timedelta(days=5))
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1
    assert only_delivery().delivered_at == NOW + timedelta(days=5)


def test_times_are_told_in_utc(receiver: Receiver, webhook: Subscription) -> None:
    happen()
    work_at(NOW)
    assert Event.objects.filter(created_at=NOW.astimezone(UTC)).exists()
    assert receiver.got[0][1].count(b'"2026-03-02T08:00:00Z"') == 2
