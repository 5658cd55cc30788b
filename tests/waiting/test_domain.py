"""The waiting list: who is in line, who is offered what, and that the journal tells all of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bookings.domain import (
    GuestDetails,
    book_any,
    cancel_booking,
    move_booking,
    withdraw_voucher,
)
from bookings.holds import hold_slot, prune_holds
from bookings.models import Booking, Hold, HoldKind, Mail
from events.models import Event
from portal.actors import guest
from portal.errors import NotFound
from portal.ids import new_id
from tests.checks import conflicting, refused, stored, unchanged
from tests.make import CLERK, NOW, make_booking, make_offer, make_voucher, make_vouchers
from vouchers.models import Batch, Closure, Offer, Voucher
from waiting.domain import (
    accept_offer,
    forget_waiting,
    join_waiting,
    leave_waiting,
    pass_offer,
    prune_waiting,
    serve_all,
    serve_offer,
    settle_if_due,
)
from waiting.models import Entry, State
from waiting.outlook import offers_to_serve
from waiting.queries import current_of, entry_of, position_of, waiting_data, wished_promise

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
# Tuesday 3 March 2026, 10:00 in Amsterdam; the spa is open for two hours, for one guest each.
FIRST = datetime(2026, 3, 3, 9, tzinfo=UTC)
SECOND = FIRST + HOUR
DAY = date(2026, 3, 3)


@pytest.fixture
def offer() -> Offer:
    return make_offer(capacity=1, closes=time(12))


@pytest.fixture
def batch(offer: Offer) -> Batch:
    return Batch.objects.get(pk=make_vouchers(offer, 9)[0].batch_id)


@pytest.fixture
def full(batch: Batch) -> list[Booking]:
    """The day's two bookings."""
    return [book(batch, FIRST, "early-1"), book(batch, SECOND, "early-2")]


def book(batch: Batch, start: datetime, uid: str, now: datetime = NOW) -> Booking:
    return book_any(batch_id=batch.pk, start=start, holder_uid=uid, by=guest(uid), now=now)


def join(promise: Any, uid: str, start: datetime | None = None, now: datetime = NOW, **details: Any) -> Entry:
    return join_waiting(
        promise_key=promise.pk,
        day=details.pop("day", DAY),
        start=start,
        guest=GuestDetails(**{"name": uid.title(), "email": f"{uid}@guest.example", **details}),
        by=guest(uid),
        now=now,
    )


def cancel(booking: Booking, now: datetime = NOW) -> None:
    cancel_booking(booking_id=booking.pk, by=CLERK, now=now)


def fresh(entry: Entry) -> Entry:
    return Entry.objects.get(pk=entry.pk)


def states() -> dict[str, str]:
    return {entry.guest_uid: str(entry.state) for entry in Entry.objects.order_by("pk")}


def told() -> list[tuple[str, str]]:
    """The journal's steps of the line, each with the guest's first name."""
    names = dict(Entry.objects.values_list("pk", "guest_uid"))
    events = Event.objects.filter(type__startswith="waiting.").order_by("pk")
    return [(event.type.removeprefix("waiting."), names[event.subject_id]) for event in events]


# Joining


def test_whoever_joins_is_in_line_and_the_journal_names_no_person(batch, full):
    entry = join(batch, "ann", email="ANN@guest.example")
    assert (entry.state, entry.day, entry.slot_start, entry.title) == (State.WAITING, DAY, None, "Spa hour")
    assert entry.guest_email == "ann@guest.example"
    event = Event.objects.get(type="waiting.join")
    assert (event.subject_type, event.subject_id, event.actor_id) == ("waiting", entry.pk, "ann")
    assert event.issuer_uid == entry.hotel_id
    assert event.meta["after"] == {"state": "waiting"}
    assert event.meta["joined_at"] == NOW.isoformat()
    assert "Ann" not in str(event.meta)
    assert str(entry) == f"{entry.pk} (2026-03-03)"


def test_joining_again_for_the_same_changes_nothing(batch, full):
    first, one = join(batch, "ann"), join(batch, "ann", FIRST)
    with unchanged():
        assert join(batch, "ann", now=NOW + MINUTE) == first
        assert join(batch, "ann", FIRST, now=NOW + MINUTE) == one


