"""Times, money and lengths in the words of three languages."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from portal import formats
from portal.templatetags import words

AMSTERDAM, NEW_YORK = ZoneInfo("Europe/Amsterdam"), ZoneInfo("America/New_York")
KATHMANDU, LORD_HOWE = ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")


@pytest.fixture(params=["en", "de", "nl"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of the portal's languages in turn."""
    with translation.override(request.param):
        yield request.param


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def plain(text: str) -> str:
    """Return a text with the spaces that do not break as spaces that do."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_days_are_written_as_each_language_writes_them(language: str) -> None:
    day = date(2026, 12, 6)
    assert formats.day_words(day) == {"en": "Sun 6 Dec", "de": "So., 6. Dez.", "nl": "zo 6 dec"}[language]
    with_year = {"en": "Sun, 6 Dec 2026", "de": "So., 6. Dez. 2026", "nl": "zo 6 dec 2026"}
    assert formats.day_words(day, with_year=True) == with_year[language]
    full = {"en": "Sunday 6 December 2026", "de": "Sonntag, 6. Dezember 2026", "nl": "zondag 6 december 2026"}
    assert formats.long_day_words(day).replace("Sunday, 6", "Sunday 6") == full[language]


def test_months_are_written_as_each_language_writes_them(language: str) -> None:
    words_of = {"en": "March 2026", "de": "März 2026", "nl": "maart 2026"}
    assert formats.month_words(date(2026, 3, 31)) == words_of[language]


def test_a_week_begins_on_monday(language: str) -> None:
    short, full = zip(*formats.weekday_names(), strict=True)
    ends = {"en": ("Monday", "Sunday"), "de": ("Montag", "Sonntag"), "nl": ("maandag", "zondag")}
    assert (full[0], full[-1]) == ends[language]
    assert len(set(short)) == 7


def test_times_have_24_hours(language: str) -> None:
    assert formats.time_words(utc(2026, 1, 5, 12, 30), AMSTERDAM) == "13:30"
    assert formats.time_words(utc(2026, 1, 5, 23, 5), AMSTERDAM) == "00:05"


def test_a_slot_is_a_day_and_two_times(language: str) -> None:
    start = utc(2026, 12, 5, 9)
    shown = {"en": "Sat 5 Dec, 10:00–11:00", "de": "Sa., 5. Dez., 10:00–11:00", "nl": "za 5 dec, 10:00–11:00"}
    assert formats.slot_words(start, start + timedelta(hours=1), AMSTERDAM) == shown[language]


@pytest.mark.parametrize(
    ("start", "hours", "shown"),
    [
        (utc(2026, 12, 5, 22), 2, "Sat 5 Dec, 23:00–Sun 6 Dec, 01:00"),
        (utc(2026, 12, 5, 22), 1, "Sat 5 Dec, 23:00–Sun 6 Dec, 00:00"),
        (utc(2026, 12, 5, 23), 1, "Sun 6 Dec, 00:00–01:00"),
        (utc(2026, 12, 5, 9), 24, "Sat 5 Dec, 10:00–Sun 6 Dec, 10:00"),
        (utc(2026, 12, 31, 22), 2, "Thu 31 Dec, 23:00–Fri 1 Jan, 01:00"),
    ],
)
def test_a_slot_over_midnight_names_both_days(start: datetime, hours: int, shown: str) -> None:
    with translation.override("en"):
        assert formats.slot_words(start, start + timedelta(hours=hours), AMSTERDAM) == shown


@pytest.mark.parametrize(
    ("instant", "zone", "shown"),
    [
        (utc(2026, 10, 25, 0, 30), AMSTERDAM, "02:30 (UTC+2)"),
        (utc(2026, 10, 25, 1, 30), AMSTERDAM, "02:30 (UTC+1)"),
        (utc(2026, 10, 25, 0, 0), AMSTERDAM, "02:00 (UTC+2)"),
        (utc(2026, 10, 25, 1, 0), AMSTERDAM, "02:00 (UTC+1)"),
        (utc(2026, 10, 24, 23, 30), AMSTERDAM, "01:30"),
        (utc(2026, 10, 25, 2, 0), AMSTERDAM, "03:00"),
        (utc(2026, 3, 29, 0, 30), AMSTERDAM, "01:30"),
        (utc(2026, 3, 29, 1, 0), AMSTERDAM, "03:00"),
        (utc(2026, 11, 1, 5, 30), NEW_YORK, "01:30 (UTC−4)"),
        (utc(2026, 11, 1, 6, 30), NEW_YORK, "01:30 (UTC−5)"),
        (utc(2026, 4, 4, 14, 45), LORD_HOWE, "01:45 (UTC+11)"),
        (utc(2026, 4, 4, 15, 15), LORD_HOWE, "01:45 (UTC+10:30)"),
    ],
)
def test_an_hour_that_the_clock_shows_twice_names_its_offset(
    instant: datetime, zone: ZoneInfo, shown: str
) -> None:
    with translation.override("en"):
        assert formats.time_words(instant, zone) == shown


def test_both_ends_of_a_slot_in_a_double_hour_name_their_offsets() -> None:
    with translation.override("en"):
        shown = formats.slot_words(utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), AMSTERDAM)
    assert shown == "Sun 25 Oct, 02:30 (UTC+2)–02:30 (UTC+1)"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "UTC+0"), ("Asia/Kathmandu", "UTC+5:45"), ("America/St_Johns", "UTC−3:30"),
        ("Pacific/Marquesas", "UTC−9:30"), ("Pacific/Kiritimati", "UTC+14"), ("America/New_York", "UTC−5"),
    ],
)  # fmt: skip
def test_offsets_are_written_in_hours_and_minutes(zone: str, shown: str) -> None:
    assert formats.offset_words(utc(2026, 1, 5, 12).astimezone(ZoneInfo(zone))) == shown


def test_lengths_are_written_as_each_language_writes_them(language: str) -> None:
    assert (
        plain(formats.length_words(90))
        == {"en": "1 hr 30 mins", "de": "1 Std. 30 Min.", "nl": "1 uur 30 min"}[language]
    )
    assert plain(formats.length_words(60)) == {"en": "1 hr", "de": "1 Std.", "nl": "1 uur"}[language]
    assert plain(formats.length_words(50)) == {"en": "50 mins", "de": "50 Min.", "nl": "50 min"}[language]
    days = {"en": "2 days 1 min", "de": "2 Tg. 1 Min.", "nl": "2 dagen 1 min"}
    assert plain(formats.length_words(2 * 24 * 60 + 1)) == days[language]


def test_money_is_written_as_each_language_writes_it(language: str) -> None:
    euros = {"en": "€1,234.50", "de": "1.234,50 €", "nl": "€ 1.234,50"}
    assert plain(formats.money_words(Decimal("1234.5"), "EUR")) == euros[language]
    yen = {"en": "JP¥1,235", "de": "1.235 ¥", "nl": "JP¥ 1.235"}
    assert plain(formats.money_words(Decimal("1234.60"), "JPY")) == yen[language]
    assert "XXX" in formats.money_words(Decimal(1), "XXX") or "¤" in formats.money_words(Decimal(1), "XXX")


def test_an_unknown_currency_is_named_by_its_code() -> None:
    with translation.override("en"):
        assert plain(formats.money_words(Decimal("12.00"), "QQQ")) in ("QQQ 12.00", "QQQ12.00")


def test_a_language_with_a_region_is_written_as_its_language() -> None:
    with translation.override("de-at"):
        assert formats.month_words(date(2026, 1, 1)) == "Januar 2026"


def test_without_a_language_words_are_english() -> None:
    with translation.override(None):
        assert formats.month_words(date(2026, 1, 1)) == "January 2026"


def test_a_zone_is_named_by_its_city() -> None:
    assert words.zone_words(NEW_YORK) == "New York"
    assert words.zone_words(ZoneInfo("America/Argentina/Buenos_Aires")) == "Buenos Aires"
    assert words.zone_words(ZoneInfo("UTC")) == "UTC"


@pytest.mark.parametrize("amount", [None, Decimal(0), Decimal("0.00")])
def test_a_price_of_nothing_is_included(amount: Decimal | None) -> None:
    class Promise:
        price_amount = amount
        price_currency = "EUR"

    with translation.override("en"):
        assert words.price(Promise()) == "Included"
