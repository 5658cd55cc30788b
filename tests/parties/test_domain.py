"""Parties: who is let in, what they bring, and a press that books everyone or nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.models import Booking, Mail
from parties.domain import (
    answer_request,
    ask_to_join,
    bring,
    leave_party,
    look_at,
    press,
    prune_parties,
    put_back,
    start_party,
)
from parties.models import MOST_MEMBERS, Member, Party
from parties.queries import current_member, party_view
from portal.errors import Rejected
from presence import rooms, store
from tests.checks import unchanged
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers.domain import redeem_voucher
from vouchers.models import Offer, Voucher

pytestmark = pytest.mark.django_db
THIRD_UID = "thinker-000000000003"
START = datetime(2026, 3, 4, 10, tzinfo=UTC)


def refused(verb: Any, **fields: Any) -> str:
    """Expect that a verb is refused and changes nothing; returns the code."""
    before = (list(Party.objects.values()), list(Member.objects.order_by("pk").values()))
    with pytest.raises(Rejected) as refusal:
        verb(**{"now": NOW, **fields})
    assert (list(Party.objects.values()), list(Member.objects.order_by("pk").values())) == before
    return refusal.value.code


def stay(*uids: str, now: datetime = NOW) -> None:
    for uid in uids:
        member = current_member(uid, now)
        assert member is not None
        if member.is_in:
            rooms.match(uid=uid, pair_code=member.party.pair_code, now=now)
        else:
            rooms.heartbeat(uid=uid, now=now)


def party_of(*uids: str, size: int = 2) -> Party:
    """Make a party of some guests who are all here."""
    first, *others = uids
    party = start_party(uid=first, name=f"Guest {first[-1]}", size=size, now=NOW)
    for uid in others:
        member = ask_to_join(code=party.pair_code, uid=uid, name=f"Guest {uid[-1]}", now=NOW)
        answer_request(uid=first, member_id=member.pk, is_welcome=True, now=NOW)
    stay(*uids)
    return Party.objects.get(pk=party.pk)


def brings(uid: str, offer: Offer) -> Voucher:
    """Let a guest bring a new voucher of theirs."""
    voucher = make_voucher(offer, holder_uid=uid)
    bring(uid=uid, promise_key=voucher.pk, email=f"{uid}@guest.example", language="de", now=NOW)
    return voucher


def view_of(uid: str, now: datetime = NOW) -> Any:
    member = current_member(uid, now)
    assert member is not None
    return party_view(member, now)


def shown_to(uid: str) -> list[int]:
    return [member.pk for member in view_of(uid).together]


# Coming in


def test_whoever_starts_a_party_is_in_it_alone() -> None:
    party = party_of(GUEST_UID, size=3)
    view = view_of(GUEST_UID)
    assert [line.member.name for line in view.here] == ["Guest b"]
    assert not view.is_complete
    assert len(party.pair_code) == 14


def test_nobody_comes_in_without_being_let_in() -> None:
    party = party_of(GUEST_UID)
    asking = ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    stay(OTHER_UID)
    assert [member.name for member in view_of(GUEST_UID).requests] == ["Bob"]
    assert len(view_of(GUEST_UID).here) == 1
    # Neither do the two share a room yet: whoever waits is online without the code.
    assert rooms.match(uid=GUEST_UID, pair_code=party.pair_code, now=NOW).room_id is None
    for verb, more in (
        (bring, {"promise_key": "v-x", "email": "b@x.example", "language": "en"}),
        (put_back, {}),
        (press, {"start": START, "shown": [asking.pk]}),
        (answer_request, {"member_id": asking.pk, "is_welcome": True}),
    ):
        assert refused(verb, uid=OTHER_UID, **more) == "party_not_found"
    answer_request(uid=GUEST_UID, member_id=asking.pk, is_welcome=True, now=NOW)
    stay(OTHER_UID)
    view = view_of(GUEST_UID)
    assert [line.member.name for line in view.here] == ["Guest b", "Bob"]
    assert view.is_complete
    assert rooms.match(uid=GUEST_UID, pair_code=party.pair_code, now=NOW).room_id is not None


def test_whoever_is_turned_away_cannot_ask_again() -> None:
    party = party_of(GUEST_UID)
    asking = ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    answer_request(uid=GUEST_UID, member_id=asking.pk, is_welcome=False, now=NOW)
    assert refused(ask_to_join, code=party.pair_code, uid=OTHER_UID, name="Rob") == "party_refused"
    assert current_member(OTHER_UID, NOW) is None
    assert view_of(GUEST_UID).requests == []


def test_a_request_is_answered_once() -> None:
    party = party_of(GUEST_UID)
    asking = ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    answer_request(uid=GUEST_UID, member_id=asking.pk, is_welcome=True, now=NOW)
    for is_welcome in (True, False):
        again = {"uid": GUEST_UID, "member_id": asking.pk, "is_welcome": is_welcome}
        assert refused(answer_request, **again) == "request_gone"


def test_another_partys_request_is_not_there() -> None:
    party_of(GUEST_UID)
    other = party_of(THIRD_UID)
    asking = ask_to_join(code=other.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    assert refused(answer_request, uid=GUEST_UID, member_id=asking.pk, is_welcome=True) == "request_gone"


@pytest.mark.parametrize("code", ["", "AAAA-BBBB-CCCC", "x" * 64])
def test_an_unknown_code_leads_nowhere(code: str) -> None:
    party_of(GUEST_UID)
    assert refused(ask_to_join, code=code, uid=OTHER_UID, name="Bob") == "party_not_found"


def test_a_code_is_good_for_a_day() -> None:
    party = party_of(GUEST_UID)
    late = NOW + timedelta(hours=24)
    assert current_member(GUEST_UID, late - timedelta(seconds=1)) is not None
    assert current_member(GUEST_UID, late) is None
    assert (
        refused(ask_to_join, code=party.pair_code, uid=OTHER_UID, name="Bob", now=late) == "party_not_found"
    )
    assert refused(put_back, uid=GUEST_UID, now=late) == "party_not_found"
    assert prune_parties(late - timedelta(seconds=1)) == 0
    assert prune_parties(late) == 1
    assert not Member.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\x00b", "\u202ebob", "\ud800"])
def test_a_name_can_be_read(name: str) -> None:
    party = party_of(GUEST_UID)
    assert refused(start_party, uid=OTHER_UID, name=name, size=2) == "name_invalid"
    assert refused(ask_to_join, code=party.pair_code, uid=OTHER_UID, name=name) == "name_invalid"


def test_nobody_takes_anothers_name() -> None:
    party = party_of(GUEST_UID)
    assert refused(ask_to_join, code=party.pair_code, uid=OTHER_UID, name=" guest  B ") == "name_taken"


@pytest.mark.parametrize("size", [-1, 0, 1, 11, 10**9])
def test_a_party_has_two_to_ten_members(size: int) -> None:
    assert refused(start_party, uid=GUEST_UID, name="Ann", size=size) == "size_out_of_range"


def test_a_party_takes_ten_and_a_queue_of_five() -> None:
    party = party_of(*(f"thinker-00000000000{number:x}" for number in range(MOST_MEMBERS)))
    assert party.size == MOST_MEMBERS
    for number in range(5):
        asking = ask_to_join(code=party.pair_code, uid=f"queue-{number}", name=f"Q{number}", now=NOW)
    assert refused(ask_to_join, code=party.pair_code, uid="queue-9", name="Q9") == "party_queue_full"
    first = "thinker-000000000000"
    full = {"uid": first, "member_id": asking.pk, "is_welcome": True}
    assert refused(answer_request, **full) == "party_full"
    answer_request(uid=first, member_id=asking.pk, is_welcome=False, now=NOW)


def test_one_is_in_one_party_at_a_time() -> None:
    first = party_of(GUEST_UID, OTHER_UID)
    second = party_of(OTHER_UID)
    assert current_member(OTHER_UID, NOW).party_id == second.pk  # type: ignore[union-attr]
    assert Member.objects.filter(party=first).count() == 1
    ask_to_join(code=second.pair_code, uid=GUEST_UID, name="Ann", now=NOW)
    assert not Party.objects.filter(pk=first.pk).exists()


# Leaving


def test_whoever_leaves_leaves_nothing() -> None:
    party = party_of(GUEST_UID, OTHER_UID)
    leave_party(uid=OTHER_UID, now=NOW)
    assert not Member.objects.filter(uid=OTHER_UID).exists()
    assert store.online_of([GUEST_UID, OTHER_UID], NOW).keys() == {GUEST_UID}
    assert [line.member.uid for line in view_of(GUEST_UID).here] == [GUEST_UID]
    leave_party(uid=GUEST_UID, now=NOW)
    assert not Party.objects.filter(pk=party.pk).exists()
    leave_party(uid=GUEST_UID, now=NOW)


def test_whoever_waits_goes_when_the_last_member_goes() -> None:
    party = party_of(GUEST_UID)
    ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    leave_party(uid=GUEST_UID, now=NOW)
    assert current_member(OTHER_UID, NOW) is None


def test_whoever_is_silent_for_a_minute_is_not_shown_and_comes_back() -> None:
    party_of(GUEST_UID, OTHER_UID)
    later = NOW + timedelta(seconds=61)
    stay(GUEST_UID, now=later)
    assert [line.member.uid for line in view_of(GUEST_UID, later).here] == [GUEST_UID]
    stay(OTHER_UID, now=later)
    assert len(view_of(GUEST_UID, later).here) == 2


# Bringing and looking


def test_a_guest_brings_what_is_theirs_or_open_to_anyone() -> None:
    party_of(GUEST_UID)
    offer = make_offer()
    brings(GUEST_UID, offer)
    batch = make_vouchers(offer, 2)[0].batch_id
    bring(uid=GUEST_UID, promise_key=batch, email="a@x.example", language="en", now=NOW)
    member = Member.objects.get(uid=GUEST_UID)
    assert (member.promise_key, member.offer_id) == (batch, offer.pk)
    put_back(uid=GUEST_UID, now=NOW)
    assert Member.objects.get(uid=GUEST_UID).promise_key == ""


def test_what_cannot_be_booked_is_not_brought() -> None:
    party_of(GUEST_UID)
    offer = make_offer(capacity=9, max_per_guest=9)
    used = make_voucher(offer, holder_uid=GUEST_UID)
    redeem_voucher(voucher_id=used.pk, by=CLERK, now=NOW)
    over = make_voucher(offer, holder_uid=GUEST_UID)
    make_booking(over, start=START)
    empty = make_voucher(offer)
    make_booking(empty, start=START)
    keys = [
        used.pk,
        over.pk,
        empty.batch_id,
        make_voucher(offer, holder_uid=OTHER_UID).pk,
        make_voucher(holder_uid=GUEST_UID).pk,
        make_voucher().batch_id,
        "v-nothing",
        "vb-nothing",
        "",
    ]
    for key in keys:
        fields = {"promise_key": key, "email": "a@x.example", "language": "en"}
        assert refused(bring, uid=GUEST_UID, **fields) == "promise_not_bookable", key


def test_each_sees_what_the_others_look_at() -> None:
    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer()
    for uid in (GUEST_UID, OTHER_UID):
        brings(uid, offer)
    member = current_member(OTHER_UID, NOW)
    assert member is not None
    look_at(member, START)
    (line,) = [line for line in view_of(GUEST_UID).here if not line.is_me]
    assert line.slot is not None
    assert (line.slot.start, line.slot.end) == (START, START + timedelta(hours=1))
    assert line.offer == offer
    assert view_of(GUEST_UID).slot is None


def test_the_tag_of_a_view_changes_with_what_it_shows_and_with_nothing_else() -> None:
    party_of(GUEST_UID, OTHER_UID)
    tags = [view_of(GUEST_UID).etag, view_of(GUEST_UID, NOW + timedelta(seconds=5)).etag]
    assert tags[0] == tags[1]
    brings(OTHER_UID, make_offer())
    tags.append(view_of(GUEST_UID).etag)
    look_at(current_member(OTHER_UID, NOW), START)  # type: ignore[arg-type]
    tags.append(view_of(GUEST_UID).etag)
    tags.append(view_of(GUEST_UID, NOW + timedelta(seconds=61)).etag)
    assert len(set(tags)) == 4


# Booking together


def test_one_press_books_everyone_who_brings_a_voucher_of_the_kind() -> None:
    party_of(GUEST_UID, OTHER_UID, THIRD_UID, size=3)
    offer = make_offer(capacity=2)
    vouchers = [brings(uid, offer) for uid in (GUEST_UID, OTHER_UID)]
    brings(THIRD_UID, make_offer(title="Dinner"))
    assert press(uid=GUEST_UID, start=START, shown=shown_to(GUEST_UID), now=NOW)
    booked = Booking.objects.order_by("pk")
    assert {booking.voucher_id for booking in booked} == {voucher.pk for voucher in vouchers}
    assert {booking.guest_name for booking in booked} == {"Guest b", "Guest 0"}
    assert {booking.language for booking in booked} == {"de"}
    assert Mail.objects.count() == 2
    for uid in (GUEST_UID, OTHER_UID, THIRD_UID):
        outcome = view_of(uid).outcome
        assert outcome.is_booked
        assert (outcome.by, outcome.names) == ("Guest b", ["Guest b", "Guest 0"])
        assert outcome.slot.start == START
        own = Booking.objects.filter(holder_uid=uid).values_list("pk", flat=True).first() or ""
        assert outcome.booking_id == own
    assert Member.objects.get(uid=THIRD_UID).promise_key
    assert Member.objects.get(uid=GUEST_UID).promise_key == ""


def test_with_one_voucher_used_nobody_is_booked_and_everyone_is_told_why() -> None:
    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer(capacity=9)
    brings(GUEST_UID, offer)
    used = brings(OTHER_UID, offer)
    redeem_voucher(voucher_id=used.pk, by=CLERK, now=NOW)
    shown = shown_to(GUEST_UID)
    assert len(shown) == 2
    with unchanged():
        assert not press(uid=GUEST_UID, start=START, shown=shown, now=NOW)
    for uid in (GUEST_UID, OTHER_UID):
        outcome = view_of(uid).outcome
        assert not outcome.is_booked
        assert (outcome.by, outcome.about) == ("Guest b", "Guest 0")
        assert outcome.reason == "This voucher has been used."


def test_each_is_told_in_their_own_language(settings: Any) -> None:
    from django.utils import translation

    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer(capacity=1)
    for uid in (GUEST_UID, OTHER_UID):
        brings(uid, offer)
    with translation.override("nl"):
        assert not press(uid=GUEST_UID, start=START, shown=shown_to(GUEST_UID), now=NOW)
    with translation.override("de"):
        assert view_of(OTHER_UID).outcome.reason == "Diesen Termin hat soeben jemand anders gebucht."
    assert view_of(OTHER_UID).outcome.reason == "Someone else has just taken this time."
    assert view_of(OTHER_UID).outcome.about == ""


def test_a_press_books_for_those_who_were_shown_and_for_nobody_else() -> None:
    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer(capacity=9)
    brings(GUEST_UID, offer)
    alone = shown_to(GUEST_UID)
    brings(OTHER_UID, offer)
    both = shown_to(GUEST_UID)
    stranger = Member.objects.get(party=party_of(THIRD_UID)).pk
    for shown in ([], alone, [*both, stranger], [stranger], [10**18]):
        assert refused(press, uid=GUEST_UID, start=START, shown=shown) == "party_changed"
    later = NOW + timedelta(seconds=61)
    stay(GUEST_UID, now=later)
    assert refused(press, uid=GUEST_UID, start=START, shown=both, now=later) == "party_changed"
    assert not Booking.objects.exists()


def test_a_second_press_finds_nothing_to_book() -> None:
    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer(capacity=9)
    for uid in (GUEST_UID, OTHER_UID):
        brings(uid, offer)
    shown = shown_to(GUEST_UID)
    assert press(uid=GUEST_UID, start=START, shown=shown, now=NOW)
    assert refused(press, uid=OTHER_UID, start=START, shown=shown) == "party_changed"
    assert Booking.objects.count() == 2


def test_a_party_of_open_vouchers_takes_one_for_each() -> None:
    party_of(GUEST_UID, OTHER_UID)
    offer = make_offer(capacity=9)
    batch = make_vouchers(offer, 2)[0].batch_id
    for uid in (GUEST_UID, OTHER_UID):
        bring(uid=uid, promise_key=batch, email=f"{uid}@x.example", language="en", now=NOW)
    assert press(uid=OTHER_UID, start=START, shown=shown_to(OTHER_UID), now=NOW)
    assert set(Voucher.objects.values_list("holder_uid", flat=True)) == {GUEST_UID, OTHER_UID}


def test_a_poll_asks_few_questions(django_assert_num_queries: Any) -> None:
    party_of(GUEST_UID, OTHER_UID, THIRD_UID)
    offer = make_offer(make_hotel())
    brings(OTHER_UID, offer)
    with django_assert_num_queries(3):
        view_of(GUEST_UID)
    brings(THIRD_UID, offer)
    with django_assert_num_queries(3):
        view_of(GUEST_UID)
