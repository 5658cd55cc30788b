"""One slot for a whole party: a place for everyone, or for nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.domain import GuestDetails, withdraw_voucher
from bookings.models import Booking, Mail
from bookings.together import Wish, WishRefused, book_together
from events.models import Event
from tests.checks import unchanged
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
from vouchers.domain import redeem_voucher
from vouchers.models import Batch, Offer, Voucher

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 4, 10, tzinfo=UTC)
THIRD_UID = "thinker-000000000003"


@pytest.fixture
def offer() -> Offer:
    return make_offer(capacity=3)


def held(offer: Offer, uid: str) -> Wish:
    return Wish(voucher_id=make_voucher(offer, holder_uid=uid).pk, holder_uid=uid, guest=details(uid))


def details(uid: str) -> GuestDetails:
    return GuestDetails(name=uid[-4:], email=f"{uid}@guest.example")


def together(*wishes: Wish, start: datetime = START, now: datetime = NOW) -> list[Booking]:
    return book_together(wishes=wishes, start=start, by=GUEST, now=now)


def refused(*wishes: Wish, **more: Any) -> tuple[str, str | None]:
    with unchanged(), pytest.raises(WishRefused) as refusal:
        together(*wishes, **more)
    wish = refusal.value.wish
    assert refusal.value.error.code == str(refusal.value)
    return refusal.value.error.code, wish.holder_uid if wish else None


def test_everyone_has_a_place_of_their_own(offer: Offer) -> None:
    wishes = [held(offer, uid) for uid in (GUEST_UID, OTHER_UID, THIRD_UID)]
    bookings = together(*wishes)
    assert {(booking.holder_uid, booking.voucher_id, booking.slot_start) for booking in bookings} == {
        (wish.holder_uid, wish.voucher_id, START) for wish in wishes
    }
    assert {booking.guest_name for booking in bookings} == {"89ab", "3210", "0003"}
    assert set(Voucher.objects.values_list("status", flat=True)) == {"booked"}
    # The journal names who pressed, for each voucher; each guest has a mail of their own.
    assert (
        list(Event.objects.filter(type="voucher.book").values_list("actor_id", flat=True)) == [GUEST_UID] * 3
    )
    assert Mail.objects.values("recipient").distinct().count() == 3


def test_a_batch_gives_each_one_of_its_open_vouchers(offer: Offer) -> None:
    batch = make_vouchers(offer, 3)[0].batch_id
    wishes = [Wish(batch_id=batch, holder_uid=uid, guest=details(uid)) for uid in (OTHER_UID, THIRD_UID)]
    bookings = together(held(offer, GUEST_UID), *wishes)
    assert len({booking.voucher_id for booking in bookings}) == 3
    assert Batch.objects.get(pk=batch).open_issued == 1


@pytest.mark.parametrize("what", ["used", "booked", "withdrawn", "expired"])
def test_with_one_voucher_used_nobody_is_booked(offer: Offer, what: str) -> None:
    wishes = [held(offer, uid) for uid in (GUEST_UID, OTHER_UID)]
    voucher = Voucher.objects.get(pk=wishes[1].voucher_id)
    if what == "used":
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    elif what == "booked":
        make_booking(voucher, start=START + timedelta(hours=1), holder_uid=OTHER_UID)
    elif what == "withdrawn":
        withdraw_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    else:
        day = timedelta(days=1)
        Voucher.objects.filter(pk=voucher.pk).update(valid_from=NOW - day, valid_until=NOW, expires_at=NOW)
    status = {"used": "consumed", "booked": "booked", "withdrawn": "cancelled", "expired": "expired"}[what]
    assert refused(*wishes) == (f"voucher_{status}", OTHER_UID)


def test_with_one_place_missing_nobody_is_booked(offer: Offer) -> None:
    make_booking(make_voucher(offer), start=START, holder_uid="thinker-000000000009")
    wishes = [held(offer, uid) for uid in (GUEST_UID, OTHER_UID, THIRD_UID)]
    assert refused(*wishes) == ("slot_taken", None)
    assert len(together(*wishes[:2])) == 2


def test_with_one_open_voucher_missing_nobody_is_booked(offer: Offer) -> None:
    batch = make_vouchers(offer, 2)[0].batch_id
    wishes = [
        Wish(batch_id=batch, holder_uid=uid, guest=details(uid)) for uid in (GUEST_UID, OTHER_UID, THIRD_UID)
    ]
    assert refused(*wishes) == ("batch_used_up", None)


def test_what_an_offer_allows_each_guest_holds_for_a_party_too(offer: Offer) -> None:
    make_booking(make_voucher(offer), start=START + timedelta(hours=2), holder_uid=OTHER_UID)
    assert refused(held(offer, GUEST_UID), held(offer, OTHER_UID)) == ("guest_limit_reached", OTHER_UID)


def test_two_with_one_address_are_one_guest(offer: Offer) -> None:
    first, second = held(offer, GUEST_UID), held(offer, OTHER_UID)
    same = Wish(holder_uid=OTHER_UID, voucher_id=second.voucher_id, guest=first.guest)
    assert refused(first, same)[0] == "guest_limit_reached"


def test_a_voucher_that_changed_hands_is_not_booked(offer: Offer) -> None:
    wish = held(offer, OTHER_UID)
    stranger = Wish(holder_uid=THIRD_UID, voucher_id=wish.voucher_id, guest=wish.guest)
    assert refused(held(offer, GUEST_UID), stranger) == ("voucher_held", THIRD_UID)


def test_vouchers_of_two_offers_are_no_party(offer: Offer) -> None:
    other = make_offer(title="Dinner", capacity=3)
    assert refused(held(offer, GUEST_UID), held(other, OTHER_UID)) == ("party_mixed", None)
    plain = make_voucher(holder_uid=OTHER_UID)
    wish = Wish(holder_uid=OTHER_UID, voucher_id=plain.pk, guest=details(OTHER_UID))
    assert refused(wish) == ("party_mixed", None)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (START.replace(hour=3), "slot_not_offered"),
        (START + timedelta(minutes=5), "slot_not_offered"),
        (NOW - timedelta(hours=1), "slot_too_soon"),
        (NOW + timedelta(days=400), "slot_outside_validity"),
    ],
)
def test_a_time_that_cannot_be_booked_is_refused(offer: Offer, start: datetime, code: str) -> None:
    assert refused(held(offer, GUEST_UID), held(offer, OTHER_UID), start=start) == (code, None)


def test_the_time_has_to_suit_every_voucher(offer: Offer) -> None:
    short = make_voucher(offer, holder_uid=OTHER_UID, valid_until=START)
    wish = Wish(holder_uid=OTHER_UID, voucher_id=short.pk, guest=details(OTHER_UID))
    assert refused(held(offer, GUEST_UID), wish) == ("slot_outside_validity", None)
