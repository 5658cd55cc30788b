"""Every status, verb and kind of actor there is: what the table allows happens, nothing else does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction

from bookings.domain import book_slot, cancel_booking, move_booking, withdraw_voucher
from bookings.models import Booking
from events.models import Event
from portal.actors import CLOCK, Actor, ActorKind
from tests.checks import assert_batches_count_true, conflicting, refused, unchanged
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_voucher,
)
from vouchers import states
from vouchers.domain import (
    change_status,
    expire_due,
    redeem_voucher,
    refuse_unless,
    transfer_voucher,
    undo_redemption,
)
from vouchers.models import Voucher
from vouchers.states import MOVES, Status

ACTORS = {
    ActorKind.GUEST: GUEST,
    ActorKind.STAFF: CLERK,
    ActorKind.SYSTEM: HOTEL_SYSTEM,
    ActorKind.CLOCK: CLOCK,
}
SLOT = NOW + timedelta(days=1)
OTHER_SLOT = NOW + timedelta(days=2)
LATER = NOW + timedelta(days=60)


@dataclass(frozen=True)
class Case:
    """A voucher in a state, the moment at which it is asked for, and what everyone sees then."""

    voucher: Voucher
    booking: Booking
    now: datetime
    shown: Status


# Makers of a voucher in each state: each has a booking, so that every verb can be asked for.


def _issued(now: datetime = NOW) -> Case:
    booking = make_booking(make_voucher())
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    return _case(booking, now)


def _booked(now: datetime = NOW) -> Case:
    return _case(make_booking(make_voucher()), now)


def _consumed_walk_in() -> Case:
    case = _issued()
    redeem_voucher(voucher_id=case.voucher.pk, by=CLERK, now=NOW)
    return _case(case.booking, NOW)


def _consumed_booked() -> Case:
    case = _booked()
    redeem_voucher(voucher_id=case.voucher.pk, by=CLERK, now=NOW)
    return _case(case.booking, NOW)


def _cancelled_issued() -> Case:
    case = _issued()
    withdraw_voucher(voucher_id=case.voucher.pk, by=CLERK, now=NOW)
    return _case(case.booking, NOW)


def _cancelled_booked() -> Case:
    case = _booked()
    withdraw_voucher(voucher_id=case.voucher.pk, by=CLERK, now=NOW)
    return _case(case.booking, NOW)


def _swept(case: Case) -> Case:
    assert expire_due(by=CLOCK, now=LATER) == 1
    return _case(case.booking, LATER)


def _case(booking: Booking, now: datetime) -> Case:
    booking = Booking.objects.get(pk=booking.pk)
    voucher = Voucher.objects.get(pk=booking.voucher_id)
    return Case(voucher, booking, now, voucher.shown(now))


STATES: dict[str, tuple[Callable[[], Case], Status]] = {
    "issued": (_issued, Status.ISSUED),
    "booked": (_booked, Status.BOOKED),
    "consumed from issued": (_consumed_walk_in, Status.CONSUMED),
    "consumed from booked": (_consumed_booked, Status.CONSUMED),
    "cancelled from issued": (_cancelled_issued, Status.CANCELLED),
    "cancelled from booked": (_cancelled_booked, Status.CANCELLED),
    "issued, ended by the clock": (lambda: _issued(LATER), Status.EXPIRED),
    "booked, ended by the clock": (lambda: _booked(LATER), Status.EXPIRED),
    "issued, swept": (lambda: _swept(_issued(LATER)), Status.EXPIRED),
    "booked, swept": (lambda: _swept(_booked(LATER)), Status.EXPIRED),
}


def _book(case: Case, by: Actor) -> object:
    return book_slot(voucher_id=case.voucher.pk, start=OTHER_SLOT, holder_uid=GUEST_UID, by=by, now=case.now)


def _cancel(case: Case, by: Actor) -> object:
    return cancel_booking(booking_id=case.booking.pk, by=by, now=case.now)


def _move(case: Case, by: Actor) -> object:
    return move_booking(booking_id=case.booking.pk, start=OTHER_SLOT, by=by, now=case.now)


def _transfer(case: Case, by: Actor) -> object:
    if by.kind != ActorKind.GUEST:
        # The verb itself has no way to be asked by another kind: the table alone says no.
        return refuse_unless("transfer", case.voucher, by=by, now=case.now)
    from_uid = case.voucher.holder_uid
    return transfer_voucher(voucher_id=case.voucher.pk, from_uid=from_uid, to_uid=OTHER_UID, now=case.now)


def _redeem(case: Case, by: Actor) -> object:
    return redeem_voucher(voucher_id=case.voucher.pk, by=by, now=case.now)


def _unredeem(case: Case, by: Actor) -> object:
    return undo_redemption(voucher_id=case.voucher.pk, by=by, now=case.now)


def _withdraw(case: Case, by: Actor) -> object:
    return withdraw_voucher(voucher_id=case.voucher.pk, by=by, now=case.now)


def _expire(case: Case, by: Actor) -> object:
    return expire_due(by=by, now=case.now)


VERBS: dict[str, Callable[[Case, Actor], object]] = {
    "book": _book,
    "cancel": _cancel,
    "move": _move,
    "transfer": _transfer,
    "redeem": _redeem,
    "unredeem": _unredeem,
    "withdraw": _withdraw,
    "expire": _expire,
}


def expected_move(verb: str, case: Case, kind: ActorKind) -> Status | str | None:
    """What the table says: the target, a refusal's code, or None for nothing at all."""
    if verb == "cancel" and not case.booking.is_standing:
        return None
    if verb == "move" and not case.booking.is_standing:
        return "booking_cancelled"
    moves = [move for move in MOVES[verb] if kind in move.actors]
    if not moves:
        return "actor_not_allowed"
    if verb == "expire":
        # It looks for what is due, and so never meets a voucher that it may not end.
        return Status.EXPIRED if case.voucher.status in ("issued", "booked") and case.now == LATER else None
    if not any(case.shown in move.sources for move in moves):
        return f"voucher_{case.shown}"
    if verb == "unredeem":
        return Status(case.voucher.redeemed_from)
    return moves[0].target


