"""What a clock shows at a stored instant, as an expression that the database groups by.

Django's own functions for it call Python for every row on SQLite; these are plain arithmetic on
both databases.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Case, F, Func, Value, When
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from reports.periods import stretches
from vouchers.models import Hotel

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK_HOURS = 7 * 24
# The first of January 1970 was a Thursday.
_HOURS_SINCE_MONDAY = 3 * 24


class Epoch(Func):
    """Whole seconds of an instant since 1970."""

    # Not EXTRACT, whose decimals take several times as long; a double holds every microsecond.
    template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s)) AS bigint)"
    output_field = BigIntegerField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        """Write it for SQLite, where instants are stored as texts in UTC."""
        template = "CAST(strftime('%%%%s', %(expressions)s) AS integer)"
        return self.as_sql(compiler, connection, template=template, **context)


def whole(number: int) -> Value:
    """Return a number that divides whole numbers into whole numbers."""
    return Value(number, output_field=BigIntegerField())


def seconds_by(field: str, zone: ZoneInfo, since: datetime, until: datetime) -> Combinable:
    """Return the seconds since 1970 that a clock would count at the instants of a field.

    Right for instants from `since` to before `until`.
    """
    return Epoch(F(field)) + _offset(field, zone, since, until)


def seconds_by_hotel(field: str, hotels: Iterable[Hotel], since: datetime, until: datetime) -> Combinable:
    """Return the same by the clock of each row's own hotel."""
    by_zone: dict[str, list[str]] = {}
    for hotel in hotels:
        by_zone.setdefault(hotel.time_zone, []).append(hotel.pk)
    offsets = [(keys, _offset(field, ZoneInfo(zone), since, until)) for zone, keys in by_zone.items()]
    if len(offsets) == 1:
        return Epoch(F(field)) + offsets[0][1]
    cases = [When(hotel__in=keys, then=offset) for keys, offset in offsets]
    return Epoch(F(field)) + Case(*cases, default=whole(0), output_field=BigIntegerField())


def day_number(seconds: Combinable) -> Combinable:
    """Return the days since 1970."""
    return seconds / whole(DAY)


def hour_of_week(seconds: Combinable) -> Combinable:
    """Return the whole hours since Monday began."""
    return (seconds / whole(HOUR) + whole(_HOURS_SINCE_MONDAY)) % whole(WEEK_HOURS)


def _offset(field: str, zone: ZoneInfo, since: datetime, until: datetime) -> Case | Value:
    """Return what a clock is ahead of UTC, in seconds, at the instants of a field."""
    *before, last = stretches(zone, since, until)
    if not before:
        return whole(last.offset)
    cases = [When(**{f"{field}__lt": each.until}, then=whole(each.offset)) for each in before]
    return Case(*cases, default=whole(last.offset), output_field=BigIntegerField())
