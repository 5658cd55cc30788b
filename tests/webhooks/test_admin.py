"""Webhooks in the admin: staff make, switch and test those of their own hotels alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.make import CLERK, NOW, make_hotel
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, told
from tests.webhooks.receiver import Receiver, happen, subscribe, work_at
from webhooks.dispatch import dispatch
from webhooks.domain import switch_off
from webhooks.models import Delivery, Subscription

pytestmark = pytest.mark.django_db

URL = "https://nobody-knows.invalid/hook"


def make_user(*permissions: str, username: str = "clerk") -> User:
    """Make staff of hotel A who may do these things with webhooks; all of them without `permissions`."""
    user = make_staff(make_hotel(), username=username)
    allowed = Permission.objects.filter(content_type__app_label="webhooks")
    user.user_permissions.add(*(allowed.filter(codename__in=permissions) if permissions else allowed))
    return user


@pytest.fixture
def client() -> Client:
    return sign_in(make_user())


@pytest.fixture
def webhook(client: Client) -> Subscription:
    return subscribe(URL)


def make(client: Client, **fields: Any) -> Any:
    values = {"hotel": "hotel-a", "url": URL, "event_types": ["voucher.book"], **fields}
    return client.post(page_of(Subscription, "add"), values, follow=True)


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert_strict(response)
    return str(response.content.decode())


def test_staff_make_a_webhook_and_see_its_secret(client: Client) -> None:
    assert 'type="checkbox" name="event_types" value="voucher.book"' in text(
        client, page_of(Subscription, "add")
    )
    assert make(client).status_code == 200
    webhook = Subscription.objects.get()
    assert (webhook.hotel_id, webhook.url, webhook.event_types) == ("hotel-a", URL, ["voucher.book"])
    response = client.get(page_of(webhook))
    assert webhook.secret in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "https://127.0.0.1/"}, "webhook_url_private"),
        ({"url": "http://8.8.8.8/"}, "webhook_url_invalid"),
        ({"event_types": ["voucher.eaten"]}, "invalid_choice"),
        ({"hotel": "hotel-b"}, "invalid_choice"),
    ],
)
def test_what_is_no_webhook_is_refused_beside_its_field(
    client: Client, fields: dict[str, Any], code: str
) -> None:
    make_hotel("hotel-b")
    response = make(client, **fields)
    (field,) = fields
    errors = response.context["adminform"].form.errors.as_data()
    assert [error.code for error in errors[field]] == [code]
    assert not Subscription.objects.exists()


def test_a_receiver_is_looked_up_outside_any_transaction(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    from webhooks import admin as pages

    depth = len(connection.savepoint_ids)
    seen: list[int] = []
    monkeypatch.setattr(pages, "refuse_address", lambda _url: seen.append(len(connection.savepoint_ids)))
    make(client)
    assert seen == [depth]


def test_those_who_may_only_look_see_no_secret(webhook: Subscription) -> None:
    client = sign_in(make_user("view_subscription", "view_delivery", username="viewer"))
    page = text(client, page_of(webhook))
    assert URL in page
    assert webhook.secret not in page
    assert "turn_off" not in page
    for action in ("turn_off", "rotate", "test"):
        act(client, action, webhook)
    assert client.get(page_of(Subscription, "add")).status_code == 403
    found = Subscription.objects.get()
    assert (found.is_active, found.secret) == (True, webhook.secret)


def test_webhooks_are_switched_off_and_on(client: Client, webhook: Subscription) -> None:
    assert told(act(client, "turn_off", webhook))["worked"] == ["Done for 1 webhook."]
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert "turn_on" in text(client, page_of(webhook))
    assert told(act(client, "turn_off", webhook))["refused"] == [f"This webhook is off. ({webhook.pk})"]
    act(client, "turn_on", webhook)
    webhook.refresh_from_db()
    assert webhook.is_active


def test_the_reason_why_a_webhook_is_off_is_shown(client: Client, webhook: Subscription) -> None:
    switch_off(subscription_id=webhook.pk, by=CLERK, now=NOW, reason="it is gone")
    assert "Off: it is gone" in text(client, page_of(Subscription))


def test_a_secret_is_changed_and_the_old_one_shown_for_as_long_as_it_signs(
    client: Client, webhook: Subscription
) -> None:
    act(client, "rotate", webhook)
    page = text(client, page_of(webhook))
    changed = Subscription.objects.get()
    assert changed.secret != webhook.secret
    assert changed.secret in page
    assert webhook.secret in page


def test_a_test_event_is_sent(client: Client, receiver: Receiver) -> None:
    webhook = subscribe(receiver.url)
    act(client, "test", webhook)
    work_at(NOW)
    (_headers, body) = receiver.got[0]
    assert b'"webhook.test"' in body
    assert b'"staff:clerk"' in body


def test_a_webhook_is_neither_edited_nor_deleted(client: Client, webhook: Subscription) -> None:
    assert client.post(page_of(webhook), {"url": "https://8.8.8.8/"}).status_code == 403
    assert client.post(page_of(webhook, "delete"), {"post": "yes"}).status_code == 403
    assert Subscription.objects.get().url == URL


def test_another_hotels_webhooks_and_deliveries_do_not_exist(client: Client, webhook: Subscription) -> None:
    foreign = subscribe("https://elsewhere.invalid/", "hotel-b")
    happen("v-mine")
    happen("v-secret", issuer_uid="hotel-b")
    dispatch(NOW)
    delivery = Delivery.objects.get(subscription=foreign)
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=NOW, next_attempt_at=None)
    for row in (foreign, delivery):
        listed = text(client, page_of(type(row)))
        assert webhook.pk in listed
        assert foreign.pk not in listed
        assert "v-secret" not in listed
    for row in (foreign, delivery):
        assert client.get(page_of(row)).status_code == 302
    for action in ("turn_off", "rotate", "test"):
        act(client, action, foreign)
    act(client, "again", delivery)
    found = Subscription.objects.get(pk=foreign.pk)
    assert (found.is_active, found.secret) == (True, foreign.secret)
    assert Delivery.objects.get(pk=delivery.pk).delivered_at == NOW
    assert not client.get(page_of(Delivery), {"q": "v-secret"}).context["cl"].result_list
    chosen = {"subscription__id__exact": foreign.pk}
    # A choice that is not offered is passed over; what is shown are the own ones all the same.
    assert delivery not in client.get(page_of(Delivery), chosen).context["cl"].result_list


def test_deliveries_are_read_by_state_and_sent_again(client: Client, receiver: Receiver) -> None:
    webhook = subscribe(receiver.url)
    happen("v-1")
    work_at(NOW)
    happen("v-2")
    dispatch(NOW)
    receiver.status = 500
    work_at(NOW + timedelta(seconds=1))
    happen("v-3")
    dispatch(NOW + timedelta(seconds=2))

    def listed(**choice: str) -> list[str]:
        rows = client.get(page_of(Delivery), choice).context["cl"].result_list
        return [row.event.subject_id for row in rows]

    assert listed(state="delivered") == ["v-1"]
    assert listed(state="waiting") == ["v-3"]
    assert listed(subscription__id__exact=webhook.pk) == ["v-3", "v-2", "v-1"]
    assert listed(subscription__hotel__uid__exact="hotel-a") == ["v-3", "v-2", "v-1"]
    sent = Delivery.objects.get(event__subject_id="v-1")
    page = text(client, page_of(sent))
    assert "delivered Mon, 2 Mar 2026" in page
    assert told(act(client, "again", sent))["worked"] == ["1 event is sent again."]
    assert "is still being tried" in told(act(client, "again", sent))["refused"][0]
    assert Delivery.objects.get(pk=sent.pk).delivered_at is None


def test_deliveries_are_to_be_read_only(client: Client, webhook: Subscription) -> None:
    happen()
    dispatch(NOW)
    delivery = Delivery.objects.get()
    assert client.get(page_of(Delivery, "add")).status_code == 403
    assert client.post(page_of(delivery), {"attempts": 0}).status_code == 403
    assert client.post(page_of(delivery, "delete"), {"post": "yes"}).status_code == 403


def test_lists_cost_the_same_number_of_queries_however_long(
    client: Client, webhook: Subscription, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        happen(f"v-{number}")
    dispatch(NOW)
    with django_assert_max_num_queries(10):
        client.get(page_of(Delivery))
