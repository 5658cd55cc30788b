"""Slot arithmetic against an oracle that walks the clock, in every time zone there is."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bookings.slot_ids import parse_slot_id, slot_id
from bookings.slots import (
    Calendar,
    ClosedDays,
    Hours,
    Reason,
    Slot,
    Taken,
    days,
    first_free,
    is_on_calendar,
    nearest_free,
    slots,
    starts,
)
from bookings.wallclock import day_bounds, instants_of

TICK = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = sorted(available_timezones())
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EVERY_DAY = range(7)
# The days on which the clocks change, each in its own way.
CHANGES = [
    ("Europe/Amsterdam", date(2026, 3, 29)),  # 02:00 to 03:00
    ("Europe/Amsterdam", date(2026, 10, 25)),  # 03:00 to 02:00
    ("Atlantic/Azores", date(2026, 3, 29)),  # 00:00 to 01:00: the day has no midnight
    ("Atlantic/Azores", date(2026, 10, 25)),  # 01:00 to 00:00: the day has two
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour back
    ("Australia/Lord_Howe", date(2026, 10, 4)),  # half an hour forth
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Santiago", date(2026, 4, 4)),  # 24:00 to 23:00
    ("America/Santiago", date(2026, 9, 6)),  # 00:00 to 01:00
    ("America/Nuuk", date(2026, 3, 28)),  # on the evening before Europe
    ("Africa/Casablanca", date(2026, 2, 15)),  # for Ramadan
    ("Antarctica/Troll", date(2026, 3, 29)),  # two hours forth
    ("Antarctica/Casey", date(2020, 10, 4)),  # three hours forth at a minute past midnight
    ("Asia/Pyongyang", date(2018, 5, 4)),  # half an hour forth, for good
    ("Pacific/Apia", date(2011, 12, 29)),  # the day after this one was left out
    ("Pacific/Apia", date(2011, 12, 31)),
]


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)


def wall_of(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def make_calendar(zone: str = "Europe/Amsterdam", **overrides: object) -> Calendar:
    fields: dict[str, object] = {
        "valid_from": utc(2005, 1, 1),
        "valid_until": utc(2040, 1, 1),
        "duration": HOUR,
        "weekly": open_daily(time(10), time(18)),
    }
    return Calendar(zone=ZoneInfo(zone), **{**fields, **overrides})


def open_daily(*times: time) -> tuple[Hours, ...]:
    pairs = list(zip(times[::2], times[1::2], strict=True))
    return tuple(Hours(weekday, opens, closes) for weekday in EVERY_DAY for opens, closes in pairs)


def clock_of(instants: Iterable[datetime], zone: str) -> list[str]:
    return [f"{instant.astimezone(ZoneInfo(zone)):%d %H:%M %z}" for instant in instants]


# The oracle


@lru_cache(maxsize=64)
def walk(zone: ZoneInfo, first: date, last: date) -> tuple[list[datetime], list[datetime]]:
    """Return every fifth minute of some days in UTC, and what the wall clock shows at each."""
    origin = datetime.combine(first, time(), UTC)
    instants = [origin + number * TICK for number in range((last - first) // TICK)]
    return instants, [wall_of(instant, zone) for instant in instants]


def walked_starts(calendar: Calendar, first: date, last: date) -> list[datetime]:
    """Find the slots by looking at the wall clock every five minutes.

    Opening hours hold from the first moment at which the clock shows their beginning or
    later to the last at which it shows less than their end. Hours that would begin on a
    closed day do not.
    """
    instants, walls = walk(calendar.zone, first - 2 * DAY, last + 3 * DAY)
    is_open = [False] * len(walls)
    on_grid = set()
    for day in (first + number * DAY for number in range(-1, (last - first).days + 3)):
        if any(closed.first <= day <= closed.last for closed in calendar.closures):
            continue
        for hours in calendar.weekly or ():
            if hours.weekday != day.weekday():
                continue
            opens = datetime.combine(day, hours.opens)
            closes = datetime.combine(day, hours.closes) + DAY * (hours.closes <= hours.opens)
            within = [number for number, wall in enumerate(walls) if opens <= wall < closes]
            if not within:
                continue
            begun = next(number for number, wall in enumerate(walls) if wall >= opens)
            is_open[begun : within[-1] + 1] = [True] * (within[-1] + 1 - begun)
            on_grid |= {number for number in within if (walls[number] - opens) % calendar.step == 0 * TICK}
    for number, wall in enumerate(walls):
        if any(closed.first <= wall.date() <= closed.last for closed in calendar.closures):
            is_open[number] = False
    ticks = calendar.duration // TICK
    return [
        instants[number]
        for number in sorted(on_grid)
        if first <= walls[number].date() <= last
        and all(is_open[number : number + ticks])
        and calendar.valid_from <= instants[number]
        and instants[number] + calendar.duration <= calendar.valid_until
    ]


def counted_plain_starts(calendar: Calendar, first: date, last: date) -> list[datetime]:
    """Find the slots of a plain calendar by counting on from its beginning."""
    found, start = [], calendar.valid_from
    while start + calendar.duration <= calendar.valid_until:
        if first <= wall_of(start, calendar.zone).date() <= last:
            found.append(start)
        start += calendar.step
    return found


def overlapping(intervals: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime) -> int:
    """Count by looking at every five minutes how many intervals there are at one time."""
    intervals = list(intervals)
    most, moment = 0, start
    while moment < end:
        most = max(most, sum(begins <= moment < ends for begins, ends in intervals))
        moment += TICK
    return most


# Strategies


@cache
def changes_of(zone: str) -> list[date]:
    """The days from 2015 to 2035 on which a zone's clocks change."""
    clock = ZoneInfo(zone)

    def offset(day: int) -> timedelta | None:
        return (utc(2015, 1, 1, 12) + day * DAY).astimezone(clock).utcoffset()

    weeks = [week for week in range(0, 21 * 365, 7) if offset(week) != offset(week + 7)]
    days = [day for week in weeks for day in range(week, week + 7) if offset(day) != offset(day + 1)]
    return [date(2015, 1, 2) + day * DAY for day in days] or [date(2026, 3, 29)]


