"""Reading what decides a voucher's slots: its offer's calendar, and the places that are taken."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from bookings.models import OFFER_MAX_LENGTH, Booking
from bookings.slots import Calendar, ClosedDays, Counted, Hours, Taken
from bookings.wallclock import day_bounds
from portal.rows import as_date, as_moment, as_time, places_for, rows_of
from vouchers.models import Batch, OpeningHours, Voucher

# By hand, since every page, every answer of slots and every booking asks this.
_WEEKS_AND_CLOSURES = """
SELECT offer_id, weekday, opens, closes,
    CAST(NULL AS date) AS first_day, CAST(NULL AS date) AS last_day, NULL AS reason, id
FROM vouchers_openinghours WHERE offer_id IN {0}
UNION ALL
SELECT offer_id, NULL, NULL, NULL, first_day, last_day, reason, id
FROM vouchers_closure WHERE offer_id IN {0}
ORDER BY weekday, opens, first_day, id
"""
_TAKEN = """
SELECT offer_id, slot_start, slot_end, COUNT(*) FROM bookings_booking
WHERE status = 'booked' AND offer_id IN {0} AND slot_start > %s AND slot_start < %s AND slot_end > %s
GROUP BY offer_id, slot_start, slot_end
UNION ALL
SELECT offer_id, slot_start, slot_end, 1 FROM bookings_hold
WHERE offer_id IN {0} AND slot_start > %s AND slot_start < %s AND slot_end > %s
    AND expires_at > %s AND guest_uid <> %s
"""

# Whatever has a calendar: a voucher, or a batch of vouchers that are all alike.
Bookable = Voucher | Batch


def calendars_of(promises: Sequence[Bookable]) -> list[Calendar]:
    """Return the calendars of vouchers or batches, whose hotel and offer are loaded: one query at most."""
    offer_ids = list({promise.offer_id for promise in promises if promise.offer_id is not None})
    weekly: dict[str, list[Hours]] = {offer_id: [] for offer_id in offer_ids}
    closures: dict[str, list[ClosedDays]] = {offer_id: [] for offer_id in offer_ids}
    if offer_ids:
        told = [*offer_ids, *offer_ids]
        for row in rows_of(OpeningHours, _WEEKS_AND_CLOSURES.format(places_for(offer_ids)), told):
            offer_id, weekday, opens, closes, first, last, reason, _key = row
            if first is None:
                weekly[offer_id].append(Hours(weekday, as_time(opens), as_time(closes)))
            else:
                closures[offer_id].append(ClosedDays(as_date(first), as_date(last), reason))
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
    taken: dict[str, list[Counted]] = {key: [] for key in offer_ids}
    if not taken:
        return {}
    offers = [*taken]
    reach = [since - OFFER_MAX_LENGTH, until, since]
    params = [*offers, *reach, *offers, *reach, now, guest_uid]
    for offer_id, start, end, number in rows_of(Booking, _TAKEN.format(places_for(offers)), params):
        taken[offer_id].append((as_moment(start), as_moment(end), number))
    return {offer_id: Taken(found) for offer_id, found in taken.items()}


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