def test_every_verb_of_the_table_is_tried():
    assert VERBS.keys() == MOVES.keys()
    assert ACTORS.keys() == set(ActorKind)
    assert {shown for _make, shown in STATES.values()} == set(Status)


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "verb"), list(product(STATES, VERBS)), ids=str)
def test_a_verb_moves_as_the_table_says_or_is_refused_and_changes_nothing(state, verb):
    make, shown = STATES[state]
    case = make()
    assert case.shown == shown
    for kind, by in ACTORS.items():
        expected = expected_move(verb, case, kind)
        if isinstance(expected, Status):
            _assert_moves(case, verb, by, expected)
        elif expected is None:
            with unchanged():
                VERBS[verb](case, by)
        else:
            with refused(expected) if expected == "actor_not_allowed" else conflicting(expected):
                VERBS[verb](case, by)


def _assert_moves(case: Case, verb: str, by: Actor, target: Status) -> None:
    """Use the verb, look at what it did, and take it back for the next actor."""
    known = list(Event.objects.values_list("pk", flat=True))
    savepoint = transaction.savepoint()
    VERBS[verb](case, by)
    assert Voucher.objects.get(pk=case.voucher.pk).status == target
    event = Event.objects.exclude(pk__in=known).get()
    assert (event.type, event.subject_id) == (f"voucher.{verb}", case.voucher.pk)
    assert event.actor_id == (OTHER_UID if verb == "transfer" else by.id)
    assert event.created_at == case.now
    assert event.meta["before"]["status"] == case.voucher.status
    assert event.meta["after"]["status"] == target
    assert_batches_count_true()
    transaction.savepoint_rollback(savepoint)


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status)
def test_the_one_way_to_change_a_status_obeys_the_table_too(status):
    voucher = make_voucher(holder_uid=GUEST_UID)
    for verb, (kind, by) in product(MOVES, ACTORS.items()):
        Voucher.objects.update(status=status)
        voucher.status = status
        targets = [move.target for move in MOVES[verb] if status in move.sources and kind in move.actors]
        if targets:
            change_status(verb, voucher, targets[0], by=by, now=NOW)
            assert Voucher.objects.get().status == voucher.status == targets[0]
        elif not states.may(verb, kind):
            with refused("actor_not_allowed"):
                change_status(verb, voucher, Status.ISSUED, by=by, now=NOW)
        else:
            with conflicting(f"voucher_{status}"):
                change_status(verb, voucher, Status.ISSUED, by=by, now=NOW)