def test_a_guest_waits_with_a_voucher_that_is_theirs(offer, full):
    own = make_voucher(offer, holder_uid="ann")
    assert join(own, "ann").promise_key == own.pk
    with refused("promise_not_bookable"):
        join(own, "bob")


def test_an_open_voucher_stands_for_its_batch(batch, full):
    voucher = Voucher.objects.filter(batch=batch, status="issued").first()
    assert join(voucher, "ann").promise_key == batch.pk
    assert wished_promise(voucher.pk, "", NOW) == batch
    assert wished_promise("v-unknown", "", NOW) is None


def test_a_voucher_without_an_offer_has_no_line():
    own = make_voucher(holder_uid="ann")
    with refused("promise_not_bookable"):
        join(own, "ann")


def test_nobody_waits_for_what_is_free(batch, full):
    cancel(full[0])
    with conflicting("slot_free"):
        join(batch, "ann")
    with conflicting("slot_free"):
        join(batch, "ann", FIRST)
    join(batch, "ann", SECOND)


def test_what_is_held_is_not_free(batch, full):
    cancel(full[0])
    hold_slot(promise=wished_promise(batch.pk, "", NOW), start=FIRST, guest_uid="bob", now=NOW)
    join(batch, "ann", FIRST)


@pytest.mark.parametrize(
    ("start", "day", "code"),
    [
        (FIRST + 30 * MINUTE, DAY, "slot_not_offered"),
        (NOW - HOUR, DAY, "slot_too_soon"),
        (None, date(2026, 3, 1), "day_not_offered"),
        (None, date(2031, 3, 1), "day_not_offered"),
    ],
)
def test_nobody_waits_for_what_never_comes(batch, full, start, day, code):
    with refused(code):
        join(batch, "ann", start, day=day)


def test_a_guest_who_may_book_no_more_does_not_wait(batch, full):
    with conflicting("guest_limit_reached"):
        join(batch, "early-1")


def test_a_guest_waits_for_three_things_at_most_by_uid_and_by_address(batch, full):
    own = [join(batch, "ann"), join(batch, "ann", FIRST), join(batch, "ann", SECOND, email="a@b.example")]
    other = make_offer(capacity=1)
    their = Batch.objects.get(pk=make_vouchers(other, 3)[0].batch_id)
    book(their, FIRST, "early-1")
    with conflicting("waiting_limit_reached"):
        join(their, "ann", FIRST)
    join(their, "bob", FIRST, email="ann@guest.example")
    with conflicting("waiting_limit_reached"):
        join(their, "cem", FIRST, email="ANN@guest.example")
    leave_waiting(entry_id=own[0].pk, by=guest("ann"), now=NOW)
    join(their, "ann", FIRST, email="x@guest.example")


def test_what_cannot_be_stored_is_refused(batch, full):
    with refused("waiting_invalid"):
        join(batch, "ann", name="A\x00")


# Offers


def test_a_freed_place_is_offered_to_the_first_in_line_and_held_for_an_hour(offer, batch, full):
    ann, bob = join(batch, "ann"), join(batch, "bob", now=NOW + MINUTE)
    assert serve_all(NOW) == 0
    cancel(full[0])
    assert serve_all(NOW) == 1
    ann = fresh(ann)
    assert (ann.state, ann.offered_start, ann.offered_end) == (State.OFFERED, FIRST, SECOND)
    assert ann.offered_until == NOW + HOUR
    assert ann.slot_offered.start == FIRST
    held = Hold.objects.get()
    assert (held.kind, held.guest_uid, held.expires_at) == (HoldKind.OFFER, "ann", NOW + HOUR)
    assert fresh(bob).state == State.WAITING
    mail = Mail.objects.get(kind="offer")
    assert (mail.recipient, mail.useless_at, mail.booking) == ("ann@guest.example", NOW + HOUR, None)
    assert told() == [("join", "ann"), ("join", "bob"), ("offer", "ann")]
    assert Event.objects.get(type="waiting.offer").actor_id == "clock"
    with unchanged():
        assert serve_all(NOW) == 0
    with conflicting("slot_taken"):
        book(batch, FIRST, "stranger")


def test_the_order_is_that_of_joining_and_then_of_ids(batch, full):
    late = join(batch, "late", now=NOW + MINUTE)
    one, other = join(batch, "one"), join(batch, "other")
    first, second = sorted((one, other), key=lambda entry: entry.pk)
    assert [position_of(entry) for entry in (first, second, late)] == [1, 2, 3]
    cancel(full[0])
    cancel(full[1])
    assert serve_all(NOW) == 2
    assert [fresh(entry).state for entry in (first, second, late)] == ["offered", "offered", "waiting"]


