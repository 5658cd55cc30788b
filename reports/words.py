"""Numbers, shares and stretches of days in the reader's language, for charts and their tables."""

from datetime import date, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_decimal, format_percent
from django.utils.translation import gettext as _

from portal import formats
from reports.clocks import DAY, HOUR
from reports.periods import Bucket, Period, Unit
from reports.queries import BANDS

_DAY_MINUTES = 24 * 60


def number_words(number: int) -> str:
    """Return a number with its thousands set apart."""
    return _number_words(number, formats.locale())


# A page has thousands of numbers, and most of them are small.
@lru_cache(maxsize=4096)
def _number_words(number: int, locale: Locale) -> str:
    return format_decimal(number, locale=locale)


def share_words(part: int, whole: int) -> str:
    """Return a share as "12%"; what is more than nothing and less than one in a hundred says so."""
    if not whole:
        return "–"
    if 0 < part * 100 < whole:
        return _("under %(share)s") % {"share": format_percent(0.01, locale=formats.locale())}
    return format_percent(part / whole, locale=formats.locale())


def days_words(first: date, last: date) -> str:
    """Return days as "2–8 Mar 2026", and a single one as "Mon, 2 Mar 2026"."""
    if first == last:
        return formats.day_words(first, with_year=True)
    return format_interval(first, last, "yMMMd", locale=formats.locale())


def bucket_words(bucket: Bucket, unit: Unit) -> str:
    """Return a bucket as tables name it: its days, or its month when that is whole."""
    if unit == Unit.MONTH and not bucket.is_part:
        return formats.month_words(bucket.first)
    return days_words(bucket.first, bucket.last)


def tick_words(bucket: Bucket, period: Period) -> str:
    """Return the few letters that stand below a bucket's bar."""
    if period.unit == Unit.MONTH:
        return format_date(bucket.first, "LLL", locale=formats.locale())
    return format_skeleton("MMMd", bucket.first, locale=formats.locale())


def weekday_and_day(day: date) -> tuple[str, str]:
    """Return the two lines that head a day of the week: "Mon" and "2 Mar"."""
    locale = formats.locale()
    return format_date(day, "EEE", locale=locale), format_skeleton("MMMd", day, locale=locale)


def band_words(place: int) -> str:
    """Return a band of the time between booking and slot: "1–6 hours", "over 28 days"."""
    begins = BANDS[place]
    ends = BANDS[place + 1] if place + 1 < len(BANDS) else None
    if not begins:
        return _("Under 1 hour")
    if ends is None:
        return _("28 days or more")
    if ends <= DAY:
        return _("%(first)s–%(last)s hours") % {"first": begins // HOUR, "last": ends // HOUR}
    return _("%(first)s–%(last)s days") % {"first": begins // DAY, "last": ends // DAY}


def length_words(length: timedelta) -> str:
    """Return a length of time; of more than two days without its minutes, of a week without hours."""
    minutes = max(int(length.total_seconds()) // 60, 1)
    if minutes >= 7 * _DAY_MINUTES:
        minutes -= minutes % _DAY_MINUTES
    elif minutes >= 2 * _DAY_MINUTES:
        minutes -= minutes % 60
    return formats.length_words(minutes)
