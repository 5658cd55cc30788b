"""What an offer's calendar makes of the coming week, as the admin shows it."""

from dataclasses import asdict
from datetime import datetime, timedelta

from bookings.calendars import calendar_of, taken_for
from bookings.slots import Day, days
from vouchers.models import Offer, Voucher
from vouchers.terms import terms_of


def coming_days(offer_id: str, *, now: datetime) -> list[Day]:
    """Return today and the six days after it, as holders of the offer's vouchers see them at `now`."""
    offer = Offer.objects.select_related("hotel").get(pk=offer_id)
    # Never saved: only what a new voucher promises decides its calendar.
    terms = terms_of(offer, now=now, valid_from=now - timedelta(days=2), valid_until=now + timedelta(days=9))
    sample = Voucher(hotel=offer.hotel, offer=offer, **asdict(terms))
    calendar = calendar_of(sample)
    first = calendar.day_of(now)
    last = first + timedelta(days=6)
    taken = taken_for(sample, calendar, first, last, now=now)
    return days(calendar, first, last, now=now, taken=taken)
