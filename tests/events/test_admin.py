"""The admin of the journal and of guests."""

from typing import Any

import pytest
from django.test import Client

from events.domain import Change, record
from events.models import Event
from events.queries import Difference, details, differences
from presence.models import Guest
from tests.make import CLERK, GUEST_UID, NOW, make_hotel, make_voucher
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, sign_in_root
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def make_event(issuer_uid: str = "hotel-a", **fields: Any) -> Event:
    values: dict[str, Any] = {
        "type": "offer.change",
        "subject_type": "offer",
        "subject_id": "o-1",
        "before": {"title": "Spa", "capacity": 1, "terms": {}},
        "after": {"title": "Sauna", "capacity": 1, "terms": {"Age": "16"}},
        "extra": {"reason": "New name", "note": ""},
    }
    earlier = list(Event.objects.values_list("pk", flat=True))
    record([Change(issuer_uid=issuer_uid, **{**values, **fields})], by=CLERK, now=NOW)
    return Event.objects.exclude(pk__in=earlier).get()


def test_an_event_shows_before_and_after_of_what_changed(client: Client) -> None:
    event = make_event()
    assert differences(event) == [
        Difference("terms", "–", '{"Age": "16"}'),
        Difference("title", "Spa", "Sauna"),
    ]
    assert details(event) == [("reason", "New name")]
    response = client.get(page_of(event))
    assert_strict(response)
    content = response.content.decode()
    assert '<tr><th scope="row">title</th><td>Spa</td><td>Sauna</td></tr>' in content
    assert "reason: New name" in content
    assert "Mon, 2 Mar 2026, 08:00 (UTC)" in content
    assert "title: Spa → Sauna" in client.get(page_of(Event)).content.decode()


def test_nothing_that_stays_nothing_is_no_change() -> None:
    event = make_event(before={}, after={"holder_uid": "", "status": "issued"})
    assert differences(event) == [Difference("status", "–", "issued")]


def test_what_guests_and_staff_wrote_is_shown_as_text(client: Client) -> None:
    event = make_event(before={"title": "<b>x</b>"}, after={"<i>": "<script>"}, extra={"reason": "<u>"})
    for address in (page_of(event), page_of(Event)):
        content = client.get(address).content.decode()
        assert not any(tag in content for tag in ("<b>x", "<i>", "<script>", "<u>"))


@pytest.mark.parametrize("meta", [{}, [], "text", None, {"before": 1, "after": [2]}])
def test_an_event_of_another_shape_is_shown_too(meta: Any) -> None:
    event = make_event()
    event.meta = meta
    assert differences(event) == []
    assert details(event) == []


def test_the_journal_is_to_be_read_only() -> None:
    event = make_event()
    for client in (sign_in_root(), sign_in(make_staff(make_hotel()))):
        assert client.get(page_of(Event, "add")).status_code == 403
        assert client.post(page_of(Event, "add"), {"type": "x"}).status_code == 403
        assert client.post(page_of(event), {"type": "x"}).status_code == 403
        assert client.post(page_of(event, "delete"), {"post": "yes"}).status_code == 403
        act(client, "delete_selected", event, post="yes")
    assert Event.objects.get().type == "offer.change"


def test_events_are_seen_by_the_staff_of_their_hotel_alone(client: Client) -> None:
    mine, foreign = make_event(), make_event("hotel-b", subject_id="o-secret")
    of_none = make_event("")
    response = client.get(page_of(Event))
    assert [row.pk for row in response.context["cl"].result_list] == [mine.pk]
    assert "hotel-b" not in response.content.decode()
    for row in (foreign, of_none):
        assert client.get(page_of(row)).status_code == 302
    assert not client.get(page_of(Event), {"q": "o-secret"}).context["cl"].result_list
    assert not client.get(page_of(Event), {"issuer_uid": "hotel-b"}).context["cl"].result_list
    assert sign_in_root().get(page_of(Event)).context["cl"].result_count == 3


def test_events_are_found_by_subject_and_actor(client: Client, hotel: Hotel) -> None:
    event, voucher = make_event(), make_voucher(hotel=hotel)
    for words, expected in (("o-1", event.pk), ("staff:clerk", event.pk)):
        rows = client.get(page_of(Event), {"q": words}).context["cl"].result_list
        assert [row.pk for row in rows] == [expected]
    rows = client.get(page_of(Event), {"q": voucher.pk}).context["cl"].result_list
    assert [row.type for row in rows] == ["voucher.issue"]


def test_the_journal_costs_the_same_number_of_queries_however_long(
    client: Client, django_assert_num_queries: Any
) -> None:
    make_event()
    with django_assert_num_queries(9):
        client.get(page_of(Event))
    for number in range(20):
        make_event(subject_id=f"o-{number}")
    with django_assert_num_queries(9):
        client.get(page_of(Event))


def test_guests_are_seen_by_superusers_alone(client: Client) -> None:
    guest = Guest.objects.create(pk=GUEST_UID)
    for address in (page_of(Guest), page_of(guest)):
        assert client.get(address).status_code == 403
        assert_strict(sign_in_root().get(address)) if address == page_of(Guest) else None
    assert "Presence" not in client.get("/admin/").content.decode()


def test_the_journal_is_read_in_its_order_whatever_is_asked(client: Client) -> None:
    newest_first = sorted((make_event(subject_id=f"o-{number}").pk for number in range(5)), reverse=True)
    for order in ({}, {"o": "3"}, {"o": "-1"}):
        shown = client.get(page_of(Event), order).context["cl"].result_list
        assert [event.pk for event in shown] == newest_first