@st.composite
def zones_and_days(draw: st.DrawFn) -> tuple[str, date]:
    zone = draw(st.sampled_from(ZONES) | st.sampled_from([name for name, _day in CHANGES]))
    near_change = st.builds(
        lambda day, number: day + number * DAY, st.sampled_from(changes_of(zone)), st.integers(-1, 1)
    )
    return zone, draw(near_change | st.dates(date(2015, 1, 1), date(2035, 12, 31)))


five_minutes = st.integers(0, 287) | st.integers(0, 95).map(lambda number: number * 3)
times = five_minutes.map(lambda number: time(number // 12, number % 12 * 5))
ticks = st.sampled_from([15, 30, 45, 60, 90, 120, 180]) | st.integers(1, 288).map(lambda number: number * 5)
lengths = ticks.map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def searches(draw: st.DrawFn, zone_and_day: tuple[str, date] | None = None) -> tuple[Calendar, date, date]:
    """A calendar, and a few days of it: often those on which the clocks change."""
    zone, day = zone_and_day or draw(zones_and_days())
    around = st.integers(-2, 3).map(lambda number: day + number * DAY)
    weekly = draw(
        st.lists(
            st.builds(Hours, around.map(date.weekday), times, times), min_size=1, max_size=5, unique=True
        )
        | st.builds(open_daily, times, times)
    )
    closures = draw(
        st.lists(
            st.builds(
                lambda first, number: ClosedDays(first, first + number * DAY, "works"),
                around,
                st.integers(0, 1),
            ),
            max_size=2,
        )
    )
    midnight = datetime.combine(day, time(), UTC)
    begins = draw(st.just(-2000) | st.integers(-600, 300))
    ends = draw(st.just(2000) | st.integers(begins + 1, 900))
    calendar = Calendar(
        zone=ZoneInfo(zone),
        valid_from=midnight + begins * TICK,
        valid_until=midnight + ends * TICK,
        duration=draw(lengths),
        step=draw(lengths),
        places=draw(st.integers(1, 3)),
        min_notice=draw(st.sampled_from([0, 0, 30, 1440])) * timedelta(minutes=1),
        weekly=tuple(weekly),
        closures=tuple(closures),
    )
    first = day - draw(st.integers(0, 1)) * DAY
    return calendar, first, first + draw(st.integers(0, 2)) * DAY


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None)


# Starts


@quick(200)
@given(searches())
def test_slots_start_exactly_where_a_walk_over_the_wall_clock_finds_them(search):
    assert starts(*search) == walked_starts(*search)


@pytest.mark.parametrize("zone_and_day", CHANGES, ids=lambda change: f"{change[0]}-{change[1]}")
@pytest.mark.parametrize(
    "hours",
    [
        (time(), time()),
        (time(22), time(4)),
        (time(20), time(1)),
        (time(18), time()),
        (time(), time(2)),
        (time(2), time(3)),
        (time(0, 30), time(2, 30)),
        (time(2, 30), time(2, 45)),
        (time(19), time(2), time(2), time(5)),
    ],
    ids=lambda hours: " ".join(f"{moment:%H:%M}" for moment in hours),
)
def test_slots_are_right_on_the_days_on_which_the_clocks_change(zone_and_day, hours):
    zone, day = zone_and_day
    for step, duration in ((30, 30), (15, 45), (60, 90)):
        calendar = make_calendar(
            zone,
            weekly=open_daily(*hours),
            step=timedelta(minutes=step),
            duration=timedelta(minutes=duration),
        )
        assert starts(calendar, day - DAY, day + DAY) == walked_starts(calendar, day - DAY, day + DAY)


@quick(100)
@given(zones_and_days(), st.integers(1, 3000), st.integers(-600, 300), lengths, st.integers(0, 2))
def test_a_plain_calendar_counts_hours_from_the_beginning_of_its_validity(
    zone_and_day, length, begins, duration, number
):
    zone, day = zone_and_day
    valid_from = datetime.combine(day, time(), UTC) + begins * TICK
    calendar = make_calendar(
        zone, weekly=None, valid_from=valid_from, valid_until=valid_from + length * TICK, duration=duration
    )
    expected = counted_plain_starts(calendar, day, day + number * DAY)
    assert starts(calendar, day, day + number * DAY) == expected


def test_a_whole_validity_in_one_search_is_its_days_one_by_one():
    calendar = make_calendar(
        weekly=open_daily(time(20), time(3)),
        valid_from=utc(2026, 3, 20),
        valid_until=utc(2026, 4, 10),
        closures=(ClosedDays(date(2026, 4, 1), date(2026, 4, 2), "works"),),
    )
    first, last = date(2026, 3, 1), date(2026, 4, 30)
    each = [first + number * DAY for number in range((last - first).days + 1)]
    assert starts(calendar, first, last) == [start for day in each for start in starts(calendar, day, day)]


def test_an_hour_that_does_not_exist_is_not_offered():
    calendar = make_calendar(weekly=open_daily(time(), time(5)))
    day = date(2026, 3, 29)
    assert clock_of(starts(calendar, day, day), "Europe/Amsterdam") == [
        "29 00:00 +0100",
        "29 01:00 +0100",
        "29 03:00 +0200",
        "29 04:00 +0200",
    ]


def test_an_hour_that_exists_twice_is_offered_twice_and_told_apart():
    calendar = make_calendar(weekly=open_daily(time(1), time(4)))
    day = date(2026, 10, 25)
    found = starts(calendar, day, day)
    assert clock_of(found, "Europe/Amsterdam") == [
        "25 01:00 +0200",
        "25 02:00 +0200",
        "25 02:00 +0100",
        "25 03:00 +0100",
    ]
    assert len({slot_id(start) for start in found}) == 4


def test_a_day_without_midnight_begins_an_hour_later():
    calendar = make_calendar("Atlantic/Azores", weekly=open_daily(time(), time(3)))
    day = date(2026, 3, 29)
    assert clock_of(starts(calendar, day, day), "Atlantic/Azores") == ["29 01:00 +0000", "29 02:00 +0000"]


def test_half_an_hour_back_gives_one_double_slot_of_half_an_hour():
    half = timedelta(minutes=30)
    calendar = make_calendar(
        "Australia/Lord_Howe", weekly=open_daily(time(1), time(2, 30)), step=half, duration=half
    )
    day = date(2026, 4, 5)
    assert clock_of(starts(calendar, day, day), "Australia/Lord_Howe") == [
        "05 01:00 +1100",
        "05 01:30 +1100",
        "05 01:30 +1030",
        "05 02:00 +1030",
    ]


def test_a_day_that_was_left_out_has_no_slots_and_its_neighbours_have_theirs():
    calendar = make_calendar("Pacific/Apia", weekly=open_daily(time(22), time(2)))
    assert starts(calendar, date(2011, 12, 30), date(2011, 12, 30)) == []
    assert clock_of(starts(calendar, date(2011, 12, 29), date(2011, 12, 31)), "Pacific/Apia") == [
        "29 00:00 -1000",
        "29 01:00 -1000",
        "29 22:00 -1000",
        "29 23:00 -1000",
        "31 00:00 +1400",  # of the hours that would have begun on the evening left out
        "31 01:00 +1400",
        "31 22:00 +1400",
        "31 23:00 +1400",
    ]


def test_hours_end_when_the_clock_first_shows_their_end_though_it_shows_it_twice():
    # At 03:00 the clock goes back to 02:00: that is no longer open, an hour of it is not owed.
    calendar = make_calendar(weekly=open_daily(time(18), time(2)), duration=timedelta(minutes=90))
    found = starts(calendar, date(2026, 10, 24), date(2026, 10, 25))
    night = [start for start in found if utc(2026, 10, 24, 20) <= start < utc(2026, 10, 25, 12)]
    assert clock_of(night, "Europe/Amsterdam") == ["24 22:00 +0200", "24 23:00 +0200", "25 00:00 +0200"]


def test_hours_that_end_in_a_double_hour_last_to_its_second_reading():
    half = timedelta(minutes=30)
    calendar = make_calendar(weekly=open_daily(time(1, 30), time(2, 30)), step=half, duration=half)
    day = date(2026, 10, 25)
    assert clock_of(starts(calendar, day, day), "Europe/Amsterdam") == [
        "25 01:30 +0200",
        "25 02:00 +0200",
        "25 02:00 +0100",
    ]


def test_hours_over_midnight_belong_to_the_day_they_begin_on_and_their_slots_to_their_own():
    sunday = (Hours(6, time(22), time(2)),)
    calendar = make_calendar(weekly=sunday)
    assert clock_of(starts(calendar, date(2026, 3, 1), date(2026, 3, 1)), "Europe/Amsterdam") == [
        "01 22:00 +0100",
        "01 23:00 +0100",
    ]
    assert clock_of(starts(calendar, date(2026, 3, 2), date(2026, 3, 2)), "Europe/Amsterdam") == [
        "02 00:00 +0100",
        "02 01:00 +0100",
    ]


def test_a_slot_may_run_from_one_day_into_the_next():
    calendar = make_calendar(weekly=open_daily(time(), time()), duration=3 * HOUR, step=12 * HOUR)
    day = date(2026, 3, 2)
    assert is_on_calendar(calendar, utc(2026, 3, 2, 11))
    assert len(starts(calendar, day, day)) == 2
    late = make_calendar(weekly=open_daily(time(23), time(2)), duration=3 * HOUR)
    assert clock_of(starts(late, day, day), "Europe/Amsterdam") == ["02 23:00 +0100"]


def test_a_closed_day_ends_the_evening_before_and_its_own_night():
    closed = (ClosedDays(date(2026, 3, 3), date(2026, 3, 3), "works"),)
    calendar = make_calendar(weekly=open_daily(time(22), time(2)), closures=closed)
    found = starts(calendar, date(2026, 3, 2), date(2026, 3, 4))
    assert clock_of(found, "Europe/Amsterdam") == [
        "02 00:00 +0100",
        "02 01:00 +0100",
        "02 22:00 +0100",
        "02 23:00 +0100",
        "04 22:00 +0100",
        "04 23:00 +0100",
    ]
    longer = make_calendar(
        weekly=open_daily(time(22), time(2)), closures=closed, duration=timedelta(minutes=90)
    )
    assert clock_of(starts(longer, date(2026, 3, 2), date(2026, 3, 3)), "Europe/Amsterdam") == [
        "02 00:00 +0100",
        "02 22:00 +0100",
    ]


def test_hours_that_touch_are_one_time_to_be_open_and_each_keeps_its_grid():
    weekly = open_daily(time(10), time(12), time(12), time(13, 30))
    calendar = make_calendar(weekly=weekly, duration=timedelta(minutes=90))
    day = date(2026, 3, 2)
    assert clock_of(starts(calendar, day, day), "Europe/Amsterdam") == [
        "02 10:00 +0100",
        "02 11:00 +0100",
        "02 12:00 +0100",
    ]


def test_a_service_longer_than_the_step_starts_at_every_step_that_leaves_time_for_it():
    calendar = make_calendar(weekly=open_daily(time(10), time(13)), duration=2 * HOUR)
    day = date(2026, 3, 2)
    assert clock_of(starts(calendar, day, day), "Europe/Amsterdam") == ["02 10:00 +0100", "02 11:00 +0100"]


def test_days_outside_the_validity_have_no_slots():
    calendar = make_calendar(valid_from=utc(2026, 3, 2), valid_until=utc(2026, 3, 4))
    assert starts(calendar, date(2026, 2, 1), date(2026, 3, 1)) == []
    assert starts(calendar, date(2026, 3, 5), date(2026, 3, 9)) == []


def test_an_offer_without_opening_hours_has_no_slots():
    assert starts(make_calendar(weekly=()), date(2026, 3, 1), date(2026, 3, 31)) == []


# The clock


@quick(100)
@given(zones_and_days(), five_minutes)
@example(("Europe/Amsterdam", date(2026, 3, 29)), 30)
@example(("Europe/Amsterdam", date(2026, 10, 25)), 30)
@example(("Pacific/Apia", date(2011, 12, 30)), 144)
def test_a_wall_time_is_shown_when_a_walk_meets_it(zone_and_day, number):
    zone, day = zone_and_day
    wall = datetime.combine(day, time()) + number * TICK
    middle = wall.replace(tzinfo=UTC)
    walk = [middle + step * TICK for step in range(-15 * 12, 15 * 12)]
    met = [moment for moment in walk if wall_of(moment, ZoneInfo(zone)) == wall]
    assert instants_of(wall, ZoneInfo(zone)) == met


@quick(100)
@given(zones_and_days())
@example(("Pacific/Apia", date(2011, 12, 29)))
@example(("Atlantic/Azores", date(2026, 10, 25)))
def test_days_follow_each_other_without_a_gap_and_hold_their_own_moments_only(zone_and_day):
    zone, day = ZoneInfo(zone_and_day[0]), zone_and_day[1]
    begins, ends = day_bounds(day, zone)
    assert day_bounds(day + DAY, zone)[0] == ends
    walk = [datetime.combine(day - DAY, time(), UTC) + number * TICK for number in range(3 * 288)]
    inside = [moment for moment in walk if begins <= moment < ends]
    assert inside == [moment for moment in walk if wall_of(moment, zone).date() == day]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Amsterdam", date(2026, 3, 29), 23),
        ("Europe/Amsterdam", date(2026, 10, 25), 25),
        ("Europe/Amsterdam", date(2026, 6, 1), 24),
        ("Atlantic/Azores", date(2026, 3, 29), 23),
        ("Atlantic/Azores", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Antarctica/Casey", date(2020, 10, 4), 21),
        ("Pacific/Apia", date(2011, 12, 29), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Pacific/Apia", date(2011, 12, 31), 24),
    ],
)
def test_a_day_is_as_long_as_its_hotel_lives_it(zone, day, hours):
    begins, ends = day_bounds(day, ZoneInfo(zone))
    assert (ends - begins) / HOUR == hours


# What is offered


@quick(70)
@given(searches(), st.integers(-400, 900))
def test_what_is_offered_is_accepted_and_what_is_accepted_is_offered(search, minutes):
    calendar, first, last = search
    now = datetime.combine(first, time(), UTC) + minutes * TICK
    offered = slots(calendar, first, last, now=now, taken=Taken())
    for slot in offered:
        assert slot.start >= now + calendar.min_notice
        assert calendar.valid_from <= slot.start
        assert slot.end == slot.start + calendar.duration
        assert slot.end <= calendar.valid_until
        assert calendar.closure_on(calendar.day_of(slot.start)) is None
        assert slot.left == calendar.places
    assert all(is_on_calendar(calendar, slot.start) for slot in offered[:: len(offered) // 5 + 1])
    accepted = [start for start in walked_starts(*search) if start >= now + calendar.min_notice]
    assert [slot.start for slot in offered] == accepted


@quick(60)
@given(searches(), st.integers(-300, 300))
def test_only_starts_are_on_the_calendar(search, number):
    calendar, first, _last = search
    instant = datetime.combine(first, time(12), UTC) + number * TICK
    day = calendar.day_of(instant)
    assert is_on_calendar(calendar, instant) == (instant in walked_starts(calendar, day, day))
    assert not is_on_calendar(calendar, instant + timedelta(microseconds=1))


intervals = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12)).map(
        lambda pair: (utc(2026, 3, 2) + pair[0] * TICK, utc(2026, 3, 2) + sum(pair) * TICK)
    ),
    max_size=12,
)


