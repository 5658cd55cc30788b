"""The waiting list in the admin."""

from datetime import timedelta

import pytest
from django.test import Client

from tests.make import NOW, make_hotel, make_offer
from tests.staff import make_staff, page_of, sign_in
from vouchers.models import Hotel, Offer
from waiting.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def wait(offer: Offer, number: int, **fields: str) -> Entry:
    return Entry.objects.create(
        id=f"q-aaaaaaa{number}-aaaaaaaaaaaa",
        hotel=offer.hotel,
        offer=offer,
        promise_key="vb-1",
        day=NOW.date() + timedelta(days=1),
        joined_at=NOW,
        guest_uid=f"thinker-{number:012}",
        **{"title": "Spa hour", "guest_name": "Ann Lee", "guest_email": "ann@guest.example", **fields},
    )


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("q-aaaaaaa1", {1}),
        ("q-aaaaaaa2-aaaaaaaaaaaa", {2}),
        ("thinker-000000000002", {2}),
        ("thinker-00000000000", set()),
        ("lee ANN", {1}),
        ("bob@", {2}),
        ("dinner", {2}),
        ("q-zzzzzzz", set()),
        ("%", set()),
    ],
)
def test_a_guest_in_line_is_found(client: Client, hotel: Hotel, typed: str, found: set[int]) -> None:
    offer = make_offer(hotel)
    entries = {
        1: wait(offer, 1),
        2: wait(offer, 2, title="Dinner", guest_name="Bob", guest_email="bob@guest.example"),
    }
    wait(make_offer(make_hotel("hotel-b")), 3, title="Dinner of another hotel")
    shown = client.get(page_of(Entry), {"q": typed}).context["cl"].result_list
    assert {entry.pk for entry in shown} == {entries[number].pk for number in found}
