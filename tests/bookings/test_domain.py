"""Booking, moving, cancelling, withdrawing, and what each of them tells whom."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django_tasks_db.models import DBTaskResult

from bookings import domain, forgetting
from bookings.domain import (
    GuestDetails,
    book_any,
    book_slot,
    cancel_booking,
    mark_no_show,
    move_booking,
    withdraw_voucher,
)
from bookings.forgetting import forget_guest
from bookings.models import Booking, Mail
from bookings.outbox import is_limited
from bookings.rules import changeable_until
from events.models import Event
from portal.actors import CLOCK, guest
from portal.errors import Conflict
from tests.checks import (
    BrokenOffError,
    assert_batches_count_true,
    break_off,
    conflicting,
    refused,
    stored,
    unchanged,
)
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers.domain import redeem_voucher, transfer_voucher, undo_redemption
from vouchers.models import Batch, Closure, Voucher
from vouchers.states import Status

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
# Tuesday 3 March 2026, 10:00 in Amsterdam: the first slot of an offer of the makers.
FIRST = datetime(2026, 3, 3, 9, tzinfo=UTC)
OTHER = guest(OTHER_UID)
MAIL = "ann@guest.example"


def booked(offer=None, start=FIRST, **overrides) -> Booking:
    """Book as a guest would: an open voucher, for oneself."""
    holder_uid = overrides.pop("holder_uid", GUEST_UID)
    by = overrides.pop("by", guest(holder_uid))
    voucher = overrides.pop("voucher", None) or make_voucher(offer or make_offer())
    return make_booking(voucher, start=start, holder_uid=holder_uid, by=by, **overrides)


def voucher_of(booking: Booking) -> Voucher:
    return Voucher.objects.get(pk=booking.voucher_id)


def event_of(verb: str) -> Event:
    """Return the one event of a verb that there is."""
    return Event.objects.get(type=verb if "." in verb else f"voucher.{verb}")


def events_of(subject_id: str) -> list[str]:
    return sorted(Event.objects.filter(subject_id=subject_id).values_list("type", flat=True))


# Booking


def test_a_booking_takes_its_slot_and_makes_the_voucher_the_guests():
    offer = make_offer(duration_minutes=90)
    booking = booked(offer, name="Ann", email=MAIL, note="Late", language="nl", form_key="k" * 36)
    booking = Booking.objects.get()
    assert (booking.slot_start, booking.slot_end) == (FIRST, FIRST + timedelta(minutes=90))
    assert (booking.hotel_id, booking.offer, booking.holder_uid) == ("hotel-a", offer, GUEST_UID)
    assert (booking.status, booking.cancel_reason, booking.cancelled_at) == ("booked", "", None)
    assert (booking.guest_name, booking.guest_email, booking.guest_note) == ("Ann", MAIL, "Late")
    assert (booking.language, booking.form_key, booking.created_at) == ("nl", "k" * 36, NOW)
    assert booking.voucher_was_open
    assert (voucher_of(booking).status, voucher_of(booking).holder_uid) == ("booked", GUEST_UID)
    assert_batches_count_true()


def test_the_journal_keeps_who_booked_what_and_when_and_no_name():
    booking = booked(name="Ann", email=MAIL, note="Late")
    event = event_of("book")
    assert events_of(booking.voucher_id) == ["voucher.book", "voucher.issue"]
    assert (event.type, event.subject_type, event.subject_id) == (
        "voucher.book",
        "voucher",
        booking.voucher_id,
    )
    assert (event.actor_id, event.issuer_uid, event.created_at) == (GUEST_UID, "hotel-a", NOW)
    assert event.meta == {
        "booking_id": booking.pk,
        "slot_id": "slot-2026-03-03T09:00:00Z",
        "slot_start": FIRST.isoformat(),
        "slot_end": (FIRST + HOUR).isoformat(),
        "before": {"status": "issued", "holder_uid": ""},
        "after": {"status": "booked", "holder_uid": GUEST_UID},
    }


def test_a_booked_voucher_lives_to_the_end_of_the_hotels_day_of_its_slot():
    offer = make_offer()
    booking = booked(voucher=make_voucher(offer, valid_until=FIRST + HOUR))
    assert voucher_of(booking).expires_at == datetime(2026, 3, 3, 23, tzinfo=UTC)


def test_the_hotels_day_of_a_slot_over_midnight_is_the_day_it_begins_on():
    offer = make_offer(opens=time(23), closes=time(2), duration_minutes=120)
    start = datetime(2026, 3, 3, 22, tzinfo=UTC)
    booking = booked(voucher=make_voucher(offer, valid_until=start + 2 * HOUR), start=start)
    assert voucher_of(booking).expires_at == start + 2 * HOUR


def test_a_voucher_without_an_offer_is_booked_on_its_own_hours():
    voucher = make_voucher(valid_from=NOW + timedelta(minutes=7, microseconds=123456))
    start = voucher.valid_from + 30 * HOUR
    assert booked(voucher=voucher, start=start).slot_end == start + HOUR


def test_both_readings_of_a_double_hour_are_booked_apart():
    offer = make_offer(opens=time(1), closes=time(4))
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00, twice
    vouchers = make_vouchers(offer, 3)
    make_booking(vouchers[0], start=first, holder_uid="one")
    make_booking(vouchers[1], start=first + HOUR, holder_uid="two")
    for start in (first, first + HOUR):
        with conflicting("slot_taken"):
            make_booking(vouchers[2], start=start, holder_uid="three")


@pytest.mark.parametrize("by", [CLERK, HOTEL_SYSTEM], ids=lambda by: by.kind)
def test_the_hotel_books_for_a_guest(by):
    booking = booked(by=by)
    assert (booking.holder_uid, event_of("book").actor_id) == (GUEST_UID, by.id)


def test_a_guest_books_for_nobody_else():
    voucher = make_voucher()
    with refused("holder_not_allowed"):
        make_booking(voucher, holder_uid=OTHER_UID, by=GUEST)


@pytest.mark.parametrize("by", [CLERK, GUEST], ids=lambda by: by.kind)
def test_a_booking_is_for_somebody(by):
    voucher = make_voucher()
    with refused("holder_not_allowed"):
        make_booking(voucher, holder_uid="", by=by)


def test_the_clock_books_nothing():
    voucher = make_voucher()
    with refused("actor_not_allowed"):
        make_booking(voucher, by=CLOCK)


def test_a_held_voucher_is_booked_by_its_holder():
    booking = booked(voucher=make_voucher(make_offer(), holder_uid=GUEST_UID))
    assert not booking.voucher_was_open


@pytest.mark.parametrize("by", [OTHER, CLERK], ids=lambda by: by.kind)
def test_a_held_voucher_is_booked_for_nobody_but_its_holder(by):
    voucher = make_voucher(holder_uid=GUEST_UID)
    with refused("voucher_held"):
        make_booking(voucher, holder_uid=OTHER_UID, by=by)


def test_a_booked_voucher_is_not_booked_again():
    booking = booked()
    with conflicting("voucher_booked"):
        make_booking(booking.voucher, start=FIRST + HOUR)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (NOW - HOUR, "slot_too_soon"),
        (NOW + HOUR, "slot_too_soon"),
        (FIRST - 25 * HOUR, "slot_too_soon"),
        (FIRST + timedelta(days=20), "slot_outside_validity"),
        (datetime(2026, 3, 12, 14, tzinfo=UTC), "slot_outside_validity"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "slot_outside_validity"),
        (datetime(1, 1, 1, tzinfo=UTC), "slot_too_soon"),
        (FIRST + timedelta(minutes=30), "slot_not_offered"),
        (FIRST + timedelta(microseconds=1), "slot_not_offered"),
        (FIRST - HOUR, "slot_not_offered"),
        (FIRST + 8 * HOUR, "slot_not_offered"),
        (FIRST + 2 * DAY, "slot_not_offered"),
    ],
)
def test_a_time_that_the_calendar_does_not_offer_is_refused(start, code):
    offer = make_offer(min_notice_minutes=120)
    Closure.objects.create(
        offer=offer, first_day=FIRST.date() + 2 * DAY, last_day=FIRST.date() + 2 * DAY, reason="Works"
    )
    voucher = make_voucher(offer, valid_until=datetime(2026, 3, 12, 14, 30, tzinfo=UTC))
    with refused(code):
        make_booking(voucher, start=start)


def test_a_slot_before_the_validity_is_refused():
    voucher = make_voucher(make_offer(), valid_from=FIRST + SECOND)
    with refused("slot_outside_validity"):
        make_booking(voucher, start=FIRST)


def test_a_slot_is_booked_up_to_the_very_moment_of_its_notice():
    offer = make_offer(min_notice_minutes=120)
    voucher = make_voucher(offer)
    with refused("slot_too_soon"):
        make_booking(voucher, start=FIRST, now=FIRST - 2 * HOUR + SECOND)
    make_booking(voucher, start=FIRST, now=FIRST - 2 * HOUR)


def test_a_slot_that_ends_with_the_validity_is_booked():
    assert booked(voucher=make_voucher(make_offer(), valid_until=FIRST + HOUR)).slot_end == FIRST + HOUR


def test_a_slot_has_as_many_places_as_its_offer():
    offer = make_offer(capacity=2)
    vouchers = make_vouchers(offer, 3)
    make_booking(vouchers[0], start=FIRST, holder_uid="one")
    make_booking(vouchers[1], start=FIRST, holder_uid="two")
    with conflicting("slot_taken"):
        make_booking(vouchers[2], start=FIRST, holder_uid="three")
    make_booking(vouchers[2], start=FIRST + HOUR, holder_uid="three")


def test_services_longer_than_the_grid_share_places_where_they_overlap():
    offer = make_offer(duration_minutes=90)
    vouchers = make_vouchers(offer, 3)
    make_booking(vouchers[0], start=FIRST + HOUR)
    for start in (FIRST, FIRST + HOUR, FIRST + 2 * HOUR):
        with conflicting("slot_taken"):
            make_booking(vouchers[1], start=start, holder_uid=OTHER_UID)
    make_booking(vouchers[1], start=FIRST + 3 * HOUR, holder_uid=OTHER_UID)


def test_the_vouchers_of_no_offer_have_a_place_each():
    for voucher, uid in zip(make_vouchers(count=2), (GUEST_UID, OTHER_UID), strict=True):
        make_booking(voucher, start=FIRST, holder_uid=uid)
    assert Booking.objects.filter(slot_start=FIRST).count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", "\x00"),
        ("name", "\ud800"),
        ("email", "no address"),
        ("email", "a\x00@guest.example"),
        ("email", f"{'x' * 250}@guest.example"),
        ("note", "x" * 501),
        ("note", "\x00"),
        ("language", "xx"),
        ("language", ""),
        ("form_key", "x" * 37),
        ("holder_uid", "x" * 65),
        ("holder_uid", "\x00"),
    ],
    ids=ascii,
)
def test_details_that_cannot_be_stored_are_refused_by_their_name(field, value):
    voucher = make_voucher(make_offer())
    with refused("booking_invalid") as refusal:
        make_booking(voucher, start=FIRST, **{field: value})
    assert field in refusal.value.message


def test_a_form_that_is_sent_twice_books_once():
    booked(form_key="key")
    voucher = make_voucher(make_offer())
    with unchanged(), pytest.raises(IntegrityError):
        make_booking(voucher, start=FIRST, holder_uid=OTHER_UID, form_key="key")


# Nobody hoards


def test_a_guest_has_no_more_live_bookings_of_an_offer_than_it_allows():
    offer = make_offer(capacity=9, max_per_guest=2)
    vouchers = make_vouchers(offer, 3)
    for voucher, start in zip(vouchers[:2], (FIRST, FIRST + HOUR), strict=True):
        make_booking(voucher, start=start, by=GUEST)
    with conflicting("guest_limit_reached"):
        make_booking(vouchers[2], start=FIRST + 2 * HOUR, by=GUEST)
    make_booking(vouchers[2], start=FIRST + 2 * HOUR, holder_uid=OTHER_UID, by=OTHER)


def test_an_address_counts_whoever_uses_it_and_however_it_is_written():
    offer = make_offer(capacity=9)
    booked(offer, email="Ann@Guest.Example")
    assert Booking.objects.get().guest_email == MAIL
    voucher = make_voucher(offer)
    with conflicting("guest_limit_reached"):
        make_booking(voucher, start=FIRST + HOUR, holder_uid=OTHER_UID, by=OTHER, email="ANN@guest.EXAMPLE")
    make_booking(voucher, start=FIRST + HOUR, holder_uid=OTHER_UID, by=OTHER, email="bob@guest.example")


def test_guests_without_an_address_are_not_taken_for_one_guest():
    offer = make_offer(capacity=9)
    booked(offer)
    booked(offer, holder_uid=OTHER_UID)
    assert Booking.objects.count() == 2


@pytest.mark.parametrize("by", [CLERK, HOTEL_SYSTEM], ids=lambda by: by.kind)
def test_the_hotel_books_beyond_the_limit(by):
    offer = make_offer(capacity=9)
    booked(offer, email=MAIL)
    booked(offer, by=by, email=MAIL)
    assert Booking.objects.count() == 2


def test_bookings_of_another_offer_do_not_count():
    booked(make_offer(), email=MAIL)
    booked(make_offer(), email=MAIL)
    assert Booking.objects.count() == 2


def test_vouchers_without_an_offer_have_no_limit():
    for voucher in make_vouchers(count=2):
        make_booking(voucher, start=FIRST, by=GUEST)
    assert Booking.objects.count() == 2


def test_bookings_that_are_cancelled_used_or_over_do_not_count():
    offer = make_offer(capacity=9)
    cancel_booking(booking_id=booked(offer).pk, by=GUEST, now=NOW)
    redeem_voucher(voucher_id=booked(offer).voucher_id, by=CLERK, now=NOW)
    over = booked(voucher=make_voucher(offer, valid_until=FIRST + HOUR))
    with conflicting("guest_limit_reached"):
        voucher = offer_voucher(offer)
        make_booking(voucher, start=FIRST + 2 * DAY, by=GUEST)
    assert live_ids(FIRST) == {over.pk}
    make_booking(voucher, start=FIRST + 2 * DAY, by=GUEST, now=FIRST + DAY)


def offer_voucher(offer) -> Voucher:
    return Voucher.objects.filter(offer=offer, status=Status.ISSUED, holder_uid="").first()


def live_ids(now: datetime) -> set[str]:
    return set(Booking.objects.live(now).values_list("pk", flat=True))


# Booking any voucher of a batch


def take_any(batch, uid=GUEST_UID, start=FIRST, now=NOW, **details) -> Booking:
    return book_any(
        batch_id=batch.pk, start=start, holder_uid=uid, by=guest(uid), now=now, guest=GuestDetails(**details)
    )


def test_each_guest_gets_another_voucher_of_the_batch_until_none_is_left():
    batch = make_vouchers(make_offer(capacity=9), 2)[0].batch
    first, second = take_any(batch), take_any(batch, OTHER_UID)
    assert first.voucher_id != second.voucher_id
    assert_batches_count_true()
    with conflicting("batch_used_up"):
        take_any(batch, "third")


def test_vouchers_that_somebody_holds_are_not_taken_from_a_batch():
    held, left = make_vouchers(make_offer(), 2)
    transfer_voucher(voucher_id=held.pk, from_uid="", to_uid=OTHER_UID, now=NOW)
    assert take_any(held.batch).voucher_id == left.pk


def test_a_batch_that_has_ended_is_used_up():
    batch = make_voucher(make_offer(), valid_until=FIRST + DAY).batch
    with conflicting("batch_used_up"):
        take_any(batch, start=FIRST + 2 * DAY, now=FIRST + DAY)


def test_a_batch_is_booked_on_its_calendar():
    batch = make_voucher(make_offer()).batch
    with refused("slot_not_offered"):
        take_any(batch, start=FIRST - HOUR)


def test_a_batch_shares_the_places_of_its_offer():
    offer = make_offer()
    booked(offer)
    batch = make_voucher(offer).batch
    with conflicting("slot_taken"):
        take_any(batch, OTHER_UID)


def test_a_batch_keeps_to_the_guests_limit():
    batch = make_vouchers(make_offer(capacity=9), 2)[0].batch
    take_any(batch)
    with conflicting("guest_limit_reached"):
        take_any(batch, start=FIRST + HOUR)


# Who comes second


def interfere(monkeypatch, act: Callable[[], object]) -> list[object]:
    """Let somebody else act after the verb has read and before it writes."""
    after: list[object] = []
    read = domain.calendar_of

    def calendar_of(promise):
        if not after:
            after.append(None)
            act()
            after[0] = stored()
        return read(promise)

    monkeypatch.setattr(domain, "calendar_of", calendar_of)
    return after


def test_the_last_voucher_of_a_batch_may_go_to_someone_quicker(monkeypatch):
    batch = make_voucher(make_offer(capacity=9)).batch
    after = interfere(monkeypatch, lambda: take_any(batch, OTHER_UID))
    with pytest.raises(Conflict) as refusal:
        take_any(batch)
    assert refusal.value.code == "batch_used_up"
    assert stored() == after[0]


def test_of_two_who_book_one_voucher_the_slower_is_told_that_it_is_booked(monkeypatch):
    voucher = make_voucher(make_offer(capacity=9))
    after = interfere(monkeypatch, lambda: make_booking(voucher, start=FIRST, holder_uid=OTHER_UID))
    with pytest.raises(Conflict) as refusal:
        make_booking(voucher, start=FIRST, by=GUEST)
    assert refusal.value.code == "voucher_booked"
    assert stored() == after[0]


def test_who_books_what_was_claimed_meanwhile_is_told_that_it_changed(monkeypatch):
    voucher = make_voucher(make_offer())
    after = interfere(
        monkeypatch,
        lambda: transfer_voucher(voucher_id=voucher.pk, from_uid="", to_uid=OTHER_UID, now=NOW),
    )
    with pytest.raises(Conflict) as refusal:
        make_booking(voucher, start=FIRST, by=GUEST)
    assert refusal.value.code == "voucher_changed"
    assert stored() == after[0]


def test_of_two_moves_prepared_on_one_booking_the_slower_is_refused(monkeypatch):
    booking = booked()
    after = interfere(
        monkeypatch,
        lambda: move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=CLERK, now=NOW),
    )
    with pytest.raises(Conflict) as refusal:
        move_booking(booking_id=booking.pk, start=FIRST + 2 * HOUR, by=GUEST, now=NOW)
    assert refusal.value.code == "booking_changed"
    assert stored() == after[0]


def test_a_move_of_what_was_cancelled_meanwhile_is_refused(monkeypatch):
    booking = booked()
    after = interfere(monkeypatch, lambda: cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW))
    with pytest.raises(Conflict) as refusal:
        move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)
    assert refusal.value.code == "voucher_issued"
    assert stored() == after[0]


# Moving


def test_a_move_takes_the_new_place_and_frees_the_old_one():
    offer = make_offer()
    booking = booked(offer)
    moved = move_booking(booking_id=booking.pk, start=FIRST + 3 * HOUR, by=GUEST, now=NOW)
    booking.refresh_from_db()
    assert (booking.slot_start, booking.slot_end) == (FIRST + 3 * HOUR, FIRST + 4 * HOUR)
    assert (
        (moved.slot_start, moved.revision) == (booking.slot_start, booking.revision) == (FIRST + 3 * HOUR, 1)
    )
    assert (booking.created_at, booking.status) == (NOW, "booked")
    booked(offer, holder_uid=OTHER_UID)


def test_a_move_writes_one_event_with_both_times():
    booking = booked()
    move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW + HOUR)
    event = event_of("move")
    assert events_of(booking.voucher_id) == ["voucher.book", "voucher.issue", "voucher.move"]
    assert event.meta["before"]["slot_start"] == FIRST.isoformat()
    assert event.meta["slot_start"] == (FIRST + HOUR).isoformat()
    assert event.meta["before"]["status"] == event.meta["after"]["status"] == "booked"


def test_a_move_changes_when_the_voucher_ends():
    booking = booked(voucher=make_voucher(make_offer(), valid_until=FIRST + DAY + HOUR))
    assert voucher_of(booking).expires_at == FIRST + DAY + HOUR
    move_booking(booking_id=booking.pk, start=FIRST + DAY, by=GUEST, now=NOW)
    assert voucher_of(booking).expires_at == datetime(2026, 3, 4, 23, tzinfo=UTC)
    move_booking(booking_id=booking.pk, start=FIRST, by=GUEST, now=NOW)
    assert voucher_of(booking).expires_at == FIRST + DAY + HOUR


def test_a_move_to_a_taken_place_keeps_the_old_one():
    offer = make_offer()
    booking = booked(offer)
    booked(offer, FIRST + HOUR, holder_uid=OTHER_UID)
    with conflicting("slot_taken"):
        move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)


def test_a_move_may_overlap_its_own_old_place():
    booking = booked(make_offer(duration_minutes=90, step_minutes=30))
    start = FIRST + timedelta(minutes=30)
    assert move_booking(booking_id=booking.pk, start=start, by=GUEST, now=NOW).slot_start == start


def test_a_move_to_where_it_is_changes_nothing():
    booking = booked(email=MAIL)
    with unchanged():
        assert move_booking(booking_id=booking.pk, start=FIRST, by=GUEST, now=NOW).pk == booking.pk


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (NOW - HOUR, "slot_too_soon"),
        (FIRST + 400 * DAY, "slot_outside_validity"),
        (FIRST + timedelta(minutes=1), "slot_not_offered"),
    ],
)
def test_a_move_to_what_is_not_offered_is_refused(start, code):
    booking = booked()
    with refused(code):
        move_booking(booking_id=booking.pk, start=start, by=GUEST, now=NOW)


def test_a_cancelled_booking_is_not_moved():
    booking = booked()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    with conflicting("booking_cancelled"):
        move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)


def test_a_used_booking_is_not_moved():
    booking = booked()
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW)
    with conflicting("voucher_consumed"):
        move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=CLERK, now=NOW)


# The notice


@pytest.mark.parametrize("verb", ["move", "cancel"])
def test_a_guest_changes_a_booking_until_the_notice_and_the_hotel_always(verb):
    booking = booked(make_offer(cancel_notice_minutes=120))
    calls = {
        "move": lambda by, now: move_booking(booking_id=booking.pk, start=FIRST + 5 * HOUR, by=by, now=now),
        "cancel": lambda by, now: cancel_booking(booking_id=booking.pk, by=by, now=now),
    }
    until = FIRST - 2 * HOUR
    assert changeable_until(booking) == until
    with refused("change_too_late"):
        calls[verb](GUEST, until + SECOND)
    savepoint = transaction.savepoint()
    calls[verb](GUEST, until)
    transaction.savepoint_rollback(savepoint)
    calls[verb](CLERK, until + SECOND)
    assert event_of(verb).actor_id == CLERK.id


def test_without_a_notice_a_guest_changes_a_booking_until_it_begins():
    booking = booked()
    with refused("change_too_late"):
        cancel_booking(booking_id=booking.pk, by=GUEST, now=FIRST + SECOND)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=FIRST)


def test_a_notice_that_the_offer_changes_later_does_not_touch_what_was_promised():
    offer = make_offer(cancel_notice_minutes=120)
    booking = booked(offer)
    offer.cancel_notice_minutes = 10_000
    offer.save()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=FIRST - 2 * HOUR)


# Cancelling


def test_a_cancelled_booking_keeps_its_reason_and_time_and_reopens_the_voucher():
    offer = make_offer()
    booking = booked(offer)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW + HOUR, reason="Ill")
    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_at, booking.cancel_reason) == ("cancelled", NOW + HOUR, "Ill")
    voucher = voucher_of(booking)
    assert (voucher.status, voucher.holder_uid) == ("issued", "")
    assert voucher.expires_at == voucher.valid_until
    assert_batches_count_true()
    event = event_of("cancel")
    # What a guest writes can be erased: the journal cannot.
    assert (event.type, event.meta["booking_id"]) == ("voucher.cancel", booking.pk)
    assert "reason" not in event.meta
    assert event.meta["before"] == {"status": "booked", "holder_uid": GUEST_UID}
    assert event.meta["after"] == {"status": "issued", "holder_uid": ""}
    booked(offer, holder_uid=OTHER_UID)


def test_a_voucher_that_was_held_stays_with_its_holder():
    booking = booked(voucher=make_voucher(make_offer(), holder_uid=GUEST_UID))
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    assert (voucher_of(booking).status, voucher_of(booking).holder_uid) == ("issued", GUEST_UID)


def test_a_claimed_voucher_of_a_batch_stays_with_who_claimed_it():
    voucher = make_vouchers(make_offer(), 2)[0]
    transfer_voucher(voucher_id=voucher.pk, from_uid="", to_uid=GUEST_UID, now=NOW)
    booking = booked(voucher=voucher)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    assert voucher_of(booking).holder_uid == GUEST_UID
    assert Batch.objects.get().open_issued == 1


def test_cancelling_twice_changes_nothing_the_second_time():
    booking = booked(email=MAIL)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW, reason="Ill")
    with unchanged():
        again = cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW + HOUR, reason="Other")
    assert (again.cancelled_at, again.cancel_reason) == (NOW, "Ill")


def test_a_reopened_voucher_is_booked_by_someone_else_and_then_not_cancelled_by_the_first():
    booking = booked()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    second = booked(voucher=booking.voucher, holder_uid=OTHER_UID)
    with unchanged():
        cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    assert second.pk != booking.pk
    assert voucher_of(second).holder_uid == OTHER_UID


def test_a_used_booking_is_not_cancelled():
    booking = booked()
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW)
    with conflicting("voucher_consumed"):
        cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)


def test_a_booking_cancelled_after_the_validity_leaves_a_voucher_that_has_ended():
    booking = booked(voucher=make_voucher(make_offer(), valid_until=FIRST + HOUR))
    later = FIRST + 2 * HOUR
    cancel_booking(booking_id=booking.pk, by=CLERK, now=later)
    assert voucher_of(booking).shown(later) == Status.EXPIRED
    assert_batches_count_true()


@pytest.mark.parametrize(
    ("reason", "code"),
    [("x" * 201, "reason_too_long"), ("\x00", "reason_invalid"), ("\ud800", "reason_invalid")],
    ids=["long", "nul", "surrogate"],
)
def test_a_reason_that_cannot_be_stored_is_refused(reason, code):
    booking, voucher = booked(), make_voucher()
    with refused(code):
        cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW, reason=reason)
    for pk in (booking.voucher_id, voucher.pk):
        with refused(code):
            withdraw_voucher(voucher_id=pk, by=CLERK, now=NOW, reason=reason)


# Withdrawing


def test_a_withdrawn_voucher_takes_its_booking_with_it():
    offer = make_offer()
    booking = booked(offer)
    withdraw_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW, reason="Closed")
    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_at, booking.cancel_reason) == ("cancelled", NOW, "Closed")
    assert (voucher_of(booking).status, voucher_of(booking).holder_uid) == ("cancelled", GUEST_UID)
    assert events_of(booking.voucher_id) == ["voucher.book", "voucher.issue", "voucher.withdraw"]
    assert event_of("withdraw").meta["reason"] == "Closed"
    assert_batches_count_true()
    booked(offer, holder_uid=OTHER_UID)


def test_a_withdrawn_voucher_without_a_booking_counts_as_cancelled():
    voucher = make_vouchers(count=2)[0]
    withdraw_voucher(voucher_id=voucher.pk, by=HOTEL_SYSTEM, now=NOW, reason="Printed twice")
    assert Voucher.objects.get(pk=voucher.pk).status == Status.CANCELLED
    assert Batch.objects.values("open_issued", "open_cancelled").get() == {
        "open_issued": 1,
        "open_cancelled": 1,
    }
    assert event_of("withdraw").meta["reason"] == "Printed twice"
    assert event_of("withdraw").meta["after"]["status"] == "cancelled"


# Not coming


def test_a_no_show_is_a_mark_and_an_event_and_no_change_of_state():
    booking = booked()
    before = Voucher.objects.values().get()
    mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST)
    booking.refresh_from_db()
    assert (booking.no_show_at, booking.status) == (FIRST, "booked")
    assert Voucher.objects.values().get() == before
    event = event_of("booking.no_show")
    assert (event.type, event.subject_type, event.subject_id) == ("booking.no_show", "booking", booking.pk)
    assert (event.actor_id, event.issuer_uid) == (CLERK.id, "hotel-a")
    assert (event.meta["before"], event.meta["after"]) == ({"no_show": False}, {"no_show": True})


def test_marking_twice_changes_nothing_the_second_time():
    booking = booked()
    mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST)
    with unchanged():
        assert mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST + HOUR).no_show_at == FIRST


def test_a_guest_who_comes_late_after_all_is_still_redeemed():
    booking = booked()
    mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST)
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=FIRST + HOUR)
    assert voucher_of(booking).status == Status.CONSUMED


@pytest.mark.parametrize("by", [GUEST, CLOCK], ids=lambda by: by.kind)
def test_only_the_hotel_marks_a_no_show(by):
    booking = booked()
    with refused("actor_not_allowed"):
        mark_no_show(booking_id=booking.pk, by=by, now=FIRST)


def test_a_guest_is_not_missed_before_the_slot_begins():
    booking = booked()
    with refused("slot_not_begun"):
        mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST - SECOND)


def test_a_guest_who_came_or_cancelled_is_not_missed():
    used, cancelled = booked(), booked(holder_uid=OTHER_UID)
    redeem_voucher(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW)
    with conflicting("voucher_consumed"):
        mark_no_show(booking_id=used.pk, by=CLERK, now=FIRST)
    with conflicting("booking_cancelled"):
        mark_no_show(booking_id=cancelled.pk, by=CLERK, now=FIRST)


# Being forgotten


def test_a_forgotten_guest_leaves_slots_and_vouchers_and_nothing_of_a_person():
    booking = booked(name="Ann", email=MAIL, note="Late")
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW, reason="I am ill")
    other = booked(holder_uid=OTHER_UID, name="Bob", email="bob@guest.example")
    assert forget_guest(guest_uid=GUEST_UID, by=GUEST, now=NOW) == 1
    booking.refresh_from_db()
    assert (booking.guest_name, booking.guest_email, booking.guest_note) == ("", "", "")
    assert (booking.cancel_reason, booking.status, booking.slot_start) == ("", "cancelled", FIRST)
    assert list(Mail.objects.values_list("booking", flat=True)) == [other.pk]
    assert Booking.objects.get(pk=other.pk).guest_name == "Bob"
    event = event_of("booking.forget")
    assert (event.type, event.subject_id, event.actor_id) == ("booking.forget", booking.pk, GUEST_UID)
    assert (event.meta["before"], event.meta["after"]) == ({"personal_data": True}, {"personal_data": False})


def test_the_journal_never_held_anything_of_a_person():
    booking = booked(name="Ann", email=MAIL, note="Late")
    move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    written = " ".join(str(event.meta) for event in Event.objects.all())
    assert not any(word in written for word in ("Ann", MAIL, "Late"))


def test_a_guest_with_a_live_booking_is_not_forgotten():
    booking = booked(name="Ann")
    with conflicting("bookings_upcoming"):
        forget_guest(guest_uid=GUEST_UID, by=GUEST, now=NOW)
    ended = voucher_of(booking).expires_at
    assert forget_guest(guest_uid=GUEST_UID, by=GUEST, now=ended) == 1


def test_forgetting_a_stranger_or_nobody_changes_nothing():
    booked(name="Ann")
    with unchanged():
        assert forget_guest(guest_uid=OTHER_UID, by=OTHER, now=NOW) == 0
        assert forget_guest(guest_uid="", by=CLERK, now=NOW) == 0


# Mails


def test_each_change_owes_its_guest_a_mail_and_a_worker_its_task():
    booking = booked(email=MAIL)
    move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    mails = Mail.objects.order_by("pk")
    assert [mail.kind for mail in mails] == ["booked", "moved", "cancelled"]
    assert {(mail.recipient, mail.guest_uid, mail.sent_at) for mail in mails} == {(MAIL, GUEST_UID, None)}
    tasks = [task.args_kwargs for task in DBTaskResult.objects.order_by("enqueued_at")]
    assert tasks == [{"args": [mail.pk], "kwargs": {}} for mail in mails]


def test_a_withdrawn_booking_owes_a_mail_and_a_voucher_without_one_does_not():
    booking = booked(email=MAIL)
    withdraw_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW)
    withdraw_voucher(voucher_id=make_voucher().pk, by=CLERK, now=NOW)
    assert list(Mail.objects.order_by("pk").values_list("kind", flat=True)) == ["booked", "cancelled"]


def test_who_gave_no_address_is_owed_no_mail():
    booking = booked()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    assert not Mail.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_an_address_gets_so_many_mails_an_hour_and_its_bookings_all_the_same(settings):
    settings.MAILS_PER_ADDRESS_PER_HOUR = 2
    for number in range(3):
        booked(holder_uid=f"guest-{number}", email=MAIL)
    assert (Booking.objects.count(), Mail.objects.count()) == (3, 2)
    assert is_limited(MAIL, "another", now=NOW + HOUR - SECOND)
    assert not is_limited(MAIL, "another", now=NOW + HOUR)


def test_a_guest_causes_so_many_mails_an_hour_to_whatever_addresses(settings):
    settings.MAILS_PER_GUEST_PER_HOUR = 2
    for number in range(3):
        booked(email=f"{number}@guest.example")
    assert (Booking.objects.count(), Mail.objects.count()) == (3, 2)
    assert is_limited("new@guest.example", GUEST_UID, now=NOW)
    assert not is_limited("new@guest.example", OTHER_UID, now=NOW)


# One transaction


def verbs_of(booking: Booking, spare: Voucher) -> dict[str, Callable[[], object]]:
    return {
        "book": lambda: make_booking(spare, start=FIRST + HOUR, email=MAIL),
        "book_any": lambda: take_any(spare.batch, OTHER_UID, FIRST + HOUR, email=MAIL),
        "move": lambda: move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=CLERK, now=NOW),
        "cancel": lambda: cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW),
        "withdraw": lambda: withdraw_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW),
        "withdraw_open": lambda: withdraw_voucher(voucher_id=spare.pk, by=CLERK, now=NOW),
        "no_show": lambda: mark_no_show(booking_id=booking.pk, by=CLERK, now=FIRST),
        "forget": lambda: forget_guest(guest_uid=GUEST_UID, by=GUEST, now=FIRST + 400 * DAY),
    }


VERBS = ["book", "book_any", "move", "cancel", "withdraw", "withdraw_open", "no_show", "forget"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_change_whose_event_cannot_be_written_does_not_happen(verb, monkeypatch):
    offer = make_offer(capacity=9, max_per_guest=9)
    calls = verbs_of(booked(offer, name="Ann", email=MAIL), make_voucher(offer))
    assert list(calls) == VERBS
    for module in (domain, forgetting):
        monkeypatch.setattr(module, "record", break_off)
    with unchanged(), pytest.raises(BrokenOffError):
        calls[verb]()


@pytest.mark.parametrize("verb", ["book", "book_any", "move", "cancel", "withdraw"])
def test_a_change_whose_mail_cannot_be_noted_does_not_happen(verb, monkeypatch):
    offer = make_offer(capacity=9, max_per_guest=9)
    calls = verbs_of(booked(offer, email=MAIL), make_voucher(offer))
    monkeypatch.setattr(domain, "owe_mail", break_off)
    with unchanged(), pytest.raises(BrokenOffError):
        calls[verb]()


@pytest.mark.parametrize("verb", VERBS)
def test_a_change_that_is_not_committed_leaves_no_event_mail_or_task(verb):
    offer = make_offer(capacity=9, max_per_guest=9)
    calls = verbs_of(booked(offer, name="Ann", email=MAIL), make_voucher(offer))
    with unchanged():
        savepoint = transaction.savepoint()
        calls[verb]()
        changed = stored()
        transaction.savepoint_rollback(savepoint)
    assert changed != stored()


@pytest.mark.django_db(transaction=True)
def test_a_committed_booking_is_stored_with_its_event_its_mail_and_its_task():
    booking = booked(email=MAIL)
    assert not transaction.get_connection().in_atomic_block
    assert voucher_of(booking).status == Status.BOOKED
    assert event_of("book").meta["booking_id"] == booking.pk
    assert DBTaskResult.objects.get().args_kwargs["args"] == [Mail.objects.get().pk]


@pytest.mark.django_db(transaction=True)
def test_a_refusal_outside_any_transaction_leaves_nothing_half_done():
    offer = make_offer()
    booking = booked(offer, email=MAIL)
    voucher = make_voucher(offer)
    with conflicting("slot_taken"):
        make_booking(voucher, start=FIRST, holder_uid=OTHER_UID, email=MAIL)
    with conflicting("guest_limit_reached"):
        make_booking(voucher, start=FIRST + HOUR, by=GUEST, email=MAIL)
    make_booking(voucher, start=FIRST + HOUR, holder_uid=OTHER_UID)
    with conflicting("slot_taken"):
        move_booking(booking_id=booking.pk, start=FIRST + HOUR, by=GUEST, now=NOW)


# Live bookings


def test_a_booking_is_live_until_it_is_cancelled_used_or_over():
    offer = make_offer(capacity=9)
    live, cancelled, used = (booked(offer, holder_uid=uid) for uid in ("one", "two", "three"))
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    end = voucher_of(live).expires_at
    assert live_ids(end - SECOND) == {live.pk}
    assert live_ids(end) == set()
    undo_redemption(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    assert live_ids(NOW) == {live.pk, used.pk}


def test_hotels_keep_their_places_apart():
    ours, theirs = make_offer(), make_offer(make_hotel("hotel-b"))
    booked(ours)
    assert booked(theirs, holder_uid=OTHER_UID).hotel_id == "hotel-b"


def test_a_slot_is_named_by_a_voucher_that_exists():
    with unchanged(), pytest.raises(Voucher.DoesNotExist):
        book_slot(voucher_id="v-none", start=FIRST, holder_uid=GUEST_UID, by=GUEST, now=NOW)
