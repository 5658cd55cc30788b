"""What machines read of vouchers and bookings: schema.org, and nothing that leaves its element."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bookings.domain import cancel_booking
from tests.make import GUEST, GUEST_UID, NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.web import browser_of

pytestmark = pytest.mark.django_db
ODD = "</script><script>alert(1)</script> <!-- & \u2028 ünïcödé"


def data_of(path: str) -> dict[str, Any]:
    page = browser_of(GUEST_UID).get(path).content.decode()
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert not set("<>&\u2028") & set(text)
    content = json.loads(text)
    assert content["@context"] == "https://schema.org"
    return dict(content)


def test_a_voucher_is_the_offer_of_a_service() -> None:
    hotel = make_hotel(name=ODD, phone="+31 20 555")
    offer = make_offer(hotel, title=ODD, price_amount=Decimal("45.00"), service_type="hotel.massage")
    voucher = make_voucher(offer)
    data = data_of(f"/voucher/{voucher.pk}/")
    assert (data["@type"], data["price"], data["priceCurrency"]) == ("Offer", "45.00", "EUR")
    assert (data["name"], data["offeredBy"]["name"]) == (ODD, ODD)
    assert data["offeredBy"] == {"@type": "Hotel", "name": ODD, "telephone": "+31 20 555"}
    assert (data["itemOffered"]["@type"], data["itemOffered"]["serviceType"]) == ("Service", "Massage")
    assert data["availability"] == "https://schema.org/InStock"
    assert data["url"].endswith(f"/voucher/{voucher.pk}/")


@pytest.mark.parametrize(
    ("service", "kind", "start"),
    [("hotel.dinner", "FoodEstablishmentReservation", "startTime"), ("hotel.spa", "EventReservation", None)],
)
def test_a_booking_is_a_reservation_of_its_kind(service: str, kind: str, start: str | None) -> None:
    voucher = make_voucher(make_offer(service_type=service, title=ODD))
    booking = make_booking(voucher, start=NOW + timedelta(days=1, hours=1), name="Ann </script>")
    data = data_of(f"/booking/{booking.pk}/")
    assert (data["@type"], data["reservationId"]) == (kind, booking.pk)
    assert data["underName"] == {"@type": "Person", "name": "Ann </script>"}
    wall = "2026-03-03T10:00:00+01:00"
    assert (data[start] if start else data["reservationFor"]["startDate"]) == wall
    assert data["reservationStatus"] == "https://schema.org/ReservationConfirmed"
    assert data["cancelReservationUrl"].endswith(f"/booking/{booking.pk}/cancel/")
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    data = data_of(f"/booking/{booking.pk}/")
    assert data["reservationStatus"] == "https://schema.org/ReservationCancelled"
    assert "cancelReservationUrl" not in data
