"""The coming week: how many places each offer has on each day, and how many are booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count

from bookings.calendars import calendars_of
from bookings.models import Booking
from bookings.slots import Calendar, starts
from bookings.wallclock import day_bounds
from reports.clocks import day_number, seconds_by_hotel
from vouchers.models import Hotel, Offer, Voucher

DAYS = 7
# Reckoning a calendar costs some thousandths of a second.
MOST_OFFERS = 60
_DAY = timedelta(days=1)
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Load:
    """How full an offer is: booked places and places offered, for each day."""

    offer: Offer
    booked: list[int]
    offered: list[int]


@dataclass(frozen=True, slots=True)
class HotelWeek:
    """A hotel's offers over today and the six days after it, by its own clock."""

    hotel: Hotel
    days: list[date]
    loads: list[Load]


@dataclass(frozen=True, slots=True)
class Coming:
    """The coming week of some hotels; `left_out` offers were too many to show."""

    weeks: list[HotelWeek]
    left_out: int


def coming_week(hotels: Sequence[Hotel], offers: Mapping[str, Offer], now: datetime) -> Coming:
    """Return how full the hotels are: three statements, however many bookings there are.

    Of offers that are no longer active, only those appear that still have bookings.
    """
    first_days = {hotel.pk: now.astimezone(hotel.zone).date() for hotel in hotels}
    booked = _booked(hotels, now)
    wanted = [offer for offer in offers.values() if offer.is_active or offer.pk in booked]
    order = {hotel.pk: place for place, hotel in enumerate(hotels)}
    wanted.sort(key=lambda offer: (order[offer.hotel_id], offer.title, offer.pk))
    shown = wanted[:MOST_OFFERS]
    loads: dict[str, list[Load]] = {}
    for offer, calendar in zip(shown, _calendars(shown, now), strict=True):
        first = first_days[offer.hotel_id]
        days = [first + timedelta(days=number) for number in range(DAYS)]
        taken = booked.get(offer.pk, {})
        load = Load(offer, [taken.get(day, 0) for day in days], places_offered(calendar, days))
        loads.setdefault(offer.hotel_id, []).append(load)
    weeks = [
        HotelWeek(
            hotel,
            [first_days[hotel.pk] + timedelta(days=number) for number in range(DAYS)],
            loads[hotel.pk],
        )
        for hotel in hotels
        if hotel.pk in loads
    ]
    return Coming(weeks, len(wanted) - len(shown))


def places_offered(calendar: Calendar, days: Sequence[date]) -> list[int]:
    """Return how many bookings fit on each day, one after the other, at all places.

    Slots that overlap share their places: of them, the earliest that fit are counted.
    """
    found = dict.fromkeys(days, 0)
    free_from: datetime | None = None
    for start in starts(calendar, days[0], days[-1]):
        if free_from is None or start >= free_from:
            found[calendar.day_of(start)] += calendar.places
            free_from = start + calendar.duration
    return list(found.values())


def _calendars(offers: Sequence[Offer], now: datetime) -> list[Calendar]:
    """Return the offers' calendars as a voucher has them that is valid all week: two statements."""
    samples = [
        # Never saved: only its time and its offer decide a calendar.
        Voucher(
            hotel=offer.hotel,
            offer=offer,
            duration_minutes=offer.duration_minutes,
            valid_from=now - 2 * _DAY,
            valid_until=now + (DAYS + 3) * _DAY,
        )
        for offer in offers
    ]
    return calendars_of(samples)


def _booked(hotels: Sequence[Hotel], now: datetime) -> dict[str, dict[date, int]]:
    """Return how many standing bookings of each offer begin on each of the hotel's days: one statement."""
    bounds = [day_bounds(now.astimezone(hotel.zone).date(), hotel.zone)[0] for hotel in hotels]
    since, until = min(bounds), max(bounds) + (DAYS + 1) * _DAY
    rows = (
        Booking.objects.standing()
        .filter(hotel__in=hotels, offer__isnull=False, slot_start__gte=since, slot_start__lt=until)
        .order_by()
        .annotate(day=day_number(seconds_by_hotel("slot_start", hotels, since, until)))
        .values_list("offer_id", "day")
        .annotate(number=Count("pk"))
    )
    found: dict[str, dict[date, int]] = {}
    for offer_id, number_of_day, number in rows:
        found.setdefault(str(offer_id), {})[_FIRST_DAY + timedelta(days=number_of_day)] = number
    return found
