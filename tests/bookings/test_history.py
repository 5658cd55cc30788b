"""Random histories of everything that can happen to vouchers, next to a model that only keeps the rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bookings.domain import (
    GuestDetails,
    book_any,
    book_slot,
    cancel_booking,
    move_booking,
    withdraw_voucher,
)
from bookings.holds import hold_slot, release_hold
from bookings.models import Booking, Hold
from events.models import Event
from portal import ids
from portal.actors import CLOCK, Actor, guest
from portal.errors import Rejected
from tests.checks import stored, undone
from tests.make import CLERK, NOW, make_offer, make_vouchers
from vouchers.domain import expire_due, redeem_voucher, transfer_voucher, undo_redemption
from vouchers.models import Batch, Voucher

HOUR = timedelta(hours=1)
HALF_HOUR = timedelta(minutes=30)
HELD = timedelta(minutes=5)
DURATION = timedelta(minutes=90)
NOTICE = timedelta(minutes=60)
GUESTS = ("ann", "bob", "cem")
ADDRESSES = ("", "family@guest.example", "FAMILY@guest.example", "cem@guest.example")
VERBS = [
    verb
    for verb, weight in {
        "book": 6, "book_whichever": 3, "move": 4, "cancel": 3, "redeem": 2, "undo": 2, "withdraw": 1,
        "hand_on": 2, "issue": 1, "wait": 3, "sweep": 1, "hold": 5, "release": 1,
    }.items()
    for _number in range(weight)
]  # fmt: skip
WAITS = (1, 4, 30, 60, 120, 600, 1440)
# Mostly three hours of the next day, so that guests meet each other.
SLOTS = st.sampled_from((10, 11, 12)) | st.sampled_from((10, 11, 12)) | st.integers(0, 31)


class Chance(Random):
    """What the ids of a history come from, so that the same history runs the same way again."""

    def randbelow(self, end: int) -> int:
        return self.randrange(end)


CHANCE = Chance(0)


@dataclass
class ModelBooking:
    """A booking as the rules see it."""

    id: str
    start: datetime
    end: datetime
    holder: str
    email: str
    stands: bool = True


@dataclass
class ModelHold:
    """A place held while its guest types."""

    start: datetime
    until: datetime

    @property
    def end(self) -> datetime:
        return self.start + DURATION


@dataclass
class ModelVoucher:
    """A voucher as the rules see it."""

    id: str
    batch: str | None
    is_of_offer: bool
    valid_from: datetime
    valid_until: datetime
    holder: str
    status: str = "issued"
    booking: ModelBooking | None = None
    was_open: bool = False
    redeemed_at: datetime | None = None
    redeemed_from: str = ""

    @property
    def ends(self) -> datetime:
        """When the clock ends it; all of this is winter time, an hour before UTC."""
        if self.booking is None or not self.booking.stands:
            return self.valid_until
        day = (self.booking.start + HOUR).replace(hour=0, minute=0)
        return max(self.valid_until, day + 24 * HOUR - HOUR)

    def shown(self, now: datetime) -> str:
        return "expired" if self.status in ("issued", "booked") and now >= self.ends else self.status

    @property
    def length(self) -> timedelta:
        return DURATION if self.is_of_offer else HOUR

    def offers(self, start: datetime) -> bool:
        """Whether a slot starts then: on the hour from 10:00 to 18:00 in Amsterdam, or on its own hours."""
        if not self.is_of_offer:
            return (start - self.valid_from) % HOUR == timedelta(0)
        opens = start.replace(hour=9, minute=0)
        return start.minute == 0 and opens <= start and start + DURATION <= opens + 8 * HOUR


class History(RuleBasedStateMachine):
    """Asks the domain and the model the same, and compares what they say and what is stored."""

    def __init__(self) -> None:
        super().__init__()
        CHANCE.seed(0)
        self.undone = undone()
        self.undone.__enter__()
        self.now = NOW
        self.vouchers: list[ModelVoucher] = []
        self.bookings: list[tuple[ModelVoucher, ModelBooking]] = []
        self.holds: dict[str, ModelHold] = {}
        self.events: Counter[str] = Counter()

    def teardown(self) -> None:
        self.undone.__exit__(None, None, None)

    @initialize(capacity=st.integers(1, 2), most=st.integers(1, 3))
    def open_house(self, capacity: int, most: int) -> None:
        self.capacity, self.most = capacity, most
        self.offer = make_offer(
            opens=time(10),
            closes=time(18),
            capacity=capacity,
            max_per_guest=most,
            duration_minutes=DURATION // timedelta(minutes=1),
            cancel_notice_minutes=NOTICE // timedelta(minutes=1),
            transferable=True,
        )
        self.issue(count=4, holder="", days=4, starts_in=0, is_of_offer=True)
        self.issue(count=1, holder="ann", days=2, starts_in=0, is_of_offer=True)

    # What the rules say

    def peak(
        self, start: datetime, end: datetime, but: ModelBooking | None = None, uid: str | None = None
    ) -> int:
        """The most places taken at one time, beside a booking and what is held for a guest."""
        held: list[ModelBooking | ModelHold] = [
            booking
            for voucher, booking in self.bookings
            if voucher.is_of_offer and booking.stands and booking is not but
        ]
        held += [hold for holder, hold in self.holds.items() if hold.until > self.now and holder != uid]
        moments = [start + number * HALF_HOUR for number in range((end - start) // HALF_HOUR)]
        return max(sum(booking.start <= at < booking.end for booking in held) for at in moments)

    def why_not_slot(
        self, voucher: ModelVoucher, start: datetime, uid: str, but: ModelBooking | None = None
    ) -> set[str]:
        end = start + voucher.length
        reasons = {
            "slot_too_soon": start < self.now,
            "slot_outside_validity": start < voucher.valid_from or end > voucher.valid_until,
            "slot_not_offered": not voucher.offers(start),
            "slot_taken": voucher.is_of_offer and self.peak(start, end, but, uid) >= self.capacity,
        }
        return {code for code, holds in reasons.items() if holds}

    def why_not_guest(self, voucher: ModelVoucher, uid: str, email: str, by: Actor) -> set[str]:
        if not voucher.is_of_offer or by == CLERK:
            return set()
        live = [
            booking
            for held, booking in self.bookings
            if held.is_of_offer and booking.stands and held.shown(self.now) == "booked"
            if booking.holder == uid or (email and booking.email == email.lower())
        ]
        return {"guest_limit_reached"} if len(live) >= self.most else set()

    def ask(self, why_not: set[str], verb: str, call: Callable[[], object]) -> object:
        """Ask the domain: it does it with one event, or says why not and changes nothing."""
        before = stored()
        answer, refusal = None, None
        try:
            answer = call()
        except Rejected as error:
            refusal = error
        if refusal is not None:
            assert refusal.code in why_not, (verb, refusal.code, why_not)
            assert stored() == before
            return None
        assert not why_not, (verb, why_not)
        self.events[f"voucher.{verb}"] += 1
        return answer

    # What can happen

    @rule(
        verb=st.sampled_from(VERBS),
        number=st.integers(0, 99),
        slot=SLOTS,
        uid=st.sampled_from(GUESTS),
        other=st.sampled_from(("", *GUESTS)),
        email=st.sampled_from(ADDRESSES),
        is_staff=st.booleans(),
    )
    def step(
        self, verb: str, number: int, slot: int, uid: str, other: str, email: str, is_staff: bool
    ) -> None:
        """Let one thing happen; one rule for all, so that each is as frequent as in VERBS."""
        steps: dict[str, Callable[[], None]] = {
            "issue": lambda: self.issue(
                count=1 + number % 3,
                holder=other,
                days=1 + number % 4,
                starts_in=int(slot == 0),
                is_of_offer=is_staff,
            ),
            "book": lambda: self.book(number, slot, uid, email, is_staff),
            "book_whichever": lambda: self.book_whichever(number, slot, uid),
            "move": lambda: self.move(number, slot, is_staff),
            "cancel": lambda: self.cancel(number, is_staff),
            "withdraw": lambda: self.withdraw(number),
            "redeem": lambda: self.redeem(number),
            "undo": lambda: self.undo(number),
            "hand_on": lambda: self.hand_on(number, uid, other),
            "hold": lambda: self.hold(number, slot, uid),
            "release": lambda: self.release(uid),
            "sweep": self.sweep,
            "wait": lambda: self.wait(WAITS[number % len(WAITS)]),
        }
        steps[verb]()

    def issue(self, count: int, holder: str, days: int, starts_in: int, is_of_offer: bool) -> None:
        valid_from = self.now + starts_in * 24 * HOUR
        valid_until = valid_from + days * 24 * HOUR + 2 * HOUR
        issued = make_vouchers(
            self.offer if is_of_offer else None,
            count,
            holder_uid=holder,
            now=self.now,
            valid_from=valid_from,
            valid_until=valid_until,
            **({} if is_of_offer else {"transferable": True, "cancel_notice_minutes": 60}),
        )
        self.events["voucher.issue"] += count
        for voucher in issued:
            self.vouchers.append(
                ModelVoucher(voucher.pk, voucher.batch_id, is_of_offer, valid_from, valid_until, holder)
            )

    def choose(self, number: int, *statuses: str) -> ModelVoucher:
        """Choose a voucher: mostly, and as long as there is one, among those with which more can happen."""
        likely = [voucher for voucher in self.vouchers if voucher.shown(self.now) in statuses]
        among = likely if likely and number % 4 else self.vouchers
        return among[number % len(among)]

    def choose_booking(self, number: int) -> tuple[ModelVoucher, ModelBooking]:
        standing = [pair for pair in self.bookings if pair[1].stands]
        among = standing if standing and number % 4 else self.bookings
        return among[number % len(among)]

    def start_of(self, voucher: ModelVoucher, slot: int) -> datetime:
        """A start on one of the next days: mostly one that could be offered."""
        if not voucher.is_of_offer:
            return voucher.valid_from + slot * HOUR + (HALF_HOUR if slot % 7 == 6 else timedelta(0))
        day = self.now.replace(hour=9, minute=0) + slot // 8 * 24 * HOUR
        return day + slot % 8 * HOUR + (HALF_HOUR if slot % 13 == 12 else timedelta(0))

    def book(self, number: int, slot: int, uid: str, email: str, is_staff: bool) -> None:
        voucher = self.choose(number, "issued")
        start, by = self.start_of(voucher, slot), CLERK if is_staff else guest(uid)
        why_not = self.why_not_slot(voucher, start, uid) | self.why_not_guest(voucher, uid, email, by)
        if voucher.holder not in ("", uid):
            why_not.add("voucher_held")
        if voucher.shown(self.now) != "issued":
            why_not.add(f"voucher_{voucher.shown(self.now)}")
        booking = self.ask(
            why_not,
            "book",
            lambda: book_slot(
                voucher_id=voucher.id,
                start=start,
                holder_uid=uid,
                by=by,
                now=self.now,
                guest=GuestDetails(email=email),
            ),
        )
        self.note_booking(booking, voucher, start, uid, email)

    def book_whichever(self, number: int, slot: int, uid: str) -> None:
        batches = list(dict.fromkeys(voucher.batch for voucher in self.vouchers if voucher.batch))
        batch = self.choose(number, "issued").batch or batches[number % len(batches)]
        open_ones = [
            voucher
            for voucher in self.vouchers
            if voucher.batch == batch and not voucher.holder and voucher.shown(self.now) == "issued"
        ]
        sample = next(voucher for voucher in self.vouchers if voucher.batch == batch)
        start, by = self.start_of(sample, slot), guest(uid)
        why_not = self.why_not_slot(sample, start, uid) | self.why_not_guest(sample, uid, "", by)
        if not open_ones:
            why_not.add("batch_used_up")
        booking = self.ask(
            why_not,
            "book",
            lambda: book_any(batch_id=batch, start=start, holder_uid=uid, by=by, now=self.now),
        )
        if booking is not None:
            (voucher,) = [voucher for voucher in open_ones if voucher.id == booking.voucher_id]
            self.note_booking(booking, voucher, start, uid, "")

    def note_booking(
        self, booking: Booking | None, voucher: ModelVoucher, start: datetime, uid: str, email: str
    ) -> None:
        if booking is None:
            return
        voucher.was_open = not voucher.holder
        voucher.status, voucher.holder = "booked", uid
        voucher.booking = ModelBooking(booking.pk, start, start + voucher.length, uid, email.lower())
        self.bookings.append((voucher, voucher.booking))
        if voucher.is_of_offer:
            self.holds.pop(uid, None)

    def hold(self, number: int, slot: int, uid: str) -> None:
        voucher = self.choose(number, "issued")
        start = self.start_of(voucher, slot)
        own = self.holds.get(uid)
        is_held = own is not None and own.start == start and own.until > self.now
        if not voucher.is_of_offer:
            why_not: set[str] = set()
        else:
            why_not = self.why_not_slot(voucher, start, uid) | self.why_not_guest(
                voucher, uid, "", guest(uid)
            )
            if voucher.holder not in ("", uid):
                why_not.add("voucher_held")
            if voucher.shown(self.now) != "issued":
                why_not.add(f"voucher_{voucher.shown(self.now)}")
        events = self.events.copy()
        row = Voucher.objects.select_related("hotel", "offer").get(pk=voucher.id)
        held = self.ask(
            why_not,
            "hold",
            lambda: hold_slot(promise=row, start=start, guest_uid=uid, now=self.now),
        )
        self.events = events
        is_new = voucher.is_of_offer and not why_not and not is_held and start > self.now
        assert (held is not None) == (is_new or (voucher.is_of_offer and not why_not and is_held))
        if is_new:
            self.holds[uid] = ModelHold(start, min(self.now + HELD, start))

    def release(self, uid: str) -> None:
        release_hold(guest_uid=uid)
        self.holds.pop(uid, None)

    def why_not_change(self, voucher: ModelVoucher, booking: ModelBooking, is_staff: bool) -> set[str]:
        why_not = set()
        if voucher.shown(self.now) != "booked":
            why_not.add(f"voucher_{voucher.shown(self.now)}")
        if not is_staff and self.now > booking.start - NOTICE:
            why_not.add("change_too_late")
        return why_not

    def move(self, number: int, slot: int, is_staff: bool) -> None:
        if not self.bookings:
            return
        voucher, booking = self.choose_booking(number)
        start, by = self.start_of(voucher, slot), CLERK if is_staff else guest(booking.holder)
        if not booking.stands:
            why_not = {"booking_cancelled"}
        elif start == booking.start:
            why_not = self.why_not_change(voucher, booking, is_staff=True)
        else:
            why_not = self.why_not_change(voucher, booking, is_staff)
            why_not |= self.why_not_slot(voucher, start, booking.holder, but=booking)
        events = self.events.copy()
        moved = self.ask(
            why_not, "move", lambda: move_booking(booking_id=booking.id, start=start, by=by, now=self.now)
        )
        if moved is not None and start == booking.start:
            self.events = events
        elif moved is not None:
            booking.start, booking.end = start, start + voucher.length
            if voucher.is_of_offer:
                self.holds.pop(booking.holder, None)

    def cancel(self, number: int, is_staff: bool) -> None:
        if not self.bookings:
            return
        voucher, booking = self.choose_booking(number)
        by = CLERK if is_staff else guest(booking.holder)
        if not booking.stands:
            before = stored()
            cancel_booking(booking_id=booking.id, by=by, now=self.now)
            assert stored() == before
            return
        why_not = self.why_not_change(voucher, booking, is_staff)
        cancelled = self.ask(
            why_not, "cancel", lambda: cancel_booking(booking_id=booking.id, by=by, now=self.now)
        )
        if cancelled is not None:
            booking.stands, voucher.status = False, "issued"
            voucher.holder = "" if voucher.was_open else voucher.holder

    def why_not_from(self, voucher: ModelVoucher, *sources: str) -> set[str]:
        shown = voucher.shown(self.now)
        return set() if shown in sources else {f"voucher_{shown}"}

    def withdraw(self, number: int) -> None:
        voucher = self.choose(number, "issued", "booked")
        why_not = self.why_not_from(voucher, "issued", "booked")
        withdrawn = self.ask(
            why_not,
            "withdraw",
            lambda: withdraw_voucher(voucher_id=voucher.id, by=CLERK, now=self.now),
        )
        if withdrawn is not None:
            if voucher.status == "booked":
                voucher.booking.stands = False
            voucher.status = "cancelled"

    def redeem(self, number: int) -> None:
        voucher = self.choose(number, "issued", "booked")
        why_not = self.why_not_from(voucher, "issued", "booked")
        if voucher.status == "issued" and self.now < voucher.valid_from:
            why_not.add("voucher_not_yet_valid")
        redeemed = self.ask(
            why_not, "redeem", lambda: redeem_voucher(voucher_id=voucher.id, by=CLERK, now=self.now)
        )
        if redeemed is not None:
            voucher.redeemed_at, voucher.redeemed_from = self.now, voucher.status
            voucher.status = "consumed"

    def undo(self, number: int) -> None:
        redeemed = [voucher for voucher in self.vouchers if voucher.redeemed_at]
        if not redeemed:
            return
        voucher = redeemed[number % len(redeemed)]
        why_not = self.why_not_from(voucher, "consumed")
        if self.now - voucher.redeemed_at > timedelta(minutes=5):
            why_not.add("undo_expired")
        back = self.ask(
            why_not, "unredeem", lambda: undo_redemption(voucher_id=voucher.id, by=CLERK, now=self.now)
        )
        if back is not None:
            voucher.status, voucher.redeemed_at = voucher.redeemed_from, None

    def hand_on(self, number: int, uid: str, from_uid: str) -> None:
        voucher = self.choose(number, "issued")
        why_not = self.why_not_from(voucher, "issued")
        if voucher.holder not in (from_uid, uid):
            why_not.add("voucher_changed")
        events = self.events.copy()
        claimed = self.ask(
            why_not,
            "transfer",
            lambda: transfer_voucher(voucher_id=voucher.id, from_uid=from_uid, to_uid=uid, now=self.now),
        )
        if claimed is not None and voucher.holder == uid:
            self.events = events
        elif claimed is not None:
            voucher.holder = uid

    def sweep(self) -> None:
        due = [voucher for voucher in self.vouchers if voucher.shown(self.now) != voucher.status]
        assert expire_due(by=CLOCK, now=self.now) == len(due)
        for voucher in due:
            voucher.status = "expired"
            self.events["voucher.expire"] += 1

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # What has to be true after each step

    @invariant()
    def vouchers_are_as_the_model_says(self) -> None:
        rows = {
            voucher.pk: (
                voucher.status,
                voucher.shown_status,
                str(voucher.shown(self.now)),
                voucher.holder_uid,
                voucher.expires_at if voucher.status in ("issued", "booked") else None,
            )
            for voucher in Voucher.objects.with_shown_status(self.now)
        }
        assert rows == {
            voucher.id: (
                voucher.status,
                voucher.shown(self.now),
                voucher.shown(self.now),
                voucher.holder,
                voucher.ends if voucher.status in ("issued", "booked") else None,
            )
            for voucher in self.vouchers
        }

    @invariant()
    def bookings_are_as_the_model_says(self) -> None:
        rows = Booking.objects.values_list("pk", "slot_start", "slot_end", "holder_uid", "status")
        assert set(rows) == {
            (
                booking.id,
                booking.start,
                booking.end,
                booking.holder,
                "booked" if booking.stands else "cancelled",
            )
            for _voucher, booking in self.bookings
        }
        standing = Counter(voucher.id for voucher, booking in self.bookings if booking.stands)
        assert set(standing.values()) <= {1}

    @invariant()
    def holds_are_as_the_model_says(self) -> None:
        rows = Hold.objects.standing(self.now).values_list(
            "guest_uid", "slot_start", "slot_end", "expires_at"
        )
        assert set(rows) == {
            (uid, hold.start, hold.end, hold.until)
            for uid, hold in self.holds.items()
            if hold.until > self.now
        }

    @invariant()
    def there_are_never_more_bookings_and_holds_at_one_time_than_places(self) -> None:
        standing = [booking for voucher, booking in self.bookings if voucher.is_of_offer and booking.stands]
        for booking in standing:
            assert self.peak(booking.start, booking.end) <= self.capacity

    @invariant()
    def batches_count_what_is_open(self) -> None:
        truth: dict[str, Counter[str]] = {
            voucher.batch: Counter() for voucher in self.vouchers if voucher.batch
        }
        for voucher in self.vouchers:
            if voucher.batch and not voucher.holder:
                truth[voucher.batch][voucher.status] += 1
        rows = Batch.objects.values("pk", "open_issued", "open_consumed", "open_cancelled", "open_expired")
        for row in rows:
            counted = truth.pop(row.pop("pk"))
            assert row == {name: counted[name.removeprefix("open_")] for name in row}
        assert not truth

    @invariant()
    def every_change_has_one_event(self) -> None:
        assert Counter(Event.objects.values_list("type", flat=True)) == self.events


@pytest.mark.django_db
def test_random_histories_keep_every_rule(monkeypatch):
    monkeypatch.setattr(ids, "secrets", CHANCE)
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