@quick(200)
@given(intervals, st.integers(-5, 60), st.integers(1, 30))
def test_the_peak_is_the_most_intervals_at_any_instant(held, begins, length):
    start = utc(2026, 3, 2) + begins * TICK
    end = start + length * TICK
    assert Taken(held).peak(start, end) == overlapping(held, start, end)


@quick(60)
@given(searches(), st.randoms(use_true_random=False))
def test_taking_whatever_is_free_never_needs_more_places_than_there_are(search, chance):
    calendar, first, last = search
    now = calendar.valid_from - 10 * DAY
    held: list[tuple[datetime, datetime]] = []
    for _attempt in range(12):
        free = [slot for slot in slots(calendar, first, last, now=now, taken=Taken(held)) if slot.left]
        if not free:
            break
        slot = chance.choice(free)
        held.append((slot.start, slot.end))
    for slot in slots(calendar, first, last, now=now, taken=Taken(held)):
        most = overlapping(held, slot.start, slot.end)
        assert most <= calendar.places
        assert slot.left == calendar.places - most


def test_places_that_a_lowered_capacity_no_longer_has_are_none_left_and_not_less():
    calendar = make_calendar(places=1)
    start = utc(2026, 3, 2, 9)
    taken = Taken([(start, start + HOUR)] * 3)
    day = date(2026, 3, 2)
    assert slots(calendar, day, day, now=start, taken=taken)[0] == Slot(start, start + HOUR, 0)


