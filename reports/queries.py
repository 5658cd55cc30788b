"""Reads of journal and bookings that are counted by the database, a statement for each figure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from django.db.models import Case, Count, F, QuerySet, Value, When

from bookings.models import Booking, BookingStatus
from events.models import Event
from reports.clocks import (
    DAY,
    HOUR,
    MINUTE,
    Epoch,
    day_number,
    hour_of_week,
    seconds_by,
    seconds_by_hotel,
    whole,
)
from reports.periods import Period
from vouchers.models import Hotel, Offer
from vouchers.states import Status

_FIRST_DAY = date(1970, 1, 1)
# What the bands of the time between booking and slot begin with, in seconds.
BANDS = (0, HOUR, 6 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 28 * DAY)


class Happening(StrEnum):
    """What the journal is counted for: its types of event."""

    ISSUED = "voucher.issue"
    BOOKED = "voucher.book"
    REDEEMED = "voucher.redeem"
    CANCELLED = "voucher.cancel"
    EXPIRED = "voucher.expire"


class Outcome(StrEnum):
    """What became of a booking that was made; each became exactly one of these."""

    REDEEMED = "redeemed"
    COMING = "coming"
    UNTOLD = "untold"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


@dataclass(frozen=True, slots=True)
class OfferKey:
    """Bookings of one offer, or those of a hotel's vouchers without an offer."""

    hotel_uid: str
    offer_id: str | None


@dataclass(frozen=True, slots=True)
class Lead:
    """How long before their slot bookings were made: how many in each band, and the median."""

    bands: list[int]
    median: timedelta | None

    @property
    def total(self) -> int:
        """How many bookings there are."""
        return sum(self.bands)


@dataclass(frozen=True, slots=True)
class Activity:
    """How often each thing happened, bucket by bucket of a period."""

    counts: dict[Happening, list[int]] = field(default_factory=dict)

    def total(self, happening: Happening) -> int:
        """How often it happened in the whole period."""
        return sum(self.counts[happening])


def offers_of(hotels: Sequence[Hotel]) -> dict[str, Offer]:
    """Return the hotels' offers by id, each with its hotel: one statement."""
    by_uid = {hotel.pk: hotel for hotel in hotels}
    found = {}
    for offer in Offer.objects.filter(hotel__in=hotels).order_by("title", "pk"):
        offer.hotel = by_uid[offer.hotel_id]
        found[offer.pk] = offer
    return found


def activity(hotels: Sequence[Hotel], period: Period) -> Activity:
    """Return what the journal says happened at the hotels: one statement."""
    seconds = seconds_by("created_at", period.zone, period.since, period.until)
    rows = (
        Event.objects.filter(
            issuer_uid__in=[hotel.pk for hotel in hotels],
            type__in=list(Happening),
            created_at__gte=period.since,
            created_at__lt=period.until,
        )
        .order_by()
        .annotate(day=day_number(seconds))
        .values_list("type", "day")
        .annotate(number=Count("*"))
    )
    buckets = period.buckets()
    places = {
        bucket.first + timedelta(days=number): place
        for place, bucket in enumerate(buckets)
        for number in range((bucket.last - bucket.first).days + 1)
    }
    counts = {happening: [0] * len(buckets) for happening in Happening}
    for kind, day, number in rows:
        counts[Happening(kind)][places[_FIRST_DAY + timedelta(days=day)]] += number
    return Activity(counts)


def usage(hotels: Sequence[Hotel], period: Period) -> dict[OfferKey, dict[tuple[int, int], int]]:
    """Return how many standing bookings each offer has by weekday (Monday is 0) and hour: one statement.

    The slots are those of the period; weekday and hour are those of the hotel's own clock.
    """
    seconds = seconds_by_hotel("slot_start", hotels, period.since, period.until)
    rows = (
        Booking.objects.standing()
        .filter(hotel__in=hotels, slot_start__gte=period.since, slot_start__lt=period.until)
        .order_by()
        .annotate(hour=hour_of_week(seconds))
        .values_list("hotel_id", "offer_id", "hour")
        .annotate(number=Count("*"))
    )
    found: dict[OfferKey, dict[tuple[int, int], int]] = {}
    for hotel_uid, offer_id, hour, number in rows:
        found.setdefault(OfferKey(hotel_uid, offer_id), {})[divmod(hour, 24)] = number
    return found


def made(hotels: Sequence[Hotel], period: Period) -> QuerySet[Booking]:
    """Return the bookings that were made in a period, whatever became of them."""
    rows = Booking.objects.filter(hotel__in=hotels)
    return rows.filter(created_at__gte=period.since, created_at__lt=period.until).order_by()


def lead(hotels: Sequence[Hotel], period: Period) -> Lead:
    """Return how long before their slot the bookings of a period were made: one statement.

    The slot is the one that a booking has now, moved or not. The database counts by the minute,
    which is as exact as the median is told.
    """
    seconds = Epoch(F("slot_start")) - Epoch(F("created_at"))
    rows = made(hotels, period).annotate(minutes=seconds / whole(MINUTE)).values_list("minutes")
    counts = sorted(rows.annotate(number=Count("*")))
    bands = [0] * len(BANDS)
    for minutes, number in counts:
        # What was brought in from elsewhere may have been booked after its slot began.
        bands[max(bisect_right(BANDS, minutes * MINUTE) - 1, 0)] += number
    return Lead(bands, _median(counts, sum(bands)))


def _median(counts: Sequence[tuple[int, int]], total: int) -> timedelta | None:
    """Return the middle of so many minutes with their numbers, or what lies between the middle two."""
    if not total:
        return None
    reached = list(accumulate(number for _minutes, number in counts))
    middle = [counts[bisect_left(reached, place)][0] for place in ((total + 1) // 2, total // 2 + 1)]
    return timedelta(minutes=sum(middle) / 2)


def outcomes(hotels: Sequence[Hotel], period: Period, now: datetime) -> dict[OfferKey, dict[Outcome, int]]:
    """Return what became, by `now`, of the bookings that were made in a period: one statement."""
    outcome = Case(
        When(status=BookingStatus.CANCELLED, then=Value(Outcome.CANCELLED)),
        # A guest who was marked and came after all has come.
        When(voucher__status=Status.CONSUMED, then=Value(Outcome.REDEEMED)),
        When(no_show_at__isnull=False, then=Value(Outcome.NO_SHOW)),
        When(slot_end__gt=now, then=Value(Outcome.COMING)),
        default=Value(Outcome.UNTOLD),
    )
    rows = (
        made(hotels, period)
        .annotate(outcome=outcome)
        .values_list("hotel_id", "offer_id", "outcome")
        .annotate(number=Count("*"))
    )
    found: dict[OfferKey, dict[Outcome, int]] = {}
    for hotel_uid, offer_id, word, number in rows:
        found.setdefault(OfferKey(hotel_uid, offer_id), {})[Outcome(word)] = number
    return found
