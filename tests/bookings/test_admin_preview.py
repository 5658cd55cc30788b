"""The coming week of an offer while it is typed: shown for what the form says, and nothing is saved."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from events.models import Event
from tests.make import NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.staff import assert_strict, make_staff, page_of, sign_in
from vouchers.models import Closure, Hotel, Offer, OpeningHours

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _at_now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel("hotel-a")


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def typed(hotel: Hotel, *hours: tuple[int, str, str], **fields: Any) -> dict[str, Any]:
    """Return what the form sends for a new offer that is open at some hours."""
    data = {
        "hotel": hotel.pk,
        "title": "",
        "service_type": "hotel.spa",
        "duration_minutes": 60,
        "step_minutes": 60,
        "capacity": 3,
        "max_per_guest": 1,
        "min_notice_minutes": 0,
        "cancel_notice_minutes": 0,
        "validity_days": 30,
        "price_currency": "EUR",
        "terms": "{}",
        "opening_hours-TOTAL_FORMS": len(hours),
        "opening_hours-INITIAL_FORMS": 0,
        "closures-TOTAL_FORMS": 0,
        "closures-INITIAL_FORMS": 0,
        "_preview": "1",
    }
    for number, (weekday, opens, closes) in enumerate(hours):
        row = {"weekday": weekday, "opens": opens, "closes": closes}
        data |= {f"opening_hours-{number}-{name}": value for name, value in row.items()}
    return {**data, **fields}


EVERY_DAY = [(weekday, "10:00", "12:00") for weekday in range(7)]


def free(response: Any) -> set[int]:
    return {slot.left for day in response.context["week"].days for slot in day.slots}


def test_the_week_follows_what_is_typed_for_a_new_offer(client: Client, hotel: Hotel) -> None:
    response = client.post(page_of(Offer, "add"), typed(hotel, *EVERY_DAY), headers=HTMX)
    assert response.status_code == 200
    assert response.content.decode().startswith('<section id="offer-week"')
    assert "as typed and not yet saved" in response.content.decode()
    days = response.context["week"].days
    assert len(days) == 7
    assert [len(day.slots) for day in days[1:]] == [2] * 6
    assert free(response) == {3}
    half_hours = typed(hotel, *EVERY_DAY, step_minutes=30)
    days = client.post(page_of(Offer, "add"), half_hours, headers=HTMX).context["week"].days
    assert [len(day.slots) for day in days[1:]] == [3] * 6
    closed = (NOW + timedelta(days=2)).date()
    closure = {
        "closures-TOTAL_FORMS": 1,
        "closures-0-first_day": closed.isoformat(),
        "closures-0-last_day": closed.isoformat(),
        "closures-0-reason": "Painting",
    }
    shown = client.post(page_of(Offer, "add"), typed(hotel, *EVERY_DAY, **closure), headers=HTMX)
    assert "Painting" in shown.content.decode()
    for model in (Offer, OpeningHours, Closure, Event):
        assert not model.objects.exists()


def test_bookings_that_there_are_take_their_places(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=2)
    start = (NOW + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    make_booking(make_voucher(offer), start=start)
    data = typed(hotel, *EVERY_DAY, capacity=5)
    before = Event.objects.count()
    response = client.post(page_of(offer), data, headers=HTMX)
    assert free(response) == {4, 5}
    offer.refresh_from_db()
    assert offer.capacity == 2
    assert Event.objects.count() == before
    refused = client.post(page_of(offer), {**data, "capacity": 0}, headers=HTMX)
    assert refused.status_code == 422
    assert refused.context["week"].days is None


def test_without_javascript_the_button_keeps_what_was_typed(client: Client, hotel: Hotel) -> None:
    for address in (page_of(Offer, "add"), page_of(make_offer(hotel))):
        response = client.post(address, typed(hotel, *EVERY_DAY, title="Half typed"))
        assert_strict(response)
        page = response.content.decode()
        assert 'value="Half typed"' in page
        assert page.count('value="10:00') >= 7
        assert len(response.context["week"].days) == 7
    assert not Offer.objects.filter(title="Half typed").exists()


def test_mistakes_are_named_instead_of_a_week(client: Client, hotel: Hotel) -> None:
    overlapping = typed(hotel, (0, "10:00", "12:00"), (0, "11:00", "13:00"), duration_minutes="")
    response = client.post(page_of(Offer, "add"), overlapping, headers=HTMX)
    assert response.status_code == 422
    page = response.content.decode()
    assert "overlap" in page
    assert "uration in minutes: This field is required." in page
    garbage = client.post(page_of(Offer, "add"), {"_preview": "1"}, headers=HTMX)
    assert garbage.status_code == 422


def test_the_preview_is_for_those_who_may_save(hotel: Hotel) -> None:
    offer = make_offer(hotel)
    reader = sign_in(make_staff(hotel, username="reader", permissions=("view_offer",)))
    assert reader.post(page_of(offer), typed(hotel), headers=HTMX).status_code == 403
    assert reader.post(page_of(Offer, "add"), typed(hotel), headers=HTMX).status_code == 403
    page = reader.get(page_of(offer)).content.decode()
    assert "as saved" in page
    assert "_preview" not in page
    foreign = make_offer(make_hotel("hotel-b"))
    response = sign_in(make_staff(hotel)).post(page_of(foreign), typed(hotel), headers=HTMX)
    assert response.status_code == 302


def test_a_preview_costs_the_same_number_of_queries_however_many_hours(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    offer = make_offer(hotel)
    for hours in (EVERY_DAY[:1], EVERY_DAY):
        with django_assert_num_queries(16):
            client.post(page_of(offer), typed(hotel, *hours), headers=HTMX)