# Days and reasons


@quick(60)
@given(searches(), st.integers(-400, 900), st.booleans())
def test_every_day_has_its_slots_or_a_reason(search, minutes, is_full):
    calendar, first, last = search
    now = datetime.combine(first, time(), UTC) + minutes * TICK
    held = [(start, start + calendar.duration) for start in starts(*search)] * calendar.places
    taken = Taken(held if is_full else [])
    found = days(calendar, first, last, now=now, taken=taken)
    assert [day.day for day in found] == [first + number * DAY for number in range(len(found))]
    assert found[-1].day == last
    listed = [slot for day in found for slot in day.slots]
    assert listed == slots(calendar, first, last, now=now, taken=taken)
    for day in found:
        assert all(calendar.day_of(slot.start) == day.day for slot in day.slots)
        assert day.free == sum(slot.left > 0 for slot in day.slots)
        assert (day.reason is None) == (day.free > 0)
        assert (day.reason == Reason.FULL) == (bool(day.slots) and not day.free)
        assert bool(day.closure) == (day.reason == Reason.CLOSURE)


def reason_on(calendar: Calendar, day: date, now: datetime, held: Iterable = ()) -> tuple[str | None, str]:
    found = days(calendar, day, day, now=now, taken=Taken(held))[0]
    return found.reason, found.closure


