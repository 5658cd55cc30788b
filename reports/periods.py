"""Periods of days by one clock, and the days, weeks or months that they are counted by: pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from bookings.wallclock import day_bounds

MOST_DAYS = 400
# Up to so many days are counted one by one, and up to so many by weeks; more by months.
_MOST_BARS_OF_DAYS = 31
_MOST_DAYS_OF_WEEKS = 182
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Unit(StrEnum):
    """What a period is counted by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, week or month, or the part of one that lies in the period; both days included."""

    first: date
    last: date
    is_part: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included, as one clock tells them."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """The instant at which the first day begins."""
        return day_bounds(self.first, self.zone)[0]

    @property
    def until(self) -> datetime:
        """The instant at which the last day has ended."""
        return day_bounds(self.last, self.zone)[1]

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def unit(self) -> Unit:
        """What the period is counted by, so that bars stay wide enough to be told apart."""
        if self.days <= _MOST_BARS_OF_DAYS:
            return Unit.DAY
        return Unit.WEEK if self.days <= _MOST_DAYS_OF_WEEKS else Unit.MONTH

    def bounds(self, bucket: Bucket) -> tuple[datetime, datetime]:
        """Return the instants at which a bucket begins and has ended."""
        return day_bounds(bucket.first, self.zone)[0], day_bounds(bucket.last, self.zone)[1]

    def buckets(self) -> list[Bucket]:
        """Return the days, the weeks from Monday, or the months; the outer ones cut to the period."""
        return list(self._buckets())

    def _buckets(self) -> Iterator[Bucket]:
        day = self.first
        while day <= self.last:
            begins, ends = _around(day, self.unit)
            last = min(ends, self.last)
            yield Bucket(day, last, is_part=(day, last) != (begins, ends))
            day = last + _DAY


def _around(day: date, unit: Unit) -> tuple[date, date]:
    """Return the first and the last day of the day, week or month that a day is in."""
    if unit == Unit.DAY:
        return day, day
    if unit == Unit.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day.replace(day=1), following - _DAY


def last_days(number: int, today: date, zone: ZoneInfo) -> Period:
    """Return so many days that end with today."""
    return Period(today - timedelta(days=number - 1), today, zone)


def last_months(number: int, today: date, zone: ZoneInfo) -> Period:
    """Return this month up to today, and the whole months before it that make up the number."""
    months = today.year * 12 + today.month - number
    return Period(date(months // 12, months % 12 + 1, 1), today, zone)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a clock does not change: before `until`, it is so many seconds ahead of UTC."""

    until: datetime
    offset: int


@lru_cache(maxsize=1024)
def stretches(zone: ZoneInfo, since: datetime, until: datetime) -> tuple[Stretch, ...]:
    """Return what a clock is ahead of UTC from one instant to another, change by change."""
    found = []
    at, offset = since, _offset(zone, since)
    while at < until:
        following = min(at + _DAY, until)
        after = _offset(zone, following)
        if after != offset:
            found.append(Stretch(_change(zone, at, following), offset))
            offset = after
        at = following
    return (*found, Stretch(until, offset))


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    return int((instant.astimezone(zone).utcoffset() or timedelta(0)).total_seconds())


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return when a clock changes between two instants, to the second."""
    old = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
