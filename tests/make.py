"""Plain functions that make data for tests; every field can be overridden."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from bookings.domain import GuestDetails, book_slot
from bookings.models import Booking
from portal.actors import Actor, guest, staff, system
from vouchers.domain import issue_vouchers
from vouchers.models import Hotel, Offer, OpeningHours, Voucher
from vouchers.terms import Terms, terms_of

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOTEL_SYSTEM: Actor = system("test")
CLERK: Actor = staff("clerk")
GUEST_UID = "thinker-0123456789ab"
OTHER_UID = "thinker-ba9876543210"
GUEST: Actor = guest(GUEST_UID)


def make_hotel(uid: str = "hotel-a", **overrides: Any) -> Hotel:
    fields: dict[str, Any] = {"name": f"Hotel {uid}", "time_zone": "Europe/Amsterdam"}
    return Hotel.objects.get_or_create(uid=uid, defaults={**fields, **overrides})[0]


def make_offer(
    hotel: Hotel | None = None,
    *,
    opens: time = time(10),
    closes: time = time(18),
    weekdays: range | tuple[int, ...] = range(7),
    **overrides: Any,
) -> Offer:
    fields: dict[str, Any] = {
        "id": f"o-{Offer.objects.count()}",
        "hotel": hotel or make_hotel(),
        "title": "Spa hour",
        "service_type": "hotel.spa",
        "max_per_guest": 1,
    }
    offer = Offer.objects.create(**{**fields, **overrides})
    for weekday in weekdays:
        OpeningHours.objects.create(offer=offer, weekday=weekday, opens=opens, closes=closes)
    return offer


def make_terms(**overrides: Any) -> Terms:
    fields: dict[str, Any] = {
        "title": "Stay",
        "valid_from": NOW,
        "valid_until": NOW + timedelta(days=30),
    }
    return Terms(**{**fields, **overrides})


def make_vouchers(
    offer: Offer | None = None,
    count: int = 1,
    *,
    hotel: Hotel | None = None,
    holder_uid: str = "",
    now: datetime = NOW,
    **terms: Any,
) -> list[Voucher]:
    """Issue vouchers: of an offer on its terms, without one on plain terms; `terms` override."""
    if offer is None:
        wanted = make_terms(**terms)
    else:
        wanted = terms_of(
            offer,
            now=now,
            valid_from=terms.pop("valid_from", None),
            valid_until=terms.pop("valid_until", None),
        )
    return issue_vouchers(
        hotel=hotel or (offer.hotel if offer else make_hotel()),
        offer=offer,
        terms=wanted,
        count=count,
        holder_uid=holder_uid,
        by=HOTEL_SYSTEM,
        now=now,
    )


def make_voucher(offer: Offer | None = None, **fields: Any) -> Voucher:
    return make_vouchers(offer, **fields)[0]


def make_booking(
    voucher: Voucher | None = None,
    *,
    start: datetime | None = None,
    holder_uid: str = GUEST_UID,
    by: Actor = HOTEL_SYSTEM,
    now: datetime = NOW,
    **details: Any,
) -> Booking:
    voucher = voucher or make_voucher()
    return book_slot(
        voucher_id=voucher.pk,
        start=start or NOW + timedelta(days=1),
        holder_uid=holder_uid,
        by=by,
        now=now,
        guest=GuestDetails(**details),
    )
