"""The day itself in the demo: what a front desk has before it, whatever the hour."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum, auto

from django.utils.text import slugify

from bookings.arrivals import mark_arrived
from bookings.calendars import calendar_of, taken_for
from bookings.domain import GuestDetails, book_slot, cancel_booking, mark_no_show, move_booking
from bookings.models import Booking
from bookings.slots import Slot, slots
from parties.domain import answer_request, ask_to_join, bring, press, start_party
from portal.actors import guest
from portal.demo_plans import BY, NAMES, NOTES, OTHER_NOTES
from presence import store
from presence.domain import uid_of
from presence.models import PresenceStatus
from vouchers.domain import issue_vouchers, promise_of, redeem_voucher
from vouchers.models import Batch, Offer
from vouchers.terms import terms_of
from waiting.domain import join_waiting

_ISSUED_BEFORE = timedelta(days=10)
# When slots are looked at: before the notice of any offer.
_CHOSEN_BEFORE = timedelta(days=5)
_A_DAY = 25 * 60
# Places of other offers' slots that are left to whoever tries the portal.
_KEPT_FREE = 2
# From now: they book so long ago, and for as soon as that.
_PARTY_BOOKS, _PARTY_COMES = timedelta(hours=3), timedelta(minutes=75)


class _State(Enum):
    LATE = auto()
    ARRIVED = auto()
    REDEEMED = auto()
    NO_SHOW = auto()
    COMING = auto()
    MOVED = auto()
    CANCELLED = auto()


# When a slot may begin for each, in minutes from now.
_WITHIN = {
    _State.LATE: (-25, 0),
    _State.ARRIVED: (-25, 30),
    _State.REDEEMED: (-_A_DAY, 0),
    _State.NO_SHOW: (-_A_DAY, -30),
    _State.COMING: (5, _A_DAY),
    _State.MOVED: (5, _A_DAY),
    _State.CANCELLED: (-_A_DAY, _A_DAY),
}
# What a guest is instead, where the day has no such time: behind now what cannot lie ahead, and the reverse.
_INSTEAD = {
    _State.NO_SHOW: _State.COMING,
    _State.COMING: _State.REDEEMED,
    _State.MOVED: _State.REDEEMED,
}


@dataclass(frozen=True)
class _Part:
    """A booking of the day: how it stands, and about how many minutes from now its slot begins.

    Of the offers with opening hours one may begin `near` minutes earlier or later than that.
    """

    state: _State
    minutes: int
    near: int = 45
    has_note: bool = False


# First those that have few slots to choose from. Far from now, the hours of the other offers are reached
# at night too.
_PARTS = (
    _Part(_State.LATE, -10, has_note=True),
    _Part(_State.ARRIVED, 10, has_note=True),
    _Part(_State.NO_SHOW, -100),
    _Part(_State.REDEEMED, -70, has_note=True),
    _Part(_State.REDEEMED, -200, near=600),
    _Part(_State.COMING, 50, near=720, has_note=True),
    _Part(_State.COMING, 190, near=720, has_note=True),
    _Part(_State.MOVED, 130),
    _Part(_State.CANCELLED, 160, near=720),
)


@dataclass(frozen=True)
class _Day:
    """A hotel's day, as it is being filled."""

    always: Offer
    others: Sequence[Offer]
    today: date
    now: datetime
    chance: random.Random
    names: Iterator[str]


def make_day(always: Offer, now: datetime) -> None:
    """Fill the hotel's day at `now` with bookings of its offers, of which `always` is open around the clock.

    Eight guests come that day, and four as a party an hour later, which is tomorrow when it is late.
    They hold vouchers of their own: what the manifest shows is as it was.
    """
    hotel = always.hotel
    chance = random.Random(hotel.pk)  # noqa: S311 - data that looks alive, not a secret
    names = iter(chance.sample(NAMES, len(NAMES)))
    others = Offer.objects.select_related("hotel").filter(hotel=hotel).exclude(pk=always.pk).order_by("pk")
    day = _Day(always, list(others), now.astimezone(hotel.zone).date(), now, chance, names)
    _make_party(day)
    for part in _PARTS:
        _play(day, part)


def _play(day: _Day, part: _Part) -> None:
    """Make a booking, and whatever has become of it."""
    found = _place(day, part)
    if found is None:
        _play(day, replace(part, state=_INSTEAD[part.state], minutes=-part.minutes))
        return
    offer, slot = found
    name = next(day.names)
    soon = min(slot.start, day.now)
    note = day.chance.choice(NOTES.get(offer.service_type, OTHER_NOTES)) if part.has_note else ""
    first = slot if part.state != _State.MOVED else _free(day, offer, day.today + timedelta(days=1))[0]
    booking = book_slot(
        voucher_id=_voucher(day, offer, name),
        start=first.start,
        holder_uid=_uid(day, name),
        by=BY,
        now=soon - timedelta(minutes=day.chance.randint(30 * 60, 90 * 60)),
        guest=GuestDetails(name=name, note=note, language=offer.hotel.default_language),
    )
    _go_on(booking, part.state, slot.start, day.now)
    _note_address(booking.pk, name)