def test_a_day_with_a_free_slot_needs_no_reason():
    assert reason_on(make_calendar(), date(2026, 3, 2), utc(2026, 3, 2, 8)) == (None, "")


def test_a_day_before_today_is_past():
    assert reason_on(make_calendar(), date(2026, 3, 1), utc(2026, 3, 2, 8)) == (Reason.PAST, "")


def test_a_day_before_the_validity_is_not_yet_valid():
    calendar = make_calendar(valid_from=utc(2026, 3, 10))
    assert reason_on(calendar, date(2026, 3, 9), utc(2026, 3, 2)) == (Reason.NOT_YET_VALID, "")


def test_a_day_whose_slots_all_begin_before_the_validity_is_not_yet_valid():
    calendar = make_calendar(valid_from=utc(2026, 3, 10, 16, 30))
    assert reason_on(calendar, date(2026, 3, 10), utc(2026, 3, 2)) == (Reason.NOT_YET_VALID, "")


def test_a_day_after_the_validity_is_no_longer_valid():
    calendar = make_calendar(valid_until=utc(2026, 3, 10))
    assert reason_on(calendar, date(2026, 3, 11), utc(2026, 3, 2)) == (Reason.NO_LONGER_VALID, "")


def test_a_day_whose_slots_all_end_after_the_validity_is_no_longer_valid():
    calendar = make_calendar(valid_until=utc(2026, 3, 10, 9, 30))
    assert reason_on(calendar, date(2026, 3, 10), utc(2026, 3, 2)) == (Reason.NO_LONGER_VALID, "")


