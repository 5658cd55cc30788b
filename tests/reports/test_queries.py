"""What is counted: known answers from hand-made rows, by the hotels' clocks and over a clock change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bookings.domain import cancel_booking, mark_no_show, move_booking, withdraw_voucher
from bookings.models import Booking
from events.models import Event
from reports import queries
from reports.clocks import day_number, hour_of_week, seconds_by, seconds_by_hotel
from reports.coming import MOST_OFFERS, Load, coming_week
from reports.periods import Period
from reports.queries import Happening, OfferKey, Outcome
from tests.make import CLERK, HOTEL_SYSTEM, NOW, make_booking, make_hotel, make_offer, make_voucher
from vouchers.domain import expire_due, redeem_voucher, undo_redemption
from vouchers.models import Closure, Hotel, Offer, OpeningHours
from vouchers.terms import LATEST

pytestmark = pytest.mark.django_db
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31), AMSTERDAM)


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


def at(day: int, hour: int = 12, minute: int = 0, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def booked(
    start: datetime, *, made: datetime = NOW, offer: Offer | None = None, hotel: Hotel | None = None
) -> Booking:
    """Book a slot that starts at a moment with a voucher of its own."""
    valid = {"valid_from": start - 60 * DAY, "valid_until": start + 30 * DAY}
    voucher = make_voucher(offer, hotel=hotel, now=made, **valid)
    return make_booking(voucher, start=start, now=made, holder_uid=f"g-{Booking.objects.count()}")


def events_at(*moments: datetime, kind: str = "voucher.issue", hotel: str = "hotel-a") -> None:
    rows = [
        Event(
            id=f"e-{kind}-{number}",
            type=kind,
            actor_id="x",
            subject_type="voucher",
            subject_id=f"v-{number}",
            issuer_uid=hotel,
            created_at=moment,
        )
        for number, moment in enumerate(moments)
    ]
    Event.objects.bulk_create(rows, batch_size=300)


# Clocks


@pytest.mark.parametrize(
    "name",
    ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"],
)
def test_the_database_reckons_days_and_hours_as_the_clock_shows_them(name: str) -> None:
    zone, since = ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC)
    moments = [since + timedelta(hours=5 * number, minutes=7 * number % 60) for number in range(1700)]
    # Around both changes of a European clock, to the second.
    moments += [at(29, 0, 59) + timedelta(seconds=59 + more) for more in range(3)]
    moments += [datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC) + timedelta(seconds=more) for more in range(3)]
    events_at(*moments)
    seconds = seconds_by("created_at", zone, since, since + 400 * DAY)
    rows = Event.objects.annotate(day=day_number(seconds), hour=hour_of_week(seconds))
    for moment, day, hour in rows.values_list("created_at", "day", "hour"):
        local = moment.astimezone(zone)
        assert date(1970, 1, 1) + day * DAY == local.date()
        assert divmod(hour, 24) == (local.weekday(), local.hour)


def test_each_hotels_own_clock_counts_where_there_are_several() -> None:
    zones = ("Europe/Amsterdam", "Atlantic/Azores", "America/New_York")
    hotels = [make_hotel(f"hotel-{number}", time_zone=zone) for number, zone in enumerate(zones)]
    for place in hotels:
        booked(at(10, 23, 30), hotel=place)
    seconds = seconds_by_hotel("slot_start", hotels, at(1), at(31))
    rows = Booking.objects.annotate(hour=hour_of_week(seconds)).values_list("hotel__time_zone", "hour")
    # 23:30 UTC on a Tuesday.
    assert {zone: divmod(hour, 24) for zone, hour in rows} == {
        "Europe/Amsterdam": (2, 0),
        "Atlantic/Azores": (1, 22),
        "America/New_York": (1, 19),
    }


# What happened


def test_what_happened_is_counted_on_the_hotels_day(hotel: Hotel) -> None:
    # Midnight is at 23:00 UTC, from the 29th on at 22:00.
    events_at(at(1, 22, 59), at(1, 23), at(29, 21, 59), at(29, 22), at(30, 21, 59))
    counts = queries.activity([hotel], MARCH).counts[Happening.ISSUED]
    assert {place + 1: count for place, count in enumerate(counts) if count} == {1: 1, 2: 1, 29: 1, 30: 2}


def test_a_period_counts_its_first_moment_and_not_the_one_after_its_last(hotel: Hotel) -> None:
    second = timedelta(seconds=1)
    events_at(MARCH.since - second, MARCH.since, MARCH.until - second, MARCH.until)
    counts = queries.activity([hotel], MARCH).counts[Happening.ISSUED]
    assert (counts[0], counts[-1], sum(counts)) == (1, 1, 2)


def test_each_verb_is_counted_as_what_it_is(hotel: Hotel) -> None:
    first = booked(at(3), hotel=hotel)
    second = booked(at(4), hotel=hotel)
    third = booked(at(5), hotel=hotel)
    cancel_booking(booking_id=first.pk, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=second.voucher_id, by=CLERK, now=NOW)
    undo_redemption(voucher_id=second.voucher_id, by=CLERK, now=NOW)
    move_booking(booking_id=third.pk, start=at(6), by=CLERK, now=NOW)
    withdraw_voucher(voucher_id=third.voucher_id, by=CLERK, now=NOW)
    expire_due(by=HOTEL_SYSTEM, now=NOW + 300 * DAY)
    activity = queries.activity([hotel], Period(date(2026, 1, 1), date(2026, 12, 31), AMSTERDAM))
    assert {happening: activity.total(happening) for happening in Happening} == {
        Happening.ISSUED: 3,
        Happening.BOOKED: 3,
        Happening.REDEEMED: 1,
        Happening.CANCELLED: 1,
        Happening.EXPIRED: 2,
    }


def test_weeks_and_months_are_sums_of_their_days(hotel: Hotel) -> None:
    events_at(*(datetime(2025, 9, 1, 12, tzinfo=UTC) + number * DAY for number in range(180)))
    for days in (100, 300):
        period = Period(date(2025, 10, 1), date(2025, 10, 1) + (days - 1) * DAY, AMSTERDAM)
        counts = queries.activity([hotel], period).counts[Happening.ISSUED]
        assert counts == [
            sum(bucket.first + number * DAY <= date(2026, 2, 27) for number in range(length))
            for bucket in period.buckets()
            for length in [(bucket.last - bucket.first).days + 1]
        ]


def test_another_hotels_journal_is_not_counted(hotel: Hotel) -> None:
    events_at(at(3), hotel="hotel-b")
    assert queries.activity([hotel], MARCH).total(Happening.ISSUED) == 0


# When guests come


def test_slots_are_counted_by_weekday_and_hour_before_and_after_the_clocks_change(hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=9)
    # Tuesdays at ten: before the change at 9:00 UTC, after it at 8:00.
    for start in (at(24, 9), at(31, 8), at(31, 8), at(25, 10)):
        booked(start, offer=offer)
    cancel_booking(booking_id=booked(at(31, 9), offer=offer).pk, by=CLERK, now=NOW)
    booked(at(1, 8, month=4), offer=offer)
    assert queries.usage([hotel], MARCH) == {OfferKey("hotel-a", offer.pk): {(1, 10): 3, (2, 11): 1}}


def test_the_hour_that_the_clocks_repeat_is_counted_twice(hotel: Hotel) -> None:
    offer = make_offer(hotel, opens=time(0), closes=time(6))
    october = Period(date(2026, 10, 1), date(2026, 10, 31), AMSTERDAM)
    for start in (datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)):
        booked(start, offer=offer)
    assert queries.usage([hotel], october) == {OfferKey("hotel-a", offer.pk): {(6, 2): 2}}


def test_bookings_without_an_offer_stand_by_themselves(hotel: Hotel) -> None:
    booked(at(3, 8), hotel=hotel)
    assert queries.usage([hotel], MARCH) == {OfferKey("hotel-a", None): {(1, 9): 1}}


# How early guests book


def leads(hotel: Hotel, *lengths: timedelta) -> queries.Lead:
    for length in lengths:
        booked(NOW + length, hotel=hotel)
    return queries.lead([hotel], MARCH)


@pytest.mark.parametrize(
    ("hours", "bands"),
    [
        ([1, 5, 6, 23, 24, 47], [0, 2, 2, 2, 0, 0, 0, 0, 0]),
        ([48, 96, 168, 336, 671, 672, 2000], [0, 0, 0, 0, 1, 1, 1, 2, 2]),
    ],
)
def test_a_lead_time_is_in_the_band_that_begins_with_it(
    hotel: Hotel, hours: list[int], bands: list[int]
) -> None:
    assert leads(hotel, *(hour * HOUR for hour in hours)).bands == bands


@pytest.mark.parametrize(
    ("hours", "median"), [([], None), ([5], 5), ([1, 3], 2), ([1, 2, 100], 2), ([1, 1, 4, 4], 2.5)]
)
def test_the_median_is_the_middle_or_lies_between_the_middle_two(
    hotel: Hotel, hours: list[int], median: float | None
) -> None:
    found = leads(hotel, *(hour * HOUR for hour in hours))
    assert found.median == (None if median is None else median * HOUR)
    assert found.total == len(hours)


def test_a_booking_that_was_moved_is_reckoned_to_its_new_slot_and_a_cancelled_one_is_counted(
    hotel: Hotel,
) -> None:
    moved, cancelled = booked(NOW + 2 * HOUR, hotel=hotel), booked(NOW + 3 * HOUR, hotel=hotel)
    move_booking(booking_id=moved.pk, start=NOW + 30 * HOUR, by=CLERK, now=NOW)
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW)
    assert queries.lead([hotel], MARCH).bands == [0, 1, 0, 1, 0, 0, 0, 0, 0]


def test_a_booking_made_after_its_slot_began_elsewhere_is_in_the_first_band(hotel: Hotel) -> None:
    booking = booked(NOW + HOUR, hotel=hotel)
    Booking.objects.filter(pk=booking.pk).update(created_at=NOW + 5 * HOUR)
    found = queries.lead([hotel], MARCH)
    assert found.bands[0] == 1
    assert found.median == -4 * HOUR


def test_bookings_of_other_days_are_not_counted(hotel: Hotel) -> None:
    booked(at(3), made=MARCH.since - timedelta(seconds=1), hotel=hotel)
    booked(at(3), made=MARCH.since, hotel=hotel)
    booked(at(9, month=4), made=MARCH.until, hotel=hotel)
    assert queries.lead([hotel], MARCH).total == 1


# What became of bookings


def test_every_booking_became_exactly_one_thing(hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=9)
    gone, kept = booked(at(3, 9), offer=offer), booked(at(3, 9), offer=offer)
    cancel_booking(booking_id=gone.pk, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=kept.voucher_id, by=CLERK, now=NOW)
    for late in (booked(at(3, 9), offer=offer), booked(at(3, 9), offer=offer)):
        mark_no_show(booking_id=late.pk, by=CLERK, now=at(3, 10))
    # The second of them came after all.
    redeem_voucher(voucher_id=late.voucher_id, by=CLERK, now=at(3, 11))
    booked(at(3, 9), offer=offer)
    booked(at(9, 9), offer=offer)
    booked(at(9), hotel=hotel)
    assert queries.outcomes([hotel], MARCH, at(4)) == {
        OfferKey("hotel-a", offer.pk): {
            Outcome.CANCELLED: 1,
            Outcome.REDEEMED: 2,
            Outcome.NO_SHOW: 1,
            Outcome.UNTOLD: 1,
            Outcome.COMING: 1,
        },
        OfferKey("hotel-a", None): {Outcome.COMING: 1},
    }


# The coming week


def week_of(*hotels: Hotel, now: datetime = NOW) -> list[Load]:
    found = coming_week(hotels, queries.offers_of(hotels), now)
    return [load for week in found.weeks for load in week.loads]


def test_places_are_what_fits_into_the_opening_hours_times_the_places_of_a_slot(hotel: Hotel) -> None:
    make_offer(hotel, opens=time(10), closes=time(14), capacity=3, weekdays=(0, 2))
    # From Monday on: four slots of three places on two days.
    assert [load.offered for load in week_of(hotel)] == [[12, 0, 12, 0, 0, 0, 0]]


def test_slots_that_overlap_share_their_places(hotel: Hotel) -> None:
    # Two hours, every half hour, from 18:00 to 22:30: two dinners fit one after the other.
    make_offer(hotel, opens=time(18), closes=time(22, 30), duration_minutes=120, step_minutes=30, capacity=8)
    assert week_of(hotel)[0].offered == [16] * 7


def test_booked_places_are_counted_on_the_hotels_day_even_when_they_are_over(hotel: Hotel) -> None:
    offer = make_offer(hotel, opens=time(0), closes=time(0), capacity=5)
    # Tuesday begins in Amsterdam at 23:00 UTC; the first slot is over by now.
    for start in (at(2, 7), at(2, 22), at(2, 23), at(8, 22), at(8, 23)):
        booked(start, made=at(1), offer=offer)
    cancel_booking(booking_id=booked(at(3), offer=offer).pk, by=CLERK, now=NOW)
    assert week_of(hotel)[0].booked == [2, 1, 0, 0, 0, 0, 1]


def test_a_closed_day_offers_nothing_and_still_tells_its_bookings(hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=2)
    booked(at(3, 9), offer=offer)
    Closure.objects.create(offer=offer, first_day=date(2026, 3, 3), last_day=date(2026, 3, 4), reason="Works")
    (load,) = week_of(hotel)
    assert load.offered == [16, 0, 0, 16, 16, 16, 16]
    assert load.booked == [0, 1, 0, 0, 0, 0, 0]


def test_the_hour_that_the_clocks_skip_is_no_place(hotel: Hotel) -> None:
    make_offer(hotel, opens=time(0), closes=time(6))
    assert week_of(hotel, now=at(27))[0].offered == [6, 6, 5, 6, 6, 6, 6]


def test_an_offer_that_is_no_longer_active_is_told_only_while_it_has_bookings(hotel: Hotel) -> None:
    busy, idle = make_offer(hotel, title="Busy"), make_offer(hotel, title="Idle")
    booked(at(3, 9), offer=busy)
    for offer in (busy, idle):
        offer.is_active = False
        offer.save()
    assert [load.offer.title for load in week_of(hotel)] == ["Busy"]


def test_every_hotels_week_begins_with_its_own_today() -> None:
    far, near = make_hotel("hotel-far", time_zone="Pacific/Auckland"), make_hotel("hotel-near")
    for place in (far, near):
        make_offer(place, opens=time(0), closes=time(0), capacity=2)
    evening = at(2, 20)
    booked(at(3, 10), made=evening, offer=far.offers.get())
    booked(at(3, 10), made=evening, offer=near.offers.get())
    far_week, near_week = coming_week([far, near], queries.offers_of([far, near]), evening).weeks
    assert (far_week.days[0], near_week.days[0]) == (date(2026, 3, 3), date(2026, 3, 2))
    assert far_week.loads[0].booked == [1, 0, 0, 0, 0, 0, 0]
    assert near_week.loads[0].booked == [0, 1, 0, 0, 0, 0, 0]


def test_of_very_many_offers_the_first_are_told_and_how_many_are_left_out(hotel: Hotel) -> None:
    for number in range(MOST_OFFERS + 3):
        make_offer(hotel, title=f"Offer {number:03d}", weekdays=())
    found = coming_week([hotel], queries.offers_of([hotel]), NOW)
    assert len(found.weeks[0].loads) == MOST_OFFERS
    assert found.left_out == 3


def test_the_latest_year_that_calendars_reckon_with_is_borne(hotel: Hotel) -> None:
    offer = make_offer(hotel, weekdays=())
    OpeningHours.objects.create(offer=offer, weekday=0, opens=time(10), closes=time(11))
    assert sum(week_of(hotel, now=LATEST - 20 * DAY)[0].offered) == 1


# All of it against counting by hand


def test_a_month_of_bookings_is_counted_as_by_hand(hotel: Hotel) -> None:
    offer = make_offer(hotel, opens=time(0), closes=time(0), capacity=50)
    starts = [at(3) + timedelta(hours=7 * number) for number in range(90)]
    for start in starts:
        booked(start.replace(minute=0), offer=offer)
    local = [start.astimezone(AMSTERDAM) for start in starts]
    by_hand = Counter((each.weekday(), each.hour) for each in local if each.month == 3)
    assert queries.usage([hotel], MARCH) == {OfferKey("hotel-a", offer.pk): dict(by_hand)}
    assert queries.lead([hotel], MARCH).median == (starts[44] - NOW + starts[45] - NOW) / 2