def test_a_place_that_does_not_fit_the_first_goes_to_whom_it_fits(batch, full):
    ann, bob = join(batch, "ann", SECOND), join(batch, "bob", now=NOW + MINUTE)
    cancel(full[0])
    serve_all(NOW)
    assert (fresh(ann).state, fresh(bob).offered_start) == (State.WAITING, FIRST)


FREEING: dict[str, Callable[[Offer, list[Booking]], object]] = {
    "cancelled": lambda offer, full: cancel(full[0]),
    "moved": lambda offer, full: move_booking(
        booking_id=full[0].pk, start=FIRST + 24 * HOUR, by=CLERK, now=NOW
    ),
    "withdrawn": lambda offer, full: withdraw_voucher(voucher_id=full[0].voucher_id, by=CLERK, now=NOW),
    "more places": lambda offer, full: Offer.objects.filter(pk=offer.pk).update(capacity=2),
    "longer hours": lambda offer, full: offer.opening_hours.update(closes=time(13)),
}


@pytest.mark.parametrize("way", FREEING)
def test_every_way_to_free_a_place_ends_in_an_offer(offer, batch, full, way):
    entry = join(batch, "ann")
    FREEING[way](offer, full)
    assert offers_to_serve(NOW) == [offer.pk]
    assert serve_all(NOW) == 1
    assert fresh(entry).state == State.OFFERED


def test_a_closure_keeps_the_line_and_its_end_serves_it(offer, batch, full):
    entry = join(batch, "ann")
    closure = Closure.objects.create(offer=offer, first_day=DAY, last_day=DAY, reason="Boiler")
    cancel(full[0])
    assert serve_all(NOW) == 0
    assert fresh(entry).state == State.WAITING
    closure.delete()
    assert serve_all(NOW) == 1


def test_a_hold_that_has_lapsed_is_offered(batch, full):
    cancel(full[0])
    hold_slot(promise=wished_promise(batch.pk, "", NOW), start=FIRST, guest_uid="bob", now=NOW)
    join(batch, "ann", FIRST)
    assert serve_all(NOW + 4 * MINUTE) == 0
    assert serve_all(NOW + 5 * MINUTE) == 1


def test_a_guest_has_one_offer_at_a_time_of_an_offers_places(batch, full):
    join(batch, "ann", FIRST)
    join(batch, "ann", SECOND, now=NOW + MINUTE)
    bob = join(batch, "bob", SECOND, email="ann@guest.example", now=NOW + 2 * MINUTE)
    cancel(full[0])
    cancel(full[1])
    assert serve_all(NOW) == 1
    entry = Entry.objects.get(state=State.OFFERED)
    assert entry.offered_start == FIRST
    assert fresh(bob).state == State.WAITING
    leave_waiting(entry_id=entry.pk, by=guest("ann"), now=NOW)
    assert Entry.objects.get(state=State.OFFERED).guest_uid == "ann"


def test_no_more_places_are_offered_than_vouchers_are_left(offer, batch, full):
    Voucher.objects.filter(batch=batch, status="issued").exclude(
        pk=Voucher.objects.filter(batch=batch, status="issued").first().pk
    ).update(status="cancelled")
    Batch.objects.filter(pk=batch.pk).update(open_issued=1, open_cancelled=6)
    join(batch, "ann")
    join(batch, "bob")
    Offer.objects.filter(pk=offer.pk).update(capacity=2)
    assert serve_all(NOW) == 1
    with unchanged():
        serve_offer(offer_id=offer.pk, now=NOW)


def test_nothing_is_offered_that_cannot_be_answered_in_five_minutes_or_after_the_notice(offer, batch, full):
    Offer.objects.filter(pk=offer.pk).update(min_notice_minutes=30)
    entry = join(batch, "ann", FIRST)
    cancel(full[0])
    last = FIRST - 30 * MINUTE
    assert serve_all(last - 4 * MINUTE) == 0
    assert fresh(entry).state == State.WAITING
    assert serve_all(last - 5 * MINUTE) == 1
    assert fresh(entry).offered_until == last
    assert serve_all(last) == 0
    assert fresh(entry).state == State.LAPSED