def test_the_last_hours_of_a_plain_calendar_are_no_longer_valid():
    calendar = make_calendar(weekly=None, valid_from=utc(2026, 3, 2), valid_until=utc(2026, 3, 9, 23, 30))
    assert reason_on(calendar, date(2026, 3, 10), utc(2026, 3, 2)) == (Reason.NO_LONGER_VALID, "")


def test_a_closed_day_says_why():
    closed = ClosedDays(date(2026, 3, 9), date(2026, 3, 11), "Renovation")
    calendar = make_calendar(closures=(closed,))
    for day in (9, 10, 11):
        assert reason_on(calendar, date(2026, 3, day), utc(2026, 3, 2)) == (Reason.CLOSURE, "Renovation")
    assert reason_on(calendar, date(2026, 3, 12), utc(2026, 3, 2)) == (None, "")


def test_a_weekday_without_hours_is_not_open():
    calendar = make_calendar(weekly=(Hours(0, time(10), time(18)),))
    assert reason_on(calendar, date(2026, 3, 3), utc(2026, 3, 2)) == (Reason.NOT_OPEN, "")


def test_a_day_whose_slots_have_begun_or_need_notice_is_too_soon():
    assert reason_on(make_calendar(), date(2026, 3, 2), utc(2026, 3, 2, 16, 1)) == (Reason.TOO_SOON, "")
    calendar = make_calendar(min_notice=2 * DAY)
    assert reason_on(calendar, date(2026, 3, 3), utc(2026, 3, 2, 8)) == (Reason.TOO_SOON, "")


