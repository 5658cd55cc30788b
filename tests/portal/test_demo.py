"""What the demo has on the day itself, whatever the hour: see also `test_commands`."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction

from bookings.models import Booking, BookingStatus, Mail
from bookings.wallclock import day_bounds
from desk.queries import Line, lines_of_day
from parties.models import Member
from portal import demo
from portal.demo_plans import HOTELS
from vouchers.models import Hotel
from waiting.models import Entry, State

SOON = timedelta(minutes=30)
WEDNESDAY, SUNDAY = date(2026, 6, 10), date(2026, 6, 14)
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)
MOMENTS = [
    *((WEDNESDAY, at) for at in (time(0, 5), time(3), time(8), time(12, 7), time(19), time(23, 50))),
    *((SUNDAY, at) for at in (time(0), time(22, 46), time(23, 59, 59))),
    *((day, at) for day in (FORWARD, BACK) for at in (time(0, 5), time(3, 10))),
]
EDGES = [(WEDNESDAY, time(0, 5)), (SUNDAY, time(22, 46)), (FORWARD, time(0, 5)), (BACK, time(0, 5))]


@pytest.fixture(params=HOTELS, ids=lambda hotel: hotel.pk)
def hotel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Hotel:
    """Return a hotel that the demo will make with its offers, without the others'."""
    own: Hotel = request.param
    monkeypatch.setattr(demo, "PLANS", [plan for plan in demo.PLANS if plan.hotel == own.pk])
    monkeypatch.setattr(demo, "_make_own_vouchers", lambda now: None)
    return own


def make(hotel: Hotel, day: date, at: time) -> datetime:
    """Make the demo when the hotel's clock shows a time, the first if it does twice; returns the instant."""
    # A reading that the clock skips is an instant after the skip.
    now = datetime.combine(day, at, hotel.zone).astimezone(UTC)
    with transaction.atomic():
        for _title in demo.make_demo(now):
            pass
    return now


def is_late(line: Line) -> bool:
    """Tell of whom the desk may say that they have not come, though their time has begun just now."""
    assert line.booking
    is_missing = line.can_mark_no_show and line.booking.arrived_at is None
    return is_missing and line.now - line.booking.slot_start < SOON


def is_coming(line: Line) -> bool:
    """Tell who is still to come."""
    assert line.booking
    return line.can_arrive and line.booking.slot_start > line.now


def crowds() -> Iterator[tuple[int, int]]:
    """Yield of each standing booking how many stand at its begin, and how many may."""
    standing = Booking.objects.standing()
    for booking in standing.select_related("offer"):
        assert booking.offer
        at = booking.slot_start
        others = standing.filter(offer=booking.offer, slot_start__lte=at, slot_end__gt=at)
        yield others.count(), booking.offer.capacity


@pytest.mark.django_db
@pytest.mark.parametrize(("day", "at"), MOMENTS, ids=str)
def test_the_desk_has_a_day_of_every_kind_of_guest_at_any_hour(hotel: Hotel, day: date, at: time) -> None:
    now = make(hotel, day, at)
    begins, ends = day_bounds(day, hotel.zone)
    lines = lines_of_day(hotel, day, now)
    bookings = [line.booking for line in lines if line.booking]

    assert 8 <= len(lines) <= 12
    assert sum(map(is_late, lines)) >= 1
    assert sum(line.has_come for line in lines) >= 2
    assert sum(booking.arrived_at is not None for booking in bookings) == 1
    # Nobody is given up half an hour after midnight; with less than an hour to run all may have come.
    assert any(booking.no_show_at for booking in bookings) == (now >= begins + SOON)
    if now <= ends - timedelta(hours=1):
        assert sum(map(is_coming, lines)) >= 3
        assert sum(booking.moved_at is not None for booking in bookings) == 1
    assert sum(bool(booking.guest_note) for booking in bookings) == 5

    cancelled = Booking.objects.get(
        status=BookingStatus.CANCELLED, slot_start__gte=begins, slot_start__lt=ends
    )
    assert cancelled.cancel_reason
    assert all(taken <= capacity for taken, capacity in crowds())


@pytest.mark.django_db
@pytest.mark.parametrize(("day", "at"), EDGES, ids=str)
def test_a_party_takes_a_whole_slot_for_which_others_wait(hotel: Hotel, day: date, at: time) -> None:
    now = make(hotel, day, at)
    keys = Member.objects.let_in().exclude(booking_id="").values_list("booking_id", flat=True)
    party = Booking.objects.standing().filter(pk__in=keys).select_related("offer")
    (start,) = {booking.slot_start for booking in party}
    assert party[0].offer
    assert len(party) == party[0].offer.capacity
    assert timedelta(hours=1) < start - now < timedelta(hours=2)
    waiting = Entry.objects.filter(state=State.WAITING, offer=party[0].offer, slot_start=start)
    assert waiting.count() == 2
    assert all(entry.joined_at <= now for entry in waiting)


@pytest.mark.django_db
def test_guests_of_the_day_have_addresses_to_which_no_mail_is_owed(hotel: Hotel) -> None:
    now = make(hotel, WEDNESDAY, time(12, 7))
    bookings = [line.booking for line in lines_of_day(hotel, WEDNESDAY, now) if line.booking]
    assert len({booking.guest_email for booking in bookings}) == len(bookings)
    assert all(booking.guest_email.endswith("@example.com") for booking in bookings)
    assert not Mail.objects.exists()
    # Nor will one be: a worker reminds nobody of them.
    assert not Booking.objects.filter(remind_at__isnull=False).exists()
