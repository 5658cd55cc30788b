"""Reads of calendars and bookings, shaped for a screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from bookings import slots
from bookings.calendars import Bookable, calendar_of, calendars_of, taken_by_offer, taken_for
from bookings.models import Booking, Hold
from bookings.slots import Calendar, Day, Reason, Slot, Taken

# How far ahead a card looks for its next free slot.
HORIZON_DAYS = 14
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month of a voucher's calendar, week by week from Monday.

    Days of other months are None, and weeks that are over are left out: they would push
    what can be booked off a phone's screen.
    """

    first: date
    weeks: list[list[Day | None]]
    previous: date | None
    next: date | None

    @property
    def days(self) -> list[Day]:
        """The days of the month."""
        return [day for week in self.weeks for day in week if day is not None]

    @property
    def closures(self) -> list[tuple[date, date, str]]:
        """The closures in the month: first day, last day, reason."""
        found: list[tuple[date, date, str]] = []
        for day in self.days:
            if day.reason != Reason.CLOSURE:
                continue
            if found and found[-1][2] == day.closure and found[-1][1] + _DAY == day.day:
                found[-1] = (found[-1][0], day.day, day.closure)
            else:
                found.append((day.day, day.day, day.closure))
        return found

    @property
    def free(self) -> int:
        """How many slots of the month can be booked."""
        return sum(day.free for day in self.days)


@dataclass(frozen=True, slots=True)
class CalendarView:
    """What the calendar shows: a month, and one of its days when it is chosen."""

    calendar: Calendar
    month: MonthView
    day: Day | None
    today: date


def next_free_slots(
    promises: Sequence[Bookable], *, now: datetime, guest_uid: str = ""
) -> dict[str, Slot | None]:
    """Return the first slot within two weeks that is free for a guest, by voucher or batch: three queries."""
    calendars = calendars_of(promises)
    until = now + timedelta(days=HORIZON_DAYS + 2)
    offer_ids = {promise.offer_id for promise in promises if promise.offer_id is not None}
    taken = taken_by_offer(offer_ids, now, until, now=now, guest_uid=guest_uid)
    return {
        promise.pk: slots.first_free(
            calendar,
            now=now,
            taken=taken[promise.offer_id] if promise.offer_id is not None else Taken(),
            days_ahead=HORIZON_DAYS,
        )
        for promise, calendar in zip(promises, calendars, strict=True)
    }


def calendar_view(
    promise: Bookable,
    *,
    now: datetime,
    month: date | None = None,
    day: date | None = None,
    guest_uid: str = "",
) -> CalendarView:
    """Return the calendar at a month and a day, for a guest; four queries at most, the promise's own aside.

    A month outside the voucher's time is replaced by the nearest one inside. Without month
    and day, it is the month of the first free slot in about two months.
    """
    calendar = calendar_of(promise)
    today = calendar.day_of(now)
    first_day = max(today, calendar.day_of(calendar.valid_from))
    last_day = max(calendar.day_of(calendar.valid_until), first_day)
    wanted = day or month
    if wanted is None:
        soon = min(_month_after(_month_after(first_day.replace(day=1))) - _DAY, last_day)
        taken = taken_for(promise, calendar, first_day, soon, now=now, guest_uid=guest_uid)
        ahead = (soon - today).days
        found = slots.first_free(calendar, now=now, taken=taken, days_ahead=ahead)
        first = (calendar.day_of(found.start) if found else first_day).replace(day=1)
    else:
        first = min(max(wanted.replace(day=1), first_day.replace(day=1)), last_day.replace(day=1))
        last = _month_after(first) - _DAY
        taken = taken_for(promise, calendar, first, last, now=now, guest_uid=guest_uid)
    days = slots.days(calendar, first, _month_after(first) - _DAY, now=now, taken=taken)
    month_view = MonthView(
        first,
        [week for week in _weeks(days) if not _is_over(week)],
        previous=(first - _DAY).replace(day=1) if first > first_day else None,
        next=_month_after(first) if _month_after(first) <= last_day else None,
    )
    chosen = next((found for found in days if found.day == day), None)
    return CalendarView(calendar, month_view, chosen, today)


def day_view(promise: Bookable, day: date, *, now: datetime) -> Day:
    """Return one day of the calendar with its slots."""
    calendar = calendar_of(promise)
    day = min(max(day, calendar.day_of(calendar.valid_from)), calendar.day_of(calendar.valid_until))
    taken = taken_for(promise, calendar, day, day, now=now)
    return slots.days(calendar, day, day, now=now, taken=taken)[0]


def nearest_slots(promise: Bookable, wanted: datetime, *, now: datetime, guest_uid: str = "") -> list[Slot]:
    """Return the slots that are free for a guest and nearest to one that cannot be had."""
    calendar = calendar_of(promise)
    day, week = calendar.day_of(wanted), timedelta(days=8)
    taken = taken_for(promise, calendar, day - week, day + week, now=now, guest_uid=guest_uid)
    return slots.nearest_free(calendar, wanted, now=now, taken=taken)


def form_hold(promise: Bookable, start: datetime, *, guest_uid: str, now: datetime) -> Hold | None:
    """Return the hold that a guest's form has of the slot that starts at `start`, while it stands."""
    if not guest_uid or promise.offer_id is None:
        return None
    own = Hold.objects.of_form().standing(now)
    return own.filter(guest_uid=guest_uid, offer=promise.offer_id, slot_start=start).first()


def _month_after(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _is_over(week: Sequence[Day | None]) -> bool:
    return all(day is None or day.reason == Reason.PAST for day in week)


def _weeks(days: Sequence[Day]) -> list[list[Day | None]]:
    before: list[Day | None] = [None] * days[0].day.weekday()
    cells = [*before, *days]
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


@dataclass(frozen=True, slots=True)
class GuestBookings:
    """A guest's bookings: the live ones by time, then those that are over or cancelled."""

    upcoming: list[Booking]
    past: list[Booking]


def bookings_of(guest_uid: str, *, now: datetime, most: int = 500) -> GuestBookings:
    """Return a guest's bookings, of very many the latest `most`."""
    own = list(own_bookings(guest_uid).order_by("-slot_start", "-pk")[:most])
    live = [booking for booking in own if booking.is_live(now)]
    over = [booking for booking in own if not booking.is_live(now)]
    return GuestBookings(live[::-1], over)


def booking_of_guest(booking_id: str, guest_uid: str) -> Booking | None:
    """Return a guest's own booking with all that its page shows; None for anyone else's."""
    return own_bookings(guest_uid).filter(pk=booking_id).first()


def pressed_before(form_key: object) -> Booking | None:
    """Return the booking that the same form made already: what its second press is answered with.

    Only the browser that was given the form knows its random key.
    """
    return Booking.objects.filter(form_key=str(form_key)).first() if form_key else None


def own_bookings(guest_uid: str) -> QuerySet[Booking]:
    """Return a guest's own bookings with hotel, voucher and offer loaded."""
    return Booking.objects.held_by(guest_uid).select_related(
        "hotel", "offer", "voucher__hotel", "voucher__offer"
    )