def test_a_day_with_all_places_taken_is_full():
    held = [(utc(2026, 3, 2), utc(2026, 3, 3))]
    assert reason_on(make_calendar(), date(2026, 3, 2), utc(2026, 3, 2), held) == (Reason.FULL, "")


# Finding a free slot


@quick(60)
@given(searches(), st.integers(-400, 600), st.integers(0, 6))
def test_the_first_free_slot_is_the_first_of_all_that_are_free(search, minutes, days_ahead):
    calendar, first, _last = search
    now = datetime.combine(first, time(), UTC) + minutes * TICK
    today = calendar.day_of(now)
    held = [(start, start + calendar.duration) for start in starts(calendar, today, today + DAY)]
    taken = Taken(held * calendar.places)
    all_slots = slots(calendar, today, today + days_ahead * DAY, now=now, taken=taken)
    expected = next((slot for slot in all_slots if slot.left), None)
    assert first_free(calendar, now=now, taken=taken, days_ahead=days_ahead) == expected


def test_there_is_no_first_free_slot_before_the_validity_comes_within_reach():
    calendar = make_calendar(valid_from=utc(2026, 4, 1))
    now = utc(2026, 3, 2)
    assert first_free(calendar, now=now, taken=Taken(), days_ahead=14) is None
    found = first_free(calendar, now=now, taken=Taken(), days_ahead=30)
    assert found == Slot(utc(2026, 4, 1, 8), utc(2026, 4, 1, 9), 1)


@quick(60)
@given(searches(), st.integers(-100, 300), st.integers(-300, 300), st.integers(1, 4))
def test_the_nearest_free_slots_are_nearer_than_any_others(search, wanted_at, now_at, number):
    calendar, first, _last = search
    noon = datetime.combine(first, time(12), UTC)
    wanted, now = noon + wanted_at * TICK, noon + now_at * TICK
    taken = Taken([(wanted, wanted + HOUR)] * calendar.places)
    day = calendar.day_of(wanted)
    others = {
        slot
        for slot in slots(calendar, day - 7 * DAY, day + 7 * DAY, now=now, taken=taken)
        if slot.left and slot.start != wanted
    }
    found = nearest_free(calendar, wanted, now=now, taken=taken, number=number)
    assert len(found) == min(number, len(others))
    assert set(found) <= others
    assert [slot.start for slot in found] == sorted(slot.start for slot in found)
    farthest = max((abs(slot.start - wanted) for slot in found), default=None)
    assert all(abs(slot.start - wanted) >= farthest for slot in others - set(found))