def test_who_could_not_book_any_more_is_taken_out_of_the_line(offer, batch, full):
    own = make_voucher(offer, holder_uid="ann")
    join(own, "ann")
    join(batch, "bob")
    join(batch, "cem", FIRST)
    withdraw_voucher(voucher_id=own.pk, by=CLERK, now=NOW)
    book(batch, FIRST + 24 * HOUR, "bob")
    Offer.objects.filter(pk=offer.pk).update(capacity=2)
    assert serve_all(NOW) == 1
    assert states() == {"ann": "lapsed", "bob": "lapsed", "cem": "offered"}
    reasons = Event.objects.filter(type="waiting.lapse").order_by("pk")
    assert sorted(event.meta["reason"] for event in reasons) == ["guest_limit_reached", "voucher_gone"]


def test_a_voucher_that_was_handed_on_waits_for_nobody(offer, full):
    own = make_voucher(offer, holder_uid="ann")
    join(own, "ann")
    Voucher.objects.filter(pk=own.pk).update(holder_uid="bob")
    serve_all(NOW)
    assert states() == {"ann": "lapsed"}


def test_the_time_ends_the_wait(batch, full):
    join(batch, "ann")
    join(batch, "bob", FIRST)
    assert serve_all(SECOND) == 0
    assert states() == {"ann": "waiting", "bob": "lapsed"}
    assert serve_all(datetime(2026, 3, 3, 23, 1, tzinfo=UTC)) == 0
    assert states() == {"ann": "lapsed", "bob": "lapsed"}
    assert not Mail.objects.filter(kind="offer").exists()


# Answers


@pytest.fixture
def offered(batch, full) -> Entry:
    """Ann, who has the first slot offered; Bob and Cem wait behind her."""
    entry = join(batch, "ann")
    join(batch, "bob", now=NOW + MINUTE)
    join(batch, "cem", FIRST, now=NOW + 2 * MINUTE)
    cancel(full[0])
    serve_all(NOW)
    return fresh(entry)


def test_accepting_books_the_offered_place_once(offered):
    booking = accept_offer(entry_id=offered.pk, by=guest("ann"), now=NOW)
    assert (booking.slot_start, booking.holder_uid, booking.guest_name) == (FIRST, "ann", "Ann")
    assert booking.guest_email == "ann@guest.example"
    assert not Hold.objects.exists()
    entry = fresh(offered)
    assert (entry.state, entry.booking_id, entry.ended_at) == (State.ACCEPTED, booking.pk, NOW)
    assert told()[-1] == ("accept", "ann")
    with unchanged():
        assert accept_offer(entry_id=offered.pk, by=guest("ann"), now=NOW) == booking
        serve_all(NOW)


def test_accepting_uses_the_guests_own_voucher(offer, full):
    own = make_voucher(offer, holder_uid="ann")
    entry = join(own, "ann")
    cancel(full[0])
    serve_all(NOW)
    assert accept_offer(entry_id=entry.pk, by=guest("ann"), now=NOW).voucher_id == own.pk


def test_passing_gives_the_place_to_the_next_at_once_and_keeps_the_place_in_line(offered, full):
    pass_offer(entry_id=offered.pk, by=guest("ann"), now=NOW)
    assert states() == {"ann": "waiting", "bob": "offered", "cem": "waiting"}
    assert position_of(fresh(offered)) == 1
    with unchanged():
        pass_offer(entry_id=offered.pk, by=guest("ann"), now=NOW)
    cancel(full[1])
    serve_all(NOW)
    assert fresh(offered).offered_start == SECOND
    assert told()[-3:] == [("pass", "ann"), ("offer", "bob"), ("offer", "ann")]


def test_a_place_that_everybody_passes_is_free_for_all(batch, full):
    entry = join(batch, "ann", FIRST)
    cancel(full[0])
    serve_all(NOW)
    pass_offer(entry_id=entry.pk, by=guest("ann"), now=NOW)
    assert fresh(entry).state == State.PASSED
    assert serve_all(NOW) == 0
    with unchanged():
        pass_offer(entry_id=entry.pk, by=guest("ann"), now=NOW)
    book(batch, FIRST, "stranger")


