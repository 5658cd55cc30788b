"""Issuing, redeeming, handing on and expiring vouchers."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from bookings.domain import withdraw_voucher
from events.models import Event
from portal.actors import CLOCK, ActorKind
from tests.checks import BrokenOffError, assert_batches_count_true, break_off, conflicting, refused, unchanged
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
    make_terms,
    make_voucher,
    make_vouchers,
)
from vouchers import domain
from vouchers.domain import (
    all_due,
    change_status,
    expire_due,
    issue_vouchers,
    redeem_voucher,
    transfer_voucher,
    undo_redemption,
)
from vouchers.models import Batch, Voucher
from vouchers.states import Status
from vouchers.terms import EARLIEST, LATEST, terms_of

pytestmark = pytest.mark.django_db

END = NOW + timedelta(days=30)
SECOND = timedelta(seconds=1)


def issue(**overrides):
    fields = {"hotel": make_hotel(), "terms": make_terms(), "by": HOTEL_SYSTEM, "now": NOW}
    return issue_vouchers(**{**fields, **overrides})


def stored_voucher() -> Voucher:
    return Voucher.objects.get()


def counters() -> dict[str, int]:
    names = ("open_issued", "open_consumed", "open_cancelled", "open_expired")
    return {name.removeprefix("open_"): number for name, number in Batch.objects.values(*names).get().items()}


# Terms


def test_an_offers_terms_are_copied_as_they_are_at_that_moment():
    offer = make_offer(price_amount=Decimal("80.00"), terms={"Age": "16"}, duration_minutes=90)
    voucher = make_voucher(offer)
    offer.price_amount, offer.title, offer.duration_minutes = Decimal("99.00"), "Other", 30
    offer.save()
    voucher.refresh_from_db()
    assert (voucher.price_amount, voucher.title) == (Decimal("80.00"), "Spa hour")
    assert (voucher.duration_minutes, voucher.terms) == (90, {"Age": "16"})


def test_without_an_end_a_voucher_lasts_to_the_end_of_the_hotels_day():
    offer = make_offer(validity_days=27)  # to the day on which the clocks change
    terms = terms_of(offer, now=NOW)
    assert terms.valid_from == NOW
    assert terms.valid_until == datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)


def test_the_day_that_a_validity_counts_from_is_the_hotels():
    offer = make_offer(validity_days=1)
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # the third in Amsterdam
    terms = terms_of(offer, now=NOW, valid_from=late)
    assert terms.valid_from == late
    assert terms.valid_until == datetime(2026, 3, 4, 22, 59, 59, tzinfo=UTC)


def test_a_given_end_of_validity_is_kept():
    assert terms_of(make_offer(), now=NOW, valid_until=END).valid_until == END


# Issuing


def test_open_vouchers_form_a_batch_that_counts_them():
    vouchers = issue(count=3)
    assert len({voucher.pk for voucher in vouchers}) == 3
    assert {voucher.batch for voucher in vouchers} == {Batch.objects.get()}
    assert {voucher.status for voucher in Voucher.objects.all()} == {Status.ISSUED}
    assert {voucher.expires_at for voucher in vouchers} == {END}
    assert counters() == {"issued": 3, "consumed": 0, "cancelled": 0, "expired": 0}


def test_vouchers_for_a_holder_form_no_batch():
    (voucher,) = issue(holder_uid=GUEST_UID)
    assert (voucher.holder_uid, voucher.batch_id) == (GUEST_UID, None)
    assert not Batch.objects.exists()


def test_every_voucher_has_its_event():
    offer = make_offer()
    vouchers = issue(offer=offer, count=3, by=CLERK)
    events = Event.objects.all()
    assert {event.subject_id for event in events} == {voucher.pk for voucher in vouchers}
    assert {(event.type, event.actor_id, event.issuer_uid) for event in events} == {
        ("voucher.issue", "staff:clerk", "hotel-a")
    }
    assert events[0].meta == {
        "offer_id": offer.pk,
        "before": {},
        "after": {"status": "issued", "holder_uid": ""},
    }


@pytest.mark.parametrize("count", [1, 1000])
def test_between_one_and_a_thousand_vouchers_are_issued_at_once(count):
    assert len(issue(count=count)) == Voucher.objects.count() == Event.objects.count() == count


@pytest.mark.parametrize("count", [-1, 0, 1001])
def test_another_number_of_vouchers_is_refused(count):
    with refused("count_out_of_range"):
        issue(count=count)


@pytest.mark.parametrize("by", [GUEST, CLOCK], ids=lambda by: by.kind)
def test_nobody_but_the_hotel_issues_vouchers(by):
    with refused("issuer_not_allowed"):
        issue(by=by)


def test_another_hotels_offer_is_refused():
    with refused("offer_foreign"):
        issue(offer=make_offer(make_hotel("hotel-b")))


def test_an_offer_that_is_not_active_is_refused():
    with refused("offer_inactive"):
        issue(offer=make_offer(is_active=False))


@pytest.mark.parametrize(
    ("valid_from", "valid_until"),
    [
        (NOW, NOW),
        (END, NOW),
        (EARLIEST - SECOND, NOW),
        (NOW, LATEST + SECOND),
        (NOW, datetime(9999, 12, 31, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=UTC), NOW),
    ],
)
def test_a_validity_out_of_order_or_out_of_reach_is_refused(valid_from, valid_until):
    with refused("validity_out_of_range"):
        issue(terms=make_terms(valid_from=valid_from, valid_until=valid_until))


def test_the_longest_validity_there_is_can_be_issued():
    issue(terms=make_terms(valid_from=EARLIEST, valid_until=LATEST))
    assert stored_voucher().valid_until == LATEST


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 121),
        ("title", "a\x00b"),
        ("title", "\ud800"),
        ("description", "x" * 2001),
        ("description", "\x00"),
        ("description", "\udfff"),
        ("service_type", ""),
        ("service_type", "x" * 61),
        ("service_type", "\x00"),
        ("duration_minutes", 0),
        ("duration_minutes", -60),
        ("duration_minutes", 366 * 24 * 60 + 1),
        ("duration_minutes", 10**30),
        ("duration_minutes", "long"),
        ("cancel_notice_minutes", -1),
        ("cancel_notice_minutes", 10**30),
        ("price_amount", Decimal("-0.01")),
        ("price_amount", Decimal("1.005")),
        ("price_amount", Decimal("100000000")),
        ("price_amount", Decimal("NaN")),
        ("price_amount", Decimal("Infinity")),
        ("price_currency", "eur"),
        ("price_currency", "EUR\n"),
        ("price_currency", ""),
        ("transferable", None),
        ("terms", ["no", "object"]),
        ("terms", {"a": {1, 2}}),
        ("terms", {"a": [math.nan]}),
        ("terms", {"a": math.inf}),
        ("terms", {"a": {"b": "\x00"}}),
        ("terms", {"\x00": "a"}),
        ("terms", {"a": ("\ud800",)}),
    ],
    ids=ascii,
)
def test_a_field_that_cannot_be_stored_is_refused_by_its_name(field, value):
    with refused("voucher_invalid") as refusal:
        issue(terms=make_terms(**{field: value}))
    assert f"{field}: " in refusal.value.message


@pytest.mark.parametrize("holder_uid", ["x" * 65, "\x00", "\ud800"], ids=ascii)
def test_a_holder_that_cannot_be_stored_is_refused(holder_uid):
    with refused("voucher_invalid") as refusal:
        issue(holder_uid=holder_uid)
    assert "holder_uid: " in refusal.value.message


def test_terms_may_hold_whatever_json_can():
    terms = {"text": "Spa \U0001f9d6", "list": [1, 2.5, None, True, {"deep": ["ok"]}]}
    issue(terms=make_terms(terms=terms))
    assert stored_voucher().terms == terms


def test_a_service_of_an_offer_lasts_a_day_at_most():
    offer = make_offer()
    with refused("voucher_invalid"):
        issue(offer=offer, terms=replace(terms_of(offer, now=NOW), duration_minutes=24 * 60 + 1))


def test_a_stay_without_an_offer_may_last_longer_than_a_day():
    issue(terms=make_terms(duration_minutes=3 * 24 * 60))
    assert stored_voucher().duration_minutes == 3 * 24 * 60


# Redeeming, and taking it back


@pytest.mark.parametrize("by", [CLERK, HOTEL_SYSTEM], ids=lambda by: by.kind)
def test_a_walk_in_is_redeemed_without_a_booking(by):
    voucher = make_voucher()
    redeem_voucher(voucher_id=voucher.pk, by=by, now=NOW)
    voucher = stored_voucher()
    assert (voucher.status, voucher.redeemed_at, voucher.redeemed_from) == ("consumed", NOW, "issued")
    assert counters() == {"issued": 0, "consumed": 1, "cancelled": 0, "expired": 0}


def test_a_walk_in_before_the_validity_is_refused():
    voucher = make_voucher(valid_from=NOW + SECOND)
    with refused("voucher_not_yet_valid"):
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW + SECOND)


def test_a_booked_guest_is_redeemed_and_the_booking_stays_as_it_was():
    booking = make_booking()
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=NOW)
    booking.refresh_from_db()
    assert booking.is_standing
    assert (stored_voucher().status, stored_voucher().redeemed_from) == ("consumed", "booked")


def test_a_booked_guest_is_redeemed_until_the_hotels_day_ends_though_the_validity_is_over():
    valid_until = NOW + timedelta(days=1, hours=1)
    booking = make_booking(make_voucher(valid_until=valid_until))
    midnight = datetime(2026, 3, 3, 23, tzinfo=UTC)  # in Amsterdam
    with conflicting("voucher_expired"):
        redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=midnight)
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=midnight - SECOND)
    assert stored_voucher().status == Status.CONSUMED


def test_an_issued_voucher_is_not_redeemed_from_the_instant_its_validity_passes():
    voucher = make_voucher()
    with conflicting("voucher_expired"):
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=END)
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=END - SECOND)


@pytest.mark.parametrize("is_booked", [False, True])
def test_an_undo_within_five_minutes_leads_back_to_where_the_voucher_was(is_booked):
    voucher = make_booking().voucher if is_booked else make_voucher()
    before = Voucher.objects.filter(pk=voucher.pk).values().get()
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    undo_redemption(voucher_id=voucher.pk, by=CLERK, now=NOW + timedelta(minutes=5))
    assert Voucher.objects.filter(pk=voucher.pk).values().get() == before
    assert_batches_count_true()
    assert Event.objects.filter(type="voucher.unredeem").count() == 1


def test_an_undo_after_five_minutes_is_refused():
    voucher = make_voucher()
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    with refused("undo_expired"):
        undo_redemption(voucher_id=voucher.pk, by=CLERK, now=NOW + timedelta(minutes=5) + SECOND)


def test_a_voucher_that_was_consumed_without_a_time_is_not_taken_back():
    voucher = make_voucher()
    Voucher.objects.update(status=Status.CONSUMED)
    with refused("undo_expired"):
        undo_redemption(voucher_id=voucher.pk, by=CLERK, now=NOW)


def test_an_undo_after_the_validity_gives_back_a_voucher_that_has_ended():
    voucher = make_voucher()
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=END - SECOND)
    undo_redemption(voucher_id=voucher.pk, by=CLERK, now=END + SECOND)
    assert stored_voucher().shown(END + SECOND) == Status.EXPIRED


def test_a_voucher_can_be_redeemed_again_after_an_undo():
    voucher = make_voucher()
    for minute in range(3):
        moment = NOW + timedelta(minutes=minute)
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=moment)
        undo_redemption(voucher_id=voucher.pk, by=CLERK, now=moment)
    assert counters() == {"issued": 1, "consumed": 0, "cancelled": 0, "expired": 0}


# Handing on


def claim(voucher: Voucher, *, from_uid: str = "", to_uid: str = OTHER_UID, now: datetime = NOW) -> Voucher:
    return transfer_voucher(voucher_id=voucher.pk, from_uid=from_uid, to_uid=to_uid, now=now)


def test_an_open_voucher_is_claimed_from_the_hotel():
    voucher = make_vouchers(count=2)[0]
    claim(voucher)
    assert Voucher.objects.get(pk=voucher.pk).holder_uid == OTHER_UID
    assert counters()["issued"] == 1
    event = Event.objects.get(type="voucher.transfer")
    assert event.actor_id == OTHER_UID
    assert event.meta["before"] == {"status": "issued", "holder_uid": ""}
    assert event.meta["after"] == {"status": "issued", "holder_uid": OTHER_UID}


def test_a_transferable_voucher_goes_from_its_holder_to_another_guest():
    claim(make_voucher(holder_uid=GUEST_UID, transferable=True), from_uid=GUEST_UID)
    assert stored_voucher().holder_uid == OTHER_UID


def test_a_voucher_that_is_not_transferable_stays_with_its_holder():
    voucher = make_voucher(holder_uid=GUEST_UID)
    with refused("voucher_not_transferable"):
        claim(voucher, from_uid=GUEST_UID)


def test_a_claim_link_is_worthless_once_the_voucher_has_another_holder():
    voucher = make_voucher(transferable=True)
    claim(voucher, to_uid=GUEST_UID)
    with conflicting("voucher_changed"):
        claim(voucher, to_uid=OTHER_UID)


def test_claiming_what_one_holds_already_changes_nothing():
    voucher = make_voucher(holder_uid=OTHER_UID)
    with unchanged():
        assert claim(voucher).holder_uid == OTHER_UID


def test_a_booked_voucher_is_not_handed_on():
    booking = make_booking()
    with conflicting("voucher_booked"):
        claim(booking.voucher, from_uid=GUEST_UID)


def test_a_voucher_that_has_ended_is_not_handed_on():
    voucher = make_voucher()
    with conflicting("voucher_expired"):
        claim(voucher, now=END)


def test_nobody_is_not_a_guest_to_hand_a_voucher_to():
    voucher = make_voucher(holder_uid=GUEST_UID, transferable=True)
    with refused("holder_not_allowed"):
        claim(voucher, from_uid=GUEST_UID, to_uid="")


# Expiring


def test_the_sweep_stores_what_the_clock_has_ended_and_nothing_else():
    due, later = make_voucher(), make_voucher(valid_until=END + SECOND)
    consumed = make_voucher()
    redeem_voucher(voucher_id=consumed.pk, by=CLERK, now=NOW)
    assert expire_due(by=CLOCK, now=END - SECOND) == 0
    assert expire_due(by=CLOCK, now=END) == 1
    statuses = dict(Voucher.objects.values_list("pk", "status"))
    assert statuses == {due.pk: "expired", later.pk: "issued", consumed.pk: "consumed"}
    event = Event.objects.get(type="voucher.expire")
    assert (event.subject_id, event.actor_id) == (due.pk, "clock")
    assert event.meta["before"]["status"] == "issued"
    assert event.meta["after"]["status"] == "expired"


def test_the_sweep_leaves_a_booked_voucher_until_the_hotels_day_of_its_slot_ends():
    booking = make_booking(make_voucher(valid_until=NOW + timedelta(days=1, hours=1)))
    midnight = datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert expire_due(by=CLOCK, now=midnight - SECOND) == 0
    assert expire_due(by=CLOCK, now=midnight) == 1
    booking.refresh_from_db()
    assert (stored_voucher().status, booking.is_standing) == ("expired", True)


def test_a_booked_voucher_whose_validity_is_later_than_its_slot_lives_as_long_as_the_validity():
    make_booking()
    assert expire_due(by=CLOCK, now=END - SECOND) == 0
    assert expire_due(by=CLOCK, now=END) == 1


def test_the_sweep_goes_in_bounded_steps_and_is_done_when_nothing_is_left():
    make_vouchers(count=5)
    assert expire_due(by=HOTEL_SYSTEM, now=END, limit=2) == 2
    assert counters() == {"issued": 3, "consumed": 0, "cancelled": 0, "expired": 2}
    assert list(all_due(by=CLOCK, now=END)) == [3]
    assert counters() == {"issued": 0, "consumed": 0, "cancelled": 0, "expired": 5}
    with unchanged():
        assert list(all_due(by=CLOCK, now=END)) == []


def test_the_sweep_counts_in_every_batch_and_for_nobody_who_holds_a_voucher():
    make_vouchers(count=2)
    make_vouchers(count=3)
    make_voucher(holder_uid=GUEST_UID)
    make_booking(Voucher.objects.filter(holder_uid="").first())
    assert expire_due(by=CLOCK, now=END) == 6
    assert_batches_count_true()
    assert sum(Batch.objects.values_list("open_expired", flat=True)) == 4


@pytest.mark.parametrize("by", [GUEST, CLERK], ids=lambda by: by.kind)
def test_only_the_clock_and_the_operator_sweep(by):
    make_voucher()
    with refused("actor_not_allowed"):
        expire_due(by=by, now=END)


# Who comes second


def test_a_verb_finds_that_the_row_was_taken_meanwhile():
    voucher = make_voucher()
    as_read = Voucher.objects.get()
    withdraw_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    with conflicting("voucher_cancelled"):
        change_status("redeem", as_read, Status.CONSUMED, by=CLERK, now=NOW)
    assert as_read.status == Status.ISSUED


def test_a_verb_finds_that_the_holder_changed_meanwhile():
    voucher = make_voucher()
    as_read = Voucher.objects.get()
    claim(voucher)
    with conflicting("voucher_changed"):
        change_status("redeem", as_read, Status.CONSUMED, by=CLERK, now=NOW)


def test_a_verb_finds_that_the_clock_ended_the_row_meanwhile():
    voucher = make_voucher()
    Voucher.objects.update(valid_until=END - SECOND, expires_at=END - SECOND)
    with conflicting("voucher_expired"):
        change_status("redeem", voucher, Status.CONSUMED, by=CLERK, now=END - SECOND)


# One transaction


@pytest.mark.parametrize("verb", ["issue", "redeem", "undo", "transfer", "expire"])
def test_a_change_whose_event_cannot_be_written_does_not_happen(verb, monkeypatch):
    voucher, consumed = make_vouchers(count=2)
    redeem_voucher(voucher_id=consumed.pk, by=CLERK, now=NOW)
    monkeypatch.setattr(domain, "record", break_off)
    calls = {
        "issue": lambda: issue(),
        "redeem": lambda: redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW),
        "undo": lambda: undo_redemption(voucher_id=consumed.pk, by=CLERK, now=NOW),
        "transfer": lambda: claim(voucher),
        "expire": lambda: expire_due(by=CLOCK, now=END),
    }
    with unchanged(), pytest.raises(BrokenOffError):
        calls[verb]()


def redeem_and_break_off(voucher: Voucher) -> None:
    with transaction.atomic():
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
        assert Event.objects.filter(type="voucher.redeem").exists()
        break_off()


def test_an_event_is_undone_with_its_change():
    voucher = make_voucher()
    with unchanged(), pytest.raises(BrokenOffError):
        redeem_and_break_off(voucher)


def test_the_system_and_staff_act_for_the_hotel_and_no_others():
    acting = {by.kind for by in (GUEST, CLERK, HOTEL_SYSTEM, CLOCK) if by.acts_for_hotel}
    assert acting == {ActorKind.STAFF, ActorKind.SYSTEM}