def _go_on(booking: Booking, state: _State, start: datetime, now: datetime) -> None:
    """Bring a booking to the state that it has on the day."""
    soon, key = min(start, now), booking.pk
    match state:
        case _State.ARRIVED:
            mark_arrived(booking_id=key, by=BY, now=soon - timedelta(minutes=6))
        case _State.REDEEMED:
            at = min(start + timedelta(minutes=4), now)
            redeem_voucher(voucher_id=booking.voucher_id, by=BY, now=at)
        case _State.NO_SHOW:
            mark_no_show(booking_id=key, by=BY, now=start + timedelta(minutes=30))
        case _State.MOVED:
            move_booking(booking_id=key, start=start, by=BY, now=soon - timedelta(hours=5))
        case _State.CANCELLED:
            at = soon - timedelta(hours=2)
            cancel_booking(booking_id=key, by=BY, now=at, reason="Flight delayed until tomorrow")


def _place(day: _Day, part: _Part) -> tuple[Offer, Slot] | None:
    """Return the offer and slot for a part; None where the day has no slot at such a time."""
    wanted = day.now + timedelta(minutes=part.minutes)
    since, until = (day.now + timedelta(minutes=minutes) for minutes in _WITHIN[part.state])
    # What is moved was booked for tomorrow at first, when not every offer is open.
    others = [] if part.state == _State.MOVED else day.chance.sample(day.others, len(day.others))
    for offer in (*others, day.always):
        free = [slot for slot in _free(day, offer, day.today) if since <= slot.start <= until]
        nearest = min(free, key=lambda slot: abs(slot.start - wanted), default=None)
        if nearest is None:
            continue
        if offer == day.always:
            return offer, nearest
        is_past = nearest.start <= day.now
        if abs(nearest.start - wanted) <= timedelta(minutes=part.near) and (
            is_past or nearest.left > _KEPT_FREE
        ):
            return offer, nearest
    return None


def _free(day: _Day, offer: Offer, on: date, *, places: int = 1) -> list[Slot]:
    """Return the slots of a day that have so many places left, those that have begun as well."""
    issued = day.now - _ISSUED_BEFORE
    like = Batch(**promise_of(offer.hotel, offer, terms_of(offer, now=issued), issued))
    calendar = calendar_of(like)
    taken = taken_for(like, calendar, on, on, now=day.now)
    found = slots(calendar, on, on, now=day.now - _CHOSEN_BEFORE, taken=taken)
    return [slot for slot in found if slot.left >= places]


def _voucher(day: _Day, offer: Offer, name: str) -> str:
    """Issue a voucher to a guest; returns its id."""
    issued = day.now - _ISSUED_BEFORE
    terms = terms_of(offer, now=issued)
    uid = _uid(day, name)
    (voucher,) = issue_vouchers(
        hotel=offer.hotel, offer=offer, terms=terms, holder_uid=uid, by=BY, count=1, now=issued
    )
    return voucher.pk


def _uid(day: _Day, name: str) -> str:
    return uid_of(f"demo {day.always.hotel_id} {name}")


def _address(name: str) -> str:
    return f"{slugify(name).replace('-', '.')}@example.com"


def _note_address(booking_id: str, name: str) -> None:
    # Last, and past the verbs, which owe a mail to whoever gives an address: the demo sends nobody any.
    Booking.objects.filter(pk=booking_id).update(guest_email=_address(name))


def _make_party(day: _Day) -> None:
    """Let a party take all places of a slot, and two guests wait for it."""
    offer, at = day.always, day.now - _PARTY_BOOKS
    slot = next(
        slot
        for on in (day.today, day.today + timedelta(days=1))
        for slot in _free(day, offer, on, places=offer.capacity)
        if slot.start >= day.now + _PARTY_COMES
    )
    names = [next(day.names) for _place in range(offer.capacity)]
    uids = [_uid(day, name) for name in names]
    party = start_party(uid=uids[0], name=names[0], size=len(names), now=at)
    for uid, name in zip(uids[1:], names[1:], strict=True):
        member = ask_to_join(code=party.pair_code, uid=uid, name=name, now=at)
        answer_request(uid=uids[0], member_id=member.pk, is_welcome=True, now=at)
    language = offer.hotel.default_language
    for uid, name in zip(uids, names, strict=True):
        store.beat(uid, pair_code=party.pair_code, status=PresenceStatus.ONLINE, now=at)
        key = _voucher(day, offer, name)
        bring(uid=uid, promise_key=key, email="", language=language, now=at)
    shown = list(party.members.values_list("pk", flat=True))
    press(uid=uids[0], start=slot.start, shown=shown, now=at)
    for booking_id, name in party.members.values_list("booking_id", "name"):
        _note_address(booking_id, name)
    for minutes in (100, 20):
        name = next(day.names)
        join_waiting(
            promise_key=_voucher(day, offer, name),
            day=day.today,
            start=slot.start,
            guest=GuestDetails(name=name, email=_address(name), language=language),
            by=guest(_uid(day, name)),
            now=day.now - timedelta(minutes=minutes),
        )
