"""Places held for a while: who has them, until when, and that nothing else is promised meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bookings.calendars import taken_by_offer
from bookings.domain import book_any, cancel_booking, move_booking
from bookings.guards import PLACES_TAKEN
from bookings.holds import (
    end_offer_hold,
    forget_holds,
    hold_for_offer,
    hold_slot,
    prune_holds,
    release_hold,
)
from bookings.models import Booking, Hold, HoldKind
from bookings.queries import calendar_view, nearest_slots, next_free_slots
from bookings.records import free_slots
from guests.domain import erase_guest
from guests.queries import data_of_guest
from portal.actors import guest
from portal.errors import Conflict
from portal.ids import new_id
from tests.checks import conflicting, refused, unchanged
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers.models import Batch, Offer, Voucher

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
# Tuesday 3 March 2026, 10:00 in Amsterdam.
FIRST = datetime(2026, 3, 3, 9, tzinfo=UTC)
OTHER = guest(OTHER_UID)


@pytest.fixture
def offer() -> Offer:
    return make_offer(capacity=1)


def batch_of(offer: Offer, count: int = 3) -> Batch:
    return Batch.objects.select_related("hotel", "offer").get(pk=make_vouchers(offer, count)[0].batch_id)


def hold(promise: Any, start: datetime = FIRST, uid: str = GUEST_UID, now: datetime = NOW) -> Hold | None:
    return hold_slot(promise=promise, start=start, guest_uid=uid, now=now)


def book(batch: Batch, start: datetime = FIRST, uid: str = GUEST_UID, now: datetime = NOW) -> Booking:
    return book_any(batch_id=batch.pk, start=start, holder_uid=uid, by=guest(uid), now=now)


def is_free(batch: Batch, start: datetime = FIRST, uid: str = "", now: datetime = NOW) -> bool:
    """Whether the calendar shows a slot as free for a guest."""
    day = calendar_view(batch, now=now, day=start.date(), guest_uid=uid).day
    assert day is not None
    (slot,) = [slot for slot in day.slots if slot.start == start]
    return slot.left > 0


# A hold takes a place as a booking does


def test_a_held_place_is_free_for_its_guest_alone(offer):
    batch = batch_of(offer)
    held = hold(batch)
    assert held.expires_at == NOW + 5 * MINUTE
    assert is_free(batch, uid=GUEST_UID)
    assert not is_free(batch)
    assert not is_free(batch, uid=OTHER_UID)


def test_nobody_else_books_holds_or_moves_to_a_held_place(offer):
    batch = batch_of(offer)
    booking = book(batch, FIRST + 2 * HOUR, OTHER_UID)
    hold(batch)
    offer.max_per_guest = 5
    offer.save()
    batch.offer.refresh_from_db()
    with conflicting("slot_taken"):
        book(batch, uid=OTHER_UID)
    with conflicting("slot_taken"):
        hold(batch, uid=OTHER_UID)
    with conflicting("slot_taken"):
        move_booking(booking_id=booking.pk, start=FIRST, by=OTHER, now=NOW)


def test_staff_cannot_take_a_held_place_either(offer):
    batch = batch_of(offer)
    hold(batch)
    with conflicting("slot_taken"):
        book_any(batch_id=batch.pk, start=FIRST, holder_uid=OTHER_UID, by=CLERK, now=NOW)


def test_where_places_are_left_a_hold_keeps_nobody_out():
    batch = batch_of(make_offer(capacity=2))
    hold(batch)
    book(batch, uid=OTHER_UID)
    assert not is_free(batch)
    assert is_free(batch, uid=GUEST_UID)
    book(batch)


def test_its_guest_books_the_held_place_and_the_hold_is_gone(offer):
    batch = batch_of(offer)
    hold(batch)
    booking = book(batch)
    assert not Hold.objects.exists()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    book(batch, uid=OTHER_UID)


def test_its_guest_can_move_a_booking_to_the_held_place(offer):
    offer.max_per_guest = 2
    offer.save()
    batch = batch_of(offer)
    booking = book(batch, FIRST + 2 * HOUR)
    hold(batch)
    moved = move_booking(booking_id=booking.pk, start=FIRST, by=GUEST, now=NOW + SECOND)
    assert moved.moved_at == NOW + SECOND
    assert not Hold.objects.exists()


def test_a_hold_counts_for_nothing_from_its_instant_whether_or_not_it_was_deleted(offer):
    batch = batch_of(offer)
    held = hold(batch)
    last = held.expires_at - timedelta(microseconds=1)
    assert not is_free(batch, now=last)
    with conflicting("slot_taken"):
        book(batch, uid=OTHER_UID, now=last)
    assert is_free(batch, now=held.expires_at)
    book(batch, uid=OTHER_UID, now=held.expires_at)
    assert Hold.objects.exists()


def test_a_booking_moves_onto_a_lapsed_hold_though_it_was_made_before_it(offer):
    batch = batch_of(offer)
    booking = book(batch, FIRST + 2 * HOUR, OTHER_UID, now=NOW - 10 * MINUTE)
    held = hold(batch)
    move_booking(booking_id=booking.pk, start=FIRST, by=OTHER, now=held.expires_at)


def test_holds_of_services_longer_than_the_grid_share_the_places():
    batch = batch_of(make_offer(capacity=1, duration_minutes=90))
    hold(batch)
    with conflicting("slot_taken"):
        book(batch, FIRST + HOUR, OTHER_UID)
    book(batch, FIRST + 2 * HOUR, OTHER_UID)


def test_every_list_of_free_slots_agrees_with_the_calendar(offer):
    batch = batch_of(offer)
    voucher = Voucher.objects.filter(batch=batch).first()
    own = make_voucher(offer, holder_uid=GUEST_UID)
    # The first slot that there is, 10:00 on the day of NOW.
    first = NOW + HOUR
    hold(batch, first)
    assert next_free_slots([batch], now=NOW)[batch.pk].start == first + HOUR
    assert next_free_slots([batch], now=NOW, guest_uid=GUEST_UID)[batch.pk].start == first
    assert free_slots(voucher, None, None, now=NOW)[0].start == first + HOUR
    assert free_slots(own, None, None, now=NOW)[0].start == first
    near = [slot.start for slot in nearest_slots(batch, first + HOUR, now=NOW)]
    assert first not in near
    assert first in [s.start for s in nearest_slots(batch, first + HOUR, now=NOW, guest_uid=GUEST_UID)]


def test_holds_are_read_with_the_bookings_in_one_statement(offer, django_assert_num_queries):
    hold(batch_of(offer))
    with django_assert_num_queries(1):
        taken = taken_by_offer([offer.pk], NOW, FIRST + HOUR, now=NOW)[offer.pk]
    assert taken.peak(FIRST, FIRST + HOUR) == 1


# One hold for a guest


def test_choosing_another_slot_gives_the_first_back(offer):
    batch = batch_of(offer)
    first = hold(batch)
    second = hold(batch, FIRST + HOUR, now=NOW + SECOND)
    assert second.pk == first.pk
    assert Hold.objects.get().slot_start == FIRST + HOUR
    assert is_free(batch, uid=OTHER_UID)


def test_choosing_the_same_slot_again_holds_it_no_longer(offer):
    batch = batch_of(offer)
    first = hold(batch)
    assert hold(batch, now=NOW + MINUTE).expires_at == first.expires_at
    assert hold(batch, now=first.expires_at).expires_at == first.expires_at + 5 * MINUTE


def test_a_hold_of_another_offer_is_given_back_too(offer):
    batch, other = batch_of(offer), batch_of(make_offer())
    hold(batch)
    hold(other)
    assert Hold.objects.get().offer == other.offer
    assert is_free(batch, uid=OTHER_UID)


def test_a_place_that_is_offered_is_held_by_the_form_as_well(offer):
    batch = batch_of(offer)
    hold(batch, FIRST + 3 * HOUR)
    offered = offered_to(GUEST_UID, offer)
    assert hold(batch).pk == offered.pk
    assert [each.pk for each in Hold.objects.all()] == [offered.pk]


def offered_to(uid: str, offer: Offer, start: datetime = FIRST) -> Hold:
    with transaction.atomic():
        return hold_for_offer(
            offer=offer, guest_uid=uid, start=start, end=start + HOUR, until=NOW + HOUR, now=NOW
        )


def test_an_offered_place_outlives_the_choice_of_another(offer):
    batch = batch_of(offer)
    offered = offered_to(GUEST_UID, offer)
    form = hold(batch, FIRST + HOUR)
    assert set(Hold.objects.values_list("pk", flat=True)) == {offered.pk, form.pk}
    book(batch, FIRST + HOUR)
    assert Hold.objects.get().pk == offered.pk


def test_a_place_that_is_gone_is_not_offered_and_the_transaction_goes_on(offer):
    book(batch_of(offer), uid=OTHER_UID)
    with transaction.atomic():
        with pytest.raises(Conflict, match="slot_taken"):
            hold_for_offer(
                offer=offer, guest_uid=GUEST_UID, start=FIRST, end=FIRST + HOUR, until=NOW + HOUR, now=NOW
            )
        assert not Hold.objects.exists()


def test_an_offered_place_is_given_back_and_no_other(offer):
    offered_to(GUEST_UID, offer)
    end_offer_hold(offer_id=offer.pk, guest_uid=OTHER_UID, start=FIRST)
    end_offer_hold(offer_id=offer.pk, guest_uid=GUEST_UID, start=FIRST + HOUR)
    assert Hold.objects.exists()
    end_offer_hold(offer_id=offer.pk, guest_uid=GUEST_UID, start=FIRST)
    assert not Hold.objects.exists()


def test_leaving_gives_the_place_back(offer):
    batch = batch_of(offer)
    hold(batch)
    release_hold(guest_uid=GUEST_UID, start=FIRST + HOUR)
    release_hold(guest_uid=OTHER_UID)
    assert Hold.objects.exists()
    release_hold(guest_uid=GUEST_UID, start=FIRST)
    assert is_free(batch)
    hold(batch)
    release_hold(guest_uid=GUEST_UID)
    assert is_free(batch)


def test_a_booking_by_staff_for_the_guest_ends_the_guests_hold(offer):
    batch = batch_of(offer)
    hold(batch)
    book_any(batch_id=batch.pk, start=FIRST, holder_uid=GUEST_UID, by=CLERK, now=NOW)
    assert not Hold.objects.exists()


# What cannot be held


def test_what_cannot_be_booked_cannot_be_held(offer):
    batch = batch_of(offer)
    with refused("slot_not_offered"):
        hold(batch, FIRST + 30 * MINUTE)
    with refused("slot_too_soon"):
        hold(batch, NOW - HOUR)
    theirs = make_voucher(offer, holder_uid=OTHER_UID)
    with refused("voucher_held"):
        hold(theirs)
    booked = make_booking(make_voucher(offer, holder_uid=GUEST_UID), start=FIRST).voucher
    with conflicting("voucher_booked"):
        hold(booked)


@pytest.mark.parametrize("change", [{"open_issued": 0}, {"valid_until": NOW}])
def test_a_batch_without_vouchers_holds_nothing(offer, change):
    batch = batch_of(offer)
    for name, value in change.items():
        setattr(batch, name, value)
    with conflicting("batch_used_up"):
        hold(batch)


def test_a_guest_who_may_book_no_more_holds_nothing(offer):
    batch = batch_of(offer)
    book(batch)
    with conflicting("guest_limit_reached"):
        hold(batch, FIRST + HOUR)


def test_a_voucher_without_an_offer_has_its_place_to_itself():
    assert hold(make_voucher(), NOW + HOUR) is None
    assert not Hold.objects.exists()


def test_no_minutes_are_no_hold(offer, settings):
    settings.HOLD_MINUTES = 0
    assert hold(batch_of(offer)) is None


def test_a_hold_ends_where_booking_ends():
    batch = batch_of(make_offer(capacity=1, min_notice_minutes=60))
    assert hold(batch, now=FIRST - HOUR - 2 * MINUTE).expires_at == FIRST - HOUR
    assert hold(batch, uid=OTHER_UID, now=FIRST - HOUR) is None


# The database, and what is kept


def test_a_raw_hold_beyond_the_places_is_refused(offer):
    hold(batch_of(offer))
    with unchanged(), pytest.raises(IntegrityError, match=PLACES_TAKEN), transaction.atomic():
        raw(offer, OTHER_UID)
    raw(offer, OTHER_UID, slot_start=FIRST + HOUR, slot_end=FIRST + 2 * HOUR)
    theirs = Hold.objects.filter(guest_uid=OTHER_UID)
    with unchanged(), pytest.raises(IntegrityError, match=PLACES_TAKEN), transaction.atomic():
        theirs.update(slot_start=FIRST, slot_end=FIRST + HOUR)


def raw(offer: Offer, uid: str, **fields: Any) -> Hold:
    values = {
        "id": new_id("h", NOW), "kind": HoldKind.FORM, "guest_uid": uid, "offer": offer, "slot_start": FIRST,
        "slot_end": FIRST + HOUR, "taken_at": NOW, "expires_at": NOW + HOUR,
    }  # fmt: skip
    return Hold.objects.create(**{**values, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "other"},
        {"guest_uid": ""},
        {"expires_at": NOW},
        {"slot_end": FIRST},
        {"slot_end": FIRST + 25 * HOUR},
    ],
)
def test_the_database_refuses_a_hold_that_makes_no_sense(offer, fields):
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        raw(offer, fields.pop("guest_uid", GUEST_UID), **fields)


def test_the_database_lets_a_guest_have_one_form(offer):
    raw(offer, GUEST_UID)
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        raw(make_offer(), GUEST_UID)


def test_lapsed_holds_are_deleted_and_others_stay(offer):
    batch = batch_of(offer)
    hold(batch)
    hold(batch, FIRST + HOUR, OTHER_UID, now=NOW + MINUTE)
    assert str(Hold.objects.get(guest_uid=GUEST_UID)).endswith("(2026-03-03 09:00 UTC)")
    assert prune_holds(NOW + 5 * MINUTE) == 1
    assert Hold.objects.get().guest_uid == OTHER_UID


def test_my_data_knows_my_holds_and_erasing_deletes_them(offer):
    batch = batch_of(offer)
    hold(batch)
    assert data_of_guest(GUEST_UID, NOW).holds[0]["slot_start"] == FIRST
    assert not data_of_guest("", NOW).holds
    erase_guest(uid=GUEST_UID, by=GUEST, now=NOW)
    assert not Hold.objects.exists()
    hold(batch)
    forget_holds(OTHER_UID)
    assert Hold.objects.exists()
