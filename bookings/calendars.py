"""Reading what decides a voucher's slots: its offer's calendar, and the places that are taken."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from bookings.models import OFFER_MAX_LENGTH, Booking, Hold
from bookings.slots import Calendar, ClosedDays, Hours, Taken
from bookings.wallclock import day_bounds
from vouchers.models import Batch, Closure, OpeningHours, Voucher

# Whatever has a calendar: a voucher, or a batch of vouchers that are all alike.
Bookable = Voucher | Batch


def calendars_of(promises: Sequence[Bookable]) -> list[Calendar]:
    """Return the calendars of vouchers or batches, whose hotel and offer are loaded: two queries at most."""
    offer_ids = {promise.offer_id for promise in promises if promise.offer_id is not None}
    weekly: dict[str, list[Hours]] = {offer_id: [] for offer_id in offer_ids}
    closures: dict[str, list[ClosedDays]] = {offer_id: [] for offer_id in offer_ids}
    if offer_ids:
        hours = OpeningHours.objects.filter(offer__in=offer_ids).order_by("weekday", "opens")
        for offer_id, weekday, opens, closes in hours.values_list("offer_id", "weekday", "opens", "closes"):
            weekly[offer_id].append(Hours(weekday, opens, closes))
        closed = Closure.objects.filter(offer__in=offer_ids).order_by("first_day", "pk")
        for offer_id, first, last, reason in closed.values_list(
            "offer_id", "first_day", "last_day", "reason"
        ):
            closures[offer_id].append(ClosedDays(first, last, reason))
    return [_calendar(promise, weekly, closures) for promise in promises]


def calendar_of(promise: Bookable) -> Calendar:
    """Return one voucher's or batch's calendar."""
    return calendars_of([promise])[0]


def _calendar(
    promise: Bookable,
    weekly: Mapping[str, Iterable[Hours]],
    closures: Mapping[str, Iterable[ClosedDays]],
) -> Calendar:
    offer = promise.offer
    if offer is None:
        return Calendar(
            zone=promise.hotel.zone,
            valid_from=promise.valid_from,
            valid_until=promise.valid_until,
            duration=timedelta(minutes=promise.duration_minutes),
        )
    return Calendar(
        zone=promise.hotel.zone,
        valid_from=promise.valid_from,
        valid_until=promise.valid_until,
        duration=timedelta(minutes=promise.duration_minutes),
        step=timedelta(minutes=offer.step_minutes),
        places=offer.capacity,
        min_notice=timedelta(minutes=offer.min_notice_minutes),
        weekly=tuple(weekly[offer.pk]),
        closures=tuple(closures[offer.pk]),
    )


def taken_by_offer(
    offer_ids: Iterable[str], since: datetime, until: datetime, *, now: datetime, guest_uid: str = ""
) -> dict[str, Taken]:
    """Return the taken places of offers between two instants, booked or held at `now`: one query.

    What is held for `guest_uid` is free for them.
    """
    intervals: dict[str, list[tuple[datetime, datetime]]] = {key: [] for key in offer_ids}
    if not intervals:
        return {}
    between = {
        "offer__in": list(intervals),
        "slot_start__gt": since - OFFER_MAX_LENGTH,
        "slot_start__lt": until,
        "slot_end__gt": since,
    }
    columns = ("offer_id", "slot_start", "slot_end")
    booked = Booking.objects.standing().filter(**between).order_by().values_list(*columns)
    held = Hold.objects.standing(now).filter(**between).order_by()
    if guest_uid:
        held = held.exclude(guest_uid=guest_uid)
    for offer_id, start, end in booked.union(held.values_list(*columns), all=True):
        intervals[offer_id].append((start, end))
    return {offer_id: Taken(found) for offer_id, found in intervals.items()}


def taken_for(
    promise: Bookable, calendar: Calendar, first: date, last: date, *, now: datetime, guest_uid: str = ""
) -> Taken:
    """Return the places taken on the days from `first` to `last`, for slots that start on them.

    What is held for `guest_uid` is free for them. A voucher without an offer has its one place
    to itself: nobody else can take it.
    """
    if promise.offer_id is None:
        return Taken()
    since = day_bounds(first, calendar.zone)[0]
    until = day_bounds(last, calendar.zone)[1] + calendar.duration
    found = taken_by_offer([promise.offer_id], since, until, now=now, guest_uid=guest_uid)
    return found[promise.offer_id]
