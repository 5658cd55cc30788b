"""Slot arithmetic: pure, in UTC over the hotel's wall clock. No database, no clock.

A *day* is a day of the hotel's calendar, an *instant* an aware datetime in UTC. What the
hotel's clock shows at an instant is the business of `bookings.wallclock`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bookings.wallclock import Interval, Window, day_bounds, window_on

_DAY = timedelta(days=1)
_NEAR = timedelta(hours=3)


# An interval, and how often it is taken.
Counted = tuple[datetime, datetime, int]


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours of one weekday (Monday is 0); `closes` at or before `opens` is on the next day."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """Days from `first` to `last`, both included, on which nothing is open."""

    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that decides which slots a voucher has, but who has booked them.

    `weekly` is None for a voucher without an offer: its grid runs from `valid_from` in steps
    through the whole validity.
    """

    zone: ZoneInfo
    valid_from: datetime
    valid_until: datetime
    duration: timedelta
    step: timedelta = timedelta(hours=1)
    places: int = 1
    min_notice: timedelta = timedelta(0)
    weekly: tuple[Hours, ...] | None = None
    closures: tuple[ClosedDays, ...] = ()

    def day_of(self, instant: datetime) -> date:
        """Return the hotel's day at an instant."""
        return instant.astimezone(self.zone).date()

    def closure_on(self, day: date) -> ClosedDays | None:
        """Return the closure that holds on a day."""
        return next((closed for closed in self.closures if closed.first <= day <= closed.last), None)


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that is on the calendar; `left` places of it are free."""

    start: datetime
    end: datetime
    left: int


class Reason(StrEnum):
    """Why a day has no free slot."""

    PAST = "past"
    NOT_YET_VALID = "not_yet_valid"
    NO_LONGER_VALID = "no_longer_valid"
    CLOSURE = "closure"
    NOT_OPEN = "not_open"
    TOO_SOON = "too_soon"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar: its slots, and the reason when none of them is free."""

    day: date
    slots: tuple[Slot, ...]
    reason: Reason | None = None
    closure: str = ""

    @property
    def free(self) -> int:
        """How many slots of the day can be booked."""
        return sum(slot.left > 0 for slot in self.slots)


class Taken:
    """How many places are taken at each instant, built once from what is booked and held."""

    def __init__(self, intervals: Iterable[Interval | Counted] = ()) -> None:
        """Take intervals; one with a number counts as so many alike."""
        steps: dict[datetime, int] = {}
        for start, end, *times in intervals:
            number = times[0] if times else 1
            steps[start] = steps.get(start, 0) + number
            steps[end] = steps.get(end, 0) - number
        self._times = sorted(steps)
        self._levels = []
        level = 0
        for moment in self._times:
            level += steps[moment]
            self._levels.append(level)

    def peak(self, start: datetime, end: datetime) -> int:
        """Return the most places taken at any instant from `start` to before `end`."""
        first = max(bisect_right(self._times, start) - 1, 0)
        last = bisect_left(self._times, end, first)
        # Most slots lie between two changes: no list is made for them.
        if last - first == 1:
            return self._levels[first]
        return max(self._levels[first:last], default=0)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _windows(calendar: Calendar, first: date, last: date) -> list[Window]:
    """Return the opening hours that begin on the days from `first` to `last`, closures left out."""
    return [
        window_on(day, hours.opens, hours.closes, calendar.zone)
        for day in _days(first, last)
        if calendar.closure_on(day) is None
        for hours in calendar.weekly or ()
        if hours.weekday == day.weekday()
    ]


def _open_intervals(calendar: Calendar, windows: Sequence[Window], days: Iterable[date]) -> list[Interval]:
    """Join windows that touch and cut closed days out of them."""
    joined: list[Interval] = []
    for opens, closes in sorted((window.opens, window.closes) for window in windows):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    for day in days:
        if calendar.closure_on(day) is not None:
            begins, ends = day_bounds(day, calendar.zone)
            joined = [
                piece
                for opens, closes in joined
                for piece in ((opens, min(closes, begins)), (max(opens, ends), closes))
                if piece[0] < piece[1]
            ]
    return joined


