"""Bookings that a journey begins with, made past the browser: each on a voucher of its own."""

from contextlib import suppress
from datetime import datetime, time, timedelta

from django.utils import timezone

from bookings.domain import GuestDetails, book_slot
from portal.actors import staff
from portal.errors import Rejected
from presence.domain import new_guest_uid
from vouchers.domain import issue_vouchers
from vouchers.models import Offer
from vouchers.terms import terms_of


def reserve(title: str) -> str:
    """Book a free slot of the next weeks for Ada Lovelace; returns the booking's id."""
    now, by = timezone.now(), staff("other")
    offer = Offer.objects.select_related("hotel").get(title=title)
    holder = new_guest_uid()
    # A voucher of the guest's own: the list that everybody sees is other journeys' concern.
    (voucher,) = issue_vouchers(
        hotel=offer.hotel, offer=offer, terms=terms_of(offer, now=now), holder_uid=holder, by=by, now=now
    )
    today = now.astimezone(offer.hotel.zone).date()
    for number in range(2, 30):
        for hour in range(10, 21):
            day = today + timedelta(days=number)
            with suppress(Rejected):
                return book_slot(
                    voucher_id=voucher.pk,
                    start=datetime.combine(day, time(hour), offer.hotel.zone),
                    holder_uid=holder,
                    by=by,
                    now=now,
                    guest=GuestDetails(name="Ada Lovelace"),
                ).pk
    raise AssertionError(f"{title} has no free slot.")