# Rule 1, as a table: what the product promises, apart from the code that keeps it.
PROMISED = {
    ("issued", "booked"),
    ("booked", "issued"),
    ("booked", "booked"),  # moved
    ("issued", "issued"),  # handed on
    ("booked", "consumed"),
    ("issued", "consumed"),
    ("consumed", "issued"),
    ("consumed", "booked"),
    ("issued", "cancelled"),
    ("booked", "cancelled"),
    ("issued", "expired"),
    ("booked", "expired"),
}


def test_the_table_holds_the_promised_moves_and_no_others():
    moves = {
        (source.value, move.target.value) for verb in MOVES for move in MOVES[verb] for source in move.sources
    }
    assert moves == PROMISED


def test_only_an_undo_leads_out_of_consumed_and_nothing_out_of_cancelled_and_expired():
    assert [verb for verb in MOVES if Status.CONSUMED in states.sources(verb)] == ["unredeem"]
    assert [verb for verb in MOVES if states.sources(verb) & {Status.CANCELLED, Status.EXPIRED}] == []


@pytest.mark.parametrize(
    ("verb", "kinds"),
    [
        ("book", {"guest", "staff", "system"}),
        ("cancel", {"guest", "staff", "system"}),
        ("move", {"guest", "staff", "system"}),
        ("transfer", {"guest"}),
        ("redeem", {"staff", "system"}),
        ("unredeem", {"staff"}),
        ("withdraw", {"staff", "system"}),
        ("expire", {"clock", "system"}),
    ],
)
def test_a_verb_is_for_these_kinds_of_actor(verb, kinds):
    assert {kind.value for kind in ActorKind if states.may(verb, kind)} == kinds


# Expiry is a fact of the clock.

EDGE = NOW + timedelta(days=30)


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("moment", [EDGE - timedelta(seconds=1), EDGE, EDGE + timedelta(seconds=1)])
def test_a_row_and_the_database_agree_on_what_is_shown(status, moment):
    voucher = make_voucher(valid_until=EDGE, holder_uid=GUEST_UID)
    Voucher.objects.update(status=status)
    voucher.refresh_from_db()
    is_ended = status in (Status.ISSUED, Status.BOOKED) and moment >= EDGE
    expected = Status.EXPIRED if is_ended else status
    assert voucher.shown(moment) == expected
    assert Voucher.objects.with_shown_status(moment).get().shown_status == expected
    for asked in Status:
        assert Voucher.objects.shown_as(asked, moment).exists() == (asked == expected)
    assert Voucher.objects.due(moment).exists() == is_ended


@pytest.mark.django_db
def test_the_database_knows_no_other_status():
    make_voucher()
    with pytest.raises(IntegrityError), transaction.atomic():
        Voucher.objects.update(status="lost")


@pytest.mark.django_db
def test_the_database_lets_no_booked_voucher_be_open():
    make_voucher()
    with pytest.raises(IntegrityError), transaction.atomic():
        Voucher.objects.update(status=Status.BOOKED)
