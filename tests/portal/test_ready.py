"""Statements that are written out once: they do what the ORM's do."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from bookings.domain import book_slot
from bookings.models import Booking, Hold, Mail
from portal.ready import Given, Ready, as_stored, increase, insert, insert_if, insert_many, update
from portal.rows import as_moment
from tests.make import HOTEL_SYSTEM, NOW, make_hotel, make_offer, make_voucher, make_vouchers
from vouchers.models import Batch, Offer, Voucher
from vouchers.states import Status

pytestmark = pytest.mark.django_db

BY_STATUS = Ready(
    lambda: (
        Voucher.objects.select_related("hotel", "offer")
        .shown_as(Status.ISSUED, Given("now"))  # type: ignore[arg-type]
        .filter(holder_uid=Given("holder"))
        .order_by("pk")
    )
)


def test_a_ready_query_finds_what_its_queryset_finds_with_other_values_each_time() -> None:
    hotel = make_hotel()
    offer = make_offer(hotel)
    plain = make_voucher(holder_uid="ann", hotel=hotel)
    offered = make_voucher(offer, holder_uid="bob")
    late = plain.expires_at + timedelta(seconds=1)
    assert [row.pk for row in BY_STATUS.all(now=NOW, holder="ann")] == [plain.pk]
    assert [row.pk for row in BY_STATUS.all(now=NOW, holder="bob")] == [offered.pk]
    assert BY_STATUS.all(now=late, holder="ann") == []
    assert BY_STATUS.first(now=NOW, holder="carl") is None
    with pytest.raises(Voucher.DoesNotExist):
        BY_STATUS.get(now=NOW, holder="carl")


def test_its_rows_are_objects_as_the_orm_makes_them(django_assert_num_queries: Any) -> None:
    hotel = make_hotel()
    made = make_voucher(make_offer(hotel), holder_uid="ann")
    Voucher.objects.update(terms={"a": [1, "ü"]}, price_amount="12.50")
    with django_assert_num_queries(1):
        row = BY_STATUS.get(now=NOW, holder="ann")
        assert (row.hotel, row.offer) == (hotel, made.offer)
    stored = Voucher.objects.get(pk=made.pk)
    for field in Voucher._meta.concrete_fields:
        assert getattr(row, field.attname) == getattr(stored, field.attname)
    assert row._state.adding is False
    plain = make_voucher(holder_uid="bob", hotel=hotel)
    assert BY_STATUS.get(now=NOW, holder=plain.holder_uid).offer is None


def test_a_value_is_a_value_whatever_it_looks_like() -> None:
    make_voucher(holder_uid="ann")
    for holder in ("' OR ''='", "%s", "{now}", "ann'--", "\\"):
        assert BY_STATUS.all(now=NOW, holder=holder) == []


def test_words_of_the_code_stand_in_the_statement_and_values_do_not() -> None:
    told: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        told.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        BY_STATUS.all(now=NOW, holder="issued")
    sql, values = told[0]
    assert "'issued'" in sql
    assert "issued" in values


def test_inserting_is_saving() -> None:
    hotel = make_hotel()
    offer = make_offer(hotel)
    hold = Hold(
        id="h-1", kind="form", guest_uid="ann", offer=offer, taken_at=NOW, slot_start=NOW,
        slot_end=NOW + timedelta(hours=1), expires_at=NOW + timedelta(minutes=5),
    )  # fmt: skip
    insert(hold)
    again = Hold.objects.get()
    assert [getattr(hold, field.attname) for field in Hold._meta.concrete_fields] == [
        getattr(again, field.attname) for field in Hold._meta.concrete_fields
    ]
    mail = Mail(kind="offer", hotel=hotel, guest_uid="ann", facts={"day": "é", "n": [1]}, created_at=NOW)
    insert(mail)
    stored = Mail.objects.get(pk=mail.pk)
    assert (stored.facts, stored.created_at, stored.booking_id) == ({"day": "é", "n": [1]}, NOW, None)
    # A row that is there is saved again, not inserted.
    mail.attempts = 3
    mail.save()
    assert Mail.objects.get().attempts == 3


def test_many_rows_are_inserted_as_one_by_one() -> None:
    offer = make_offer()
    holds = [
        Hold(
            id=f"h-{number}", kind="form", guest_uid=f"g{number}", offer=offer, taken_at=NOW,
            expires_at=NOW + timedelta(minutes=5),
            slot_start=NOW + timedelta(hours=number), slot_end=NOW + timedelta(hours=number + 1),
        )
        for number in range(3)
    ]  # fmt: skip
    insert_many(holds)
    names = [field.attname for field in Hold._meta.concrete_fields]
    for hold, stored in zip(holds, Hold.objects.order_by("pk"), strict=True):
        assert [getattr(hold, name) for name in names] == [getattr(stored, name) for name in names]
    # A row that is there is saved again, not inserted.
    holds[0].guest_uid = "ben"
    holds[0].save()
    assert sorted(Hold.objects.values_list("guest_uid", flat=True)) == ["ben", "g1", "g2"]
    insert_many([])


def test_a_row_is_inserted_only_if_its_condition_holds() -> None:
    def mail(number: int) -> Mail:
        facts = {"n": number}
        return Mail(kind="offer", hotel=hotel, recipient="a@guest.example", facts=facts, created_at=NOW)

    hotel = make_hotel()
    few = "(SELECT COUNT(*) FROM bookings_mail WHERE created_at >= %s) < %s"
    first, second, third = (mail(number) for number in range(3))
    assert insert_if(first, few, [NOW, 2]) is True
    assert insert_if(second, few, [NOW, 2]) is True
    assert insert_if(third, few, [NOW, 2]) is False
    assert third.pk is None
    assert [(row.pk, row.facts, row.created_at) for row in Mail.objects.order_by("pk")] == [
        (first.pk, {"n": 0}, NOW),
        (second.pk, {"n": 1}, NOW),
    ]
    # A row that is there is saved again; one that is not can still be.
    for row in (first, third):
        row.attempts = 3
        row.save()
    assert sorted(Mail.objects.values_list("attempts", flat=True)) == [0, 3, 3]


def test_what_the_clock_sets_when_a_row_is_added_is_set() -> None:
    offer = Offer(id="o-1", hotel=make_hotel(), title="Spa")
    insert(offer)
    assert Offer.objects.get().created_at == offer.created_at


def test_updating_changes_the_rows_that_are_as_named_and_tells_how_many() -> None:
    voucher = make_voucher(holder_uid="ann")
    later = voucher.expires_at + timedelta(days=1)
    as_read: dict[str, Any] = {"id": voucher.pk, "status": "issued", "holder_uid": "ann"}
    assert update(Voucher, {"expires_at": later}, **{**as_read, "status": "booked"}) == 0
    assert update(Voucher, {"expires_at": later}, **as_read, expires_at__gt=voucher.expires_at) == 0
    assert Voucher.objects.get().expires_at == voucher.expires_at
    assert update(Voucher, {"expires_at": later, "redeemed_at": None}, **as_read, expires_at__gt=NOW) == 1
    assert Voucher.objects.get().expires_at == later


def test_increasing_adds_to_what_is_stored() -> None:
    batch = make_voucher().batch
    assert batch is not None
    Batch.objects.update(open_issued=F("open_issued") + 5)
    assert increase(Batch, {"open_issued": -2, "open_consumed": 1}, id=batch.pk) == 1
    again = Batch.objects.get()
    assert (again.open_issued, again.open_consumed) == (batch.open_issued + 3, batch.open_consumed + 1)


def test_rows_as_stored_say_the_same_as_objects() -> None:
    voucher = make_voucher(holder_uid="ann")
    rows = as_stored(Voucher.objects.values_list("id", "valid_from", "holder_uid"))
    assert [(key, as_moment(moment), holder) for key, moment, holder in rows] == [
        (voucher.pk, voucher.valid_from, "ann")
    ]
    assert as_stored(Voucher.objects.none().values_list("id")) == []


def test_a_booking_takes_few_statements(django_assert_num_queries: Any) -> None:
    hotel = make_hotel()
    offer = make_offer(hotel, capacity=5)
    start = NOW + timedelta(days=1, hours=4)
    for number, voucher in enumerate(make_vouchers(offer, count=2)):
        # The voucher, its calendar, two of the savepoint, voucher, batch, booking, holds, event.
        with django_assert_num_queries(9):
            book_slot(voucher_id=voucher.pk, start=start, holder_uid=f"g{number}", by=HOTEL_SYSTEM, now=NOW)
    assert Booking.objects.count() == 2
