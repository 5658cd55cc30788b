"""Periods: what they are counted by, where they begin and end, and how clocks change in them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reports.periods import Bucket, Period, Unit, last_days, last_months, stretches

AMSTERDAM, UTC_ZONE = ZoneInfo("Europe/Amsterdam"), ZoneInfo("UTC")
TODAY = date(2026, 3, 2)


def test_thirty_days_end_with_today_and_are_counted_by_the_day() -> None:
    period = last_days(30, TODAY, AMSTERDAM)
    assert (period.first, period.last) == (date(2026, 2, 1), TODAY)
    assert period.days == 30
    assert period.unit == Unit.DAY
    assert period.buckets()[0] == Bucket(date(2026, 2, 1), date(2026, 2, 1), is_part=False)
    assert len(period.buckets()) == 30


def test_ninety_days_are_counted_by_weeks_from_monday_and_the_outer_ones_are_marked_as_parts() -> None:
    buckets = last_days(90, TODAY, AMSTERDAM).buckets()
    assert buckets[0] == Bucket(date(2025, 12, 3), date(2025, 12, 7), is_part=True)
    assert buckets[1] == Bucket(date(2025, 12, 8), date(2025, 12, 14), is_part=False)
    assert buckets[-1] == Bucket(TODAY, TODAY, is_part=True)
    assert len(buckets) == 14


def test_twelve_months_are_this_one_and_eleven_whole_ones() -> None:
    period = last_months(12, TODAY, AMSTERDAM)
    buckets = period.buckets()
    assert period.unit == Unit.MONTH
    assert buckets[0] == Bucket(date(2025, 4, 1), date(2025, 4, 30), is_part=False)
    assert buckets[-1] == Bucket(date(2026, 3, 1), TODAY, is_part=True)
    assert len(buckets) == 12


@pytest.mark.parametrize("today", [date(2026, 1, 31), date(2026, 12, 31), date(2024, 2, 29)])
def test_twelve_months_begin_on_the_first_of_a_month_whatever_today_is(today: date) -> None:
    buckets = last_months(12, today, UTC_ZONE).buckets()
    assert [bucket.first.day for bucket in buckets] == [1] * 12
    assert buckets[-1] == Bucket(today.replace(day=1), today, is_part=today.month == 2 and today.day == 28)


@pytest.mark.parametrize(
    ("days", "unit"),
    [(1, Unit.DAY), (31, Unit.DAY), (32, Unit.WEEK), (182, Unit.WEEK), (183, Unit.MONTH), (400, Unit.MONTH)],
)
def test_every_day_of_a_period_is_in_exactly_one_bucket(days: int, unit: Unit) -> None:
    period = last_days(days, TODAY, UTC_ZONE)
    assert period.unit == unit
    covered = [
        bucket.first + timedelta(days=number)
        for bucket in period.buckets()
        for number in range((bucket.last - bucket.first).days + 1)
    ]
    assert covered == [period.first + timedelta(days=number) for number in range(days)]


def test_a_period_begins_and_ends_with_the_days_of_its_clock() -> None:
    # The day on which the clocks go forward has 23 hours.
    period = Period(date(2026, 3, 29), date(2026, 3, 29), AMSTERDAM)
    assert period.since == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert period.until == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert period.bounds(period.buckets()[0]) == (period.since, period.until)


def test_a_clock_is_cut_into_stretches_where_it_changes() -> None:
    since, until = datetime(2026, 1, 1, 5, 30, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = stretches(AMSTERDAM, since, until)
    assert [(each.until, each.offset) for each in found] == [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), 3600),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 7200),
        (until, 3600),
    ]


@pytest.mark.parametrize(
    ("zone", "offsets"),
    [
        ("UTC", [0]),
        ("Asia/Kathmandu", [20700]),
        ("Australia/Lord_Howe", [39600, 37800, 39600]),
        ("America/St_Johns", [-12600, -9000, -12600]),
    ],
)
def test_clocks_that_stand_still_or_change_by_halves_are_known(zone: str, offsets: list[int]) -> None:
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert [each.offset for each in stretches(ZoneInfo(zone), *year)] == offsets