def _offer_starts(calendar: Calendar, first: date, last: date) -> list[datetime]:
    # Hours of the day before may run past midnight, and a slot may end on a later day.
    reach = range(-1, calendar.duration // _DAY + 3)
    until = last + timedelta(days=reach[-1])
    windows = _windows(calendar, first - _DAY, until)
    intervals = _open_intervals(calendar, windows, _days(first - _DAY, until))
    begins = [opens for opens, _closes in intervals]
    # Well inside these days no clock change can move an instant out of them: only the
    # instants near their ends need a look at the clock.
    surely_from = day_bounds(first, calendar.zone)[0] + _NEAR
    surely_until = day_bounds(last, calendar.zone)[1] - _NEAR
    starts = set()
    for window in windows:
        if window.wall_opens.date() > last:
            continue
        for start in window.grid(calendar.step, calendar.zone):
            place = bisect_right(begins, start) - 1
            if (
                place >= 0
                and start + calendar.duration <= intervals[place][1]
                and (surely_from <= start < surely_until or first <= calendar.day_of(start) <= last)
            ):
                starts.add(start)
    return sorted(starts)


def _plain_starts(calendar: Calendar, first: date, last: date) -> list[datetime]:
    begins = max(day_bounds(first, calendar.zone)[0], calendar.valid_from)
    ends = day_bounds(last, calendar.zone)[1]
    number = -((calendar.valid_from - begins) // calendar.step)
    start = calendar.valid_from + number * calendar.step
    starts = []
    while start < ends and start + calendar.duration <= calendar.valid_until:
        starts.append(start)
        start += calendar.step
    return starts


def starts(calendar: Calendar, first: date, last: date) -> list[datetime]:
    """Return where slots start on the days from `first` to `last`, whoever booked them and whenever now is.

    They are on the grid, wholly inside validity and opening hours, and outside closures.
    """
    first = max(first, calendar.day_of(calendar.valid_from))
    last = min(last, calendar.day_of(calendar.valid_until))
    if first > last:
        return []
    if calendar.weekly is None:
        return _plain_starts(calendar, first, last)
    return [
        start
        for start in _offer_starts(calendar, first, last)
        if calendar.valid_from <= start and start + calendar.duration <= calendar.valid_until
    ]


def is_on_calendar(calendar: Calendar, start: datetime) -> bool:
    """Tell whether a slot starts at this instant."""
    day = calendar.day_of(start)
    return start in starts(calendar, day, day)


def slots(calendar: Calendar, first: date, last: date, *, now: datetime, taken: Taken) -> list[Slot]:
    """Return the slots from `first` to `last` that are not too soon at `now`, full ones included."""
    earliest = now + calendar.min_notice
    return [
        Slot(start, end, max(calendar.places - taken.peak(start, end), 0))
        for start in starts(calendar, first, last)
        if start >= earliest
        for end in (start + calendar.duration,)
    ]


def days(calendar: Calendar, first: date, last: date, *, now: datetime, taken: Taken) -> list[Day]:
    """Return every day from `first` to `last` with its slots, or the reason why it has none free."""
    by_day: dict[date, list[Slot]] = {day: [] for day in _days(first, last)}
    for slot in slots(calendar, first, last, now=now, taken=taken):
        by_day[calendar.day_of(slot.start)].append(slot)
    answer = []
    for day, found in by_day.items():
        if any(slot.left for slot in found):
            answer.append(Day(day, tuple(found)))
        elif found:
            answer.append(Day(day, tuple(found), Reason.FULL))
        else:
            reason = _why_closed(calendar, day, now)
            closure = calendar.closure_on(day) if reason == Reason.CLOSURE else None
            answer.append(Day(day, (), reason, closure.reason if closure else ""))
    return answer


def _why_closed(calendar: Calendar, day: date, now: datetime) -> Reason:
    """Return why a day has no slot that can still be booked."""
    if day < calendar.day_of(now):
        return Reason.PAST
    if day < calendar.day_of(calendar.valid_from):
        return Reason.NOT_YET_VALID
    if day > calendar.day_of(calendar.valid_until):
        return Reason.NO_LONGER_VALID
    if calendar.closure_on(day) is not None:
        return Reason.CLOSURE
    if starts(calendar, day, day):
        return Reason.TOO_SOON
    if calendar.weekly is None:
        return Reason.NO_LONGER_VALID
    opened = _offer_starts(calendar, day, day)
    if not opened:
        return Reason.NOT_OPEN
    return Reason.NOT_YET_VALID if opened[-1] < calendar.valid_from else Reason.NO_LONGER_VALID


def first_free(calendar: Calendar, *, now: datetime, taken: Taken, days_ahead: int) -> Slot | None:
    """Return the first free slot that starts within so many days from `now`."""
    day = max(calendar.day_of(now + calendar.min_notice), calendar.day_of(calendar.valid_from))
    last = min(calendar.day_of(now) + timedelta(days=days_ahead), calendar.day_of(calendar.valid_until))
    while day <= last:
        until = min(day + timedelta(days=1), last)
        for slot in slots(calendar, day, until, now=now, taken=taken):
            if slot.left:
                return slot
        day = until + _DAY
    return None


def nearest_free(
    calendar: Calendar, wanted: datetime, *, now: datetime, taken: Taken, number: int = 3
) -> list[Slot]:
    """Return the free slots nearest to a wanted start, within a week of it, in order of time."""
    day = calendar.day_of(wanted)
    week = timedelta(days=7)
    free = [
        slot
        for slot in slots(calendar, day - week, day + week, now=now, taken=taken)
        if slot.left and slot.start != wanted
    ]
    nearest = sorted(free, key=lambda slot: (abs(slot.start - wanted), slot.start))[:number]
    return sorted(nearest, key=lambda slot: slot.start)