def test_of_two_equally_near_slots_the_earlier_is_shown_first():
    calendar = make_calendar()
    wanted = utc(2026, 3, 3, 12)
    taken = Taken([(wanted, wanted + HOUR)])
    found = nearest_free(calendar, wanted, now=utc(2026, 3, 2), taken=taken, number=1)
    assert [slot.start for slot in found] == [wanted - HOUR]


# Slot ids


offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
years = st.integers(1, 209 * 365 * 86_400).map(lambda seconds: utc(1990, 1, 1) + timedelta(seconds=seconds))


@quick(200)
@given(years, st.integers(0, 999_999), offsets)
@example(utc(2026, 3, 2), 123_456, UTC)
@example(utc(2026, 3, 2), 120_000, UTC)
def test_a_slot_id_names_its_start_to_the_microsecond(second, microsecond, zone):
    start = second.replace(microsecond=microsecond).astimezone(zone)
    text = slot_id(start)
    parsed = parse_slot_id(text)
    assert parsed == start
    assert parsed.utcoffset() == timedelta(0)
    assert text.endswith("Z")
    assert len(text) <= 40


def test_a_slot_id_is_the_start_as_iso_8601_in_utc():
    assert slot_id(utc(2026, 3, 2, 9)) == "slot-2026-03-02T09:00:00Z"
    assert slot_id(utc(2026, 3, 2, 9).astimezone(AMSTERDAM)) == "slot-2026-03-02T09:00:00Z"
    assert slot_id(utc(2026, 3, 2, 9, 0, 0, 5000)) == "slot-2026-03-02T09:00:00.005Z"


def test_a_slot_id_with_an_offset_is_read():
    assert parse_slot_id("slot-2026-03-02T10:00:00+01:00") == utc(2026, 3, 2, 9)
    assert parse_slot_id("slot-2026-03-02T09:00Z") == utc(2026, 3, 2, 9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "slot-",
        "2026-03-02T09:00:00Z",
        "slot-2026-03-02",
        "slot-2026-03-02T09:00:00",
        "slot-2026-02-30T09:00:00Z",
        "slot-2026-03-02T25:00:00Z",
        "slot-2026-03-02\x0009:00:00Z",
        "slot-2026-03-02\U0001f3e809:00:00Z",
        "slot-2026-03-02T09:00:00Z\x00",
        "slot-2026-03-02T09:00:00Z\n",
        "slot-２０２６-03-02T09:00:00Z",
        "slot-\U0001f3e8",
        "slot-\ud800",
        "slot-0001-01-01T00:00:00+14:00",
        "slot-0001-01-01T00:00:00Z",
        "slot-1989-12-31T23:59:59Z",
        "slot-2200-01-01T00:00:00Z",
        "slot-9999-12-31T23:59:59Z",
        "slot-9999-12-31T23:59:59-14:00",
        "slot--2026-03-02T09:00:00Z",
        "slot-12026-03-02T09:00:00Z",
        "slot-" + "9" * 10_000,
        "SLOT-2026-03-02T09:00:00Z",
        "slot-slot-2026-03-02T09:00:00Z",
        "slot-2026-03-02T09:00:00.1234567890123456789Z",
    ],
    ids=ascii,
)
def test_what_is_no_slot_id_names_nothing(text):
    assert parse_slot_id(text) is None


@quick(100)
@given(st.text(max_size=45) | st.text("0123456789-:TZ+.W\x00 ", max_size=40).map("slot-{}".format))
def test_no_text_makes_reading_a_slot_id_fail(text):
    found = parse_slot_id(text)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Amsterdam"])
@pytest.mark.parametrize("text", ["slot-1990-01-01T00:00:00Z", "slot-2199-12-31T23:59:59Z"])
def test_the_earliest_and_latest_slot_ids_can_be_reckoned_with(zone, text):
    wanted = parse_slot_id(text)
    calendar = make_calendar(zone)
    assert nearest_free(calendar, wanted, now=utc(2026, 3, 2), taken=Taken()) == []
    assert not is_on_calendar(calendar, wanted)