def test_leaving_gives_the_place_to_the_next_at_once(offered):
    leave_waiting(entry_id=offered.pk, by=guest("ann"), now=NOW)
    assert states() == {"ann": "left", "bob": "offered", "cem": "waiting"}
    with unchanged():
        leave_waiting(entry_id=offered.pk, by=guest("ann"), now=NOW)


def test_who_does_not_answer_is_out_and_the_next_has_the_place(offer, offered):
    until = offered.offered_until
    with unchanged():
        settle_if_due(offer_id=offer.pk, now=until - MINUTE)
    settle_if_due(offer_id=offer.pk, now=until)
    assert states() == {"ann": "lapsed", "bob": "offered", "cem": "waiting"}
    assert told()[-2:] == [("lapse", "ann"), ("offer", "bob")]
    for verb in (accept_offer, pass_offer):
        with conflicting("offer_over"):
            verb(entry_id=offered.pk, by=guest("ann"), now=until)


def test_an_offer_that_has_lapsed_is_over_before_anybody_has_noted_it(offered):
    for verb in (accept_offer, pass_offer):
        with conflicting("offer_over"):
            verb(entry_id=offered.pk, by=guest("ann"), now=offered.offered_until)


def test_who_comes_in_time_and_waits_beyond_the_offers_end_is_told_that_it_is_over(batch, offered):
    # Somebody who came later, after the end, has had the place before the lapse was noted.
    late = offered.offered_until + MINUTE
    hold_slot(promise=wished_promise(batch.pk, "", late), start=FIRST, guest_uid="eve", now=late)
    assert states()["ann"] == "offered"
    with conflicting("offer_over"):
        accept_offer(entry_id=offered.pk, by=guest("ann"), now=offered.offered_until - MINUTE)
    assert Hold.objects.filter(guest_uid="eve").exists()
    assert not Booking.objects.standing().filter(holder_uid="ann").exists()


def test_the_offer_is_over_though_its_hold_was_deleted_first(offered):
    prune_holds(offered.offered_until)
    serve_all(offered.offered_until)
    assert states()["ann"] == "lapsed"


def test_a_lapse_in_the_middle_of_accepting_leaves_no_booking(offered, monkeypatch):
    monkeypatch.setattr("waiting.domain.end_entry", lambda *_args, **_values: False)
    with conflicting("offer_over"):
        accept_offer(entry_id=offered.pk, by=guest("ann"), now=NOW)


def test_who_waits_for_one_answers_none(batch, full):
    entry = join(batch, "ann")
    for verb in (accept_offer, pass_offer):
        with conflicting("offer_over"):
            verb(entry_id=entry.pk, by=guest("ann"), now=NOW)


@pytest.mark.parametrize("verb", [accept_offer, pass_offer, leave_waiting])
@pytest.mark.parametrize("uid", ["bob", ""])
def test_nobody_answers_for_another(offered, verb, uid):
    with refused("entry_not_found", NotFound):
        verb(entry_id=offered.pk, by=guest(uid), now=NOW)


def test_who_books_what_is_offered_by_the_calendar_has_accepted(batch, offered):
    booking = book(batch, FIRST, "ann", NOW + MINUTE)
    serve_all(NOW + MINUTE)
    entry = fresh(offered)
    assert (entry.state, entry.booking_id) == (State.ACCEPTED, booking.pk)
    event = Event.objects.get(type="waiting.accept")
    assert (event.actor_id, event.meta["booking_id"]) == ("ann", booking.pk)


def test_who_moves_a_booking_to_what_is_offered_has_accepted(offer, batch, full):
    Offer.objects.filter(pk=offer.pk).update(max_per_guest=2)
    entry = join(batch, "early-2", FIRST)
    cancel(full[0])
    serve_all(NOW)
    move_booking(booking_id=full[1].pk, start=FIRST, by=CLERK, now=NOW + MINUTE)
    serve_all(NOW + MINUTE)
    assert (fresh(entry).state, fresh(entry).booking_id) == (State.ACCEPTED, full[1].pk)


def test_an_offer_that_its_guest_has_booked_over_is_not_accepted(offer, batch, full):
    """A booking that covers half of the offered time ends its hold."""
    long = make_offer(capacity=1, duration_minutes=90)
    their = Batch.objects.get(pk=make_vouchers(long, 5)[0].batch_id)
    taken = book(their, FIRST, "early")
    entry = join(their, "ann", FIRST)
    cancel(taken)
    serve_all(NOW)
    book(their, SECOND, "ann", NOW + MINUTE)
    serve_all(NOW + MINUTE)
    assert fresh(entry).state == State.LAPSED


