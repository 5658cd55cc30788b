"""Times, money and lengths in the words of the reader's language (CLDR, by Babel)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency
from babel.units import format_unit
from django.utils.translation import get_language

# English as hotels in Europe write it: the day before the month, 24 hours.
_LOCALES = {"en": "en_GB"}


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(_LOCALES.get(language, language))


def locale() -> Locale:
    """Return the Babel locale of the active language."""
    return _locale((get_language() or "en").split("-")[0])


def day_words(day: date, *, with_year: bool = False) -> str:
    """Return a day as "Sat 6 Dec", with the year where it is asked for."""
    return format_skeleton("yMMMEd" if with_year else "MMMEd", day, locale=locale())


def month_words(day: date) -> str:
    """Return a month as "December 2026"."""
    return format_skeleton("yMMMM", day, locale=locale())


def long_day_words(day: date) -> str:
    """Return a day as "Saturday, 6 December 2026"."""
    return format_date(day, "full", locale=locale())


def weekday_names() -> list[tuple[str, str]]:
    """Return the days of a week from Monday on: short and full name."""
    monday = date(2024, 1, 1)
    days = [monday + timedelta(days=number) for number in range(7)]
    names = locale().days["stand-alone"]
    return [(names["short"][day.weekday()], names["wide"][day.weekday()]) for day in days]


def time_words(instant: datetime, zone: ZoneInfo) -> str:
    """Return a time of the hotel's clock; one that exists twice on its day names its offset."""
    local = instant.astimezone(zone)
    words = format_time(local, "short", locale=locale())
    other = local.replace(fold=1 - local.fold)
    is_double = other.utcoffset() != local.utcoffset() and (
        other.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    )
    return f"{words} ({offset_words(local)})" if is_double else words


def offset_words(local: datetime) -> str:
    """Return a local time's offset as "UTC+2" or "UTC−3:30"."""
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"UTC{sign}{hours}:{rest:02d}" if rest else f"UTC{sign}{hours}"


def slot_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return a slot as "Sat 6 Dec, 10:00–11:00"; an end on another day names that day."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    until = time_words(end, zone)
    if last.date() != first.date():
        until = f"{day_words(last.date())}, {until}"
    return f"{day_words(first.date())}, {time_words(start, zone)}–{until}"


def length_words(minutes: int) -> str:
    """Return a length as "1 hr 30 min"."""
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "duration-day"), (hours, "duration-hour"), (minutes, "duration-minute"))
    return " ".join(format_unit(number, unit, "short", locale=locale()) for number, unit in parts if number)


def money_words(amount: Decimal, currency: str) -> str:
    """Return an amount with its currency as the language writes it."""
    return format_currency(amount, currency, locale=locale())
