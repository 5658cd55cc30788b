"""What an offer's calendar makes of the coming week, as the admin shows it: as saved, or as typed now."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from bookings.calendars import calendar_of, taken_by_offer, taken_for
from bookings.slots import Calendar, ClosedDays, Day, Hours, Taken, days
from bookings.wallclock import day_bounds
from vouchers.models import Hotel, Offer, Voucher
from vouchers.terms import terms_of

_DAYS = timedelta(days=6)


def coming_days(offer_id: str, *, now: datetime) -> list[Day]:
    """Return today and the six days after it, as holders of the offer's vouchers see them at `now`."""
    offer = Offer.objects.select_related("hotel").get(pk=offer_id)
    # Never saved: only what a new voucher promises decides its calendar.
    valid_from, valid_until = _validity(now)
    terms = terms_of(offer, now=now, valid_from=valid_from, valid_until=valid_until)
    sample = Voucher(hotel=offer.hotel, offer=offer, **asdict(terms))
    calendar = calendar_of(sample)
    first = calendar.day_of(now)
    last = first + _DAYS
    taken = taken_for(sample, calendar, first, last, now=now)
    return days(calendar, first, last, now=now, taken=taken)


def typed_days(
    *,
    hotel: Hotel,
    offer_id: str | None,
    fields: Mapping[str, Any],
    hours: Iterable[Mapping[str, Any]],
    closures: Iterable[Mapping[str, Any]],
    now: datetime,
) -> list[Day]:
    """Return the same for an offer as a form has it: nothing of it is saved.

    `fields`, `hours` and `closures` are clean values of the form and its inline rows; the bookings
    that an offer of this id has already take their places. One statement at most.
    """
    valid_from, valid_until = _validity(now)
    calendar = Calendar(
        zone=hotel.zone,
        valid_from=valid_from,
        valid_until=valid_until,
        duration=timedelta(minutes=fields["duration_minutes"]),
        step=timedelta(minutes=fields["step_minutes"]),
        places=fields["capacity"],
        min_notice=timedelta(minutes=fields["min_notice_minutes"]),
        weekly=tuple(Hours(row["weekday"], row["opens"], row["closes"]) for row in hours),
        closures=tuple(ClosedDays(row["first_day"], row["last_day"], row["reason"]) for row in closures),
    )
    first = calendar.day_of(now)
    last = first + _DAYS
    taken = Taken()
    if offer_id is not None:
        since = day_bounds(first, calendar.zone)[0]
        until = day_bounds(last, calendar.zone)[1] + calendar.duration
        taken = taken_by_offer([offer_id], since, until, now=now)[offer_id]
    return days(calendar, first, last, now=now, taken=taken)


def _validity(now: datetime) -> tuple[datetime, datetime]:
    """Return a validity that leaves nothing of the week out."""
    return now - timedelta(days=2), now + timedelta(days=9)