# What is shown and kept


def test_the_position_counts_who_competes_and_came_before(offer, batch, full):
    day, first, second = join(batch, "ann"), join(batch, "bob", FIRST), join(batch, "cem", SECOND)
    later = join(batch, "dee", now=NOW + MINUTE)
    assert position_of(later) == 4
    assert position_of(first) == 1 + (day.pk < first.pk)
    assert position_of(second) == 1 + (day.pk < second.pk)
    leave_waiting(entry_id=day.pk, by=guest("ann"), now=NOW)
    assert position_of(second) == 1


def test_a_guest_sees_their_own_offers_first(batch, full, offer):
    ann = join(batch, "ann", SECOND)
    other = Batch.objects.get(pk=make_vouchers(make_offer(capacity=1), 3)[0].batch_id)
    taken = book(other, FIRST + 24 * HOUR, "early")
    hers = join(other, "ann", FIRST + 24 * HOUR)
    cancel(taken)
    serve_all(NOW)
    views = current_of("ann", NOW)
    assert [(view.entry.pk, view.is_open_offer) for view in views] == [(hers.pk, True), (ann.pk, False)]
    assert entry_of(ann.pk, "bob") is None
    assert entry_of(ann.pk, "") is None
    assert current_of("", NOW) == []


def test_a_guest_is_forgotten_and_the_next_has_the_place(offered):
    assert waiting_data("ann")[0]["guest_email"] == "ann@guest.example"
    assert forget_waiting(guest_uid="ann", by=guest("ann"), now=NOW) == 1
    assert not waiting_data("ann")
    assert not Mail.objects.filter(kind="offer", guest_uid="ann").exists()
    assert states() == {"bob": "offered", "cem": "waiting"}
    everything = str(stored()["waiting.Entry"]) + str(stored()["bookings.Mail"])
    assert "ann@" not in everything
    assert forget_waiting(guest_uid="", by=guest(""), now=NOW) == 0


def test_entries_that_are_over_are_forgotten_after_a_week(offered):
    leave_waiting(entry_id=offered.pk, by=guest("ann"), now=NOW)
    assert prune_waiting(NOW + timedelta(days=7) - MINUTE) == 0
    assert prune_waiting(NOW + timedelta(days=7)) == 1
    assert states() == {"bob": "offered", "cem": "waiting"}


def test_with_nobody_in_line_one_look_is_all(offer, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert serve_all(NOW) == 0
    with django_assert_num_queries(1):
        assert serve_offer(offer_id=offer.pk, now=NOW) == 0


@pytest.mark.parametrize("lines", [1, 4])
def test_looking_after_all_lines_takes_the_same_number_of_queries(lines, django_assert_num_queries):
    for number in range(lines):
        their = Batch.objects.get(pk=make_vouchers(make_offer(capacity=1), 5)[0].batch_id)
        book(their, FIRST, "early")
        for name in ("ann", "bob"):
            join(their, f"{name}-{number}", FIRST)
    with django_assert_num_queries(6):
        assert offers_to_serve(NOW) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "other"},
        {"guest_uid": ""},
        {"state": State.OFFERED},
        {"state": State.LEFT},
        {"ended_at": NOW, "guest_uid": ""},
    ],
)
def test_the_database_refuses_an_entry_that_makes_no_sense(batch, full, fields):
    entry = join(batch, "ann")
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        Entry.objects.filter(pk=entry.pk).update(**fields)


@pytest.mark.parametrize("start", [None, FIRST])
def test_the_database_lets_a_guest_wait_once_for_the_same(batch, full, start):
    entry = join(batch, "ann", start)
    entry.pk = new_id("q", NOW)
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        entry.save(force_insert=True)


def test_expiry_of_a_voucher_takes_its_guest_out_of_the_line(offer, full):
    own = make_voucher(offer, holder_uid="ann", valid_until=FIRST + 5 * HOUR)
    join(own, "ann")
    later = FIRST + 6 * HOUR
    serve_all(later)
    assert states() == {"ann": "lapsed"}


def test_a_booking_of_others_at_the_same_time_is_no_acceptance(batch, offered):
    make_booking(make_voucher(), start=FIRST, holder_uid="ann")
    with unchanged():
        serve_all(NOW)
