"""The database itself keeps places and vouchers from being taken twice, whoever writes."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings import guards
from bookings.guards import PLACES_TAKEN
from bookings.models import Booking, BookingStatus
from portal.ids import new_id
from tests.checks import unchanged, undone
from tests.make import NOW, make_booking, make_hotel, make_offer, make_voucher, make_vouchers
from vouchers.models import Offer, Voucher

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
START = NOW + timedelta(days=1)


def row(
    offer: Offer | None, start: datetime = START, length: timedelta = HOUR, **overrides: object
) -> Booking:
    """Return a booking that is not stored yet, with a voucher of its own."""
    voucher = overrides.pop("voucher", None) or raw_voucher(offer)
    fields = {
        "id": new_id("b", NOW),
        "voucher": voucher,
        "hotel_id": voucher.hotel_id,
        "offer": offer,
        "holder_uid": "guest",
        "slot_start": start,
        "slot_end": start + length,
        "created_at": NOW,
    }
    return Booking(**{**fields, **overrides})


def raw_voucher(offer: Offer | None) -> Voucher:
    fields = {"valid_from": NOW, "valid_until": NOW, "expires_at": NOW}
    voucher = Voucher(id=new_id("v", NOW), hotel=make_hotel(), offer=offer, created_at=NOW, **fields)
    voucher.valid_until = voucher.expires_at = NOW + timedelta(days=400)
    voucher.save(force_insert=True)
    return voucher


def cancelled(**overrides: object) -> dict[str, object]:
    return {"status": BookingStatus.CANCELLED, "cancelled_at": NOW, **overrides}


def assert_refused(write) -> None:
    with unchanged(), pytest.raises(IntegrityError, match=PLACES_TAKEN), transaction.atomic():
        write()


# Places


def test_a_raw_insert_beyond_the_places_is_refused():
    offer = make_offer(capacity=2)
    for _number in range(2):
        row(offer).save()
    third = row(offer)
    assert_refused(third.save)


def test_a_bulk_insert_beyond_the_places_is_refused_as_a_whole():
    offer = make_offer(capacity=2)
    rows = [row(offer) for _number in range(3)]
    assert_refused(lambda: Booking.objects.bulk_create(rows))
    Booking.objects.bulk_create(rows[:2])


def test_an_update_into_a_taken_time_is_refused():
    offer = make_offer()
    row(offer).save()
    other = row(offer, START + HOUR)
    other.save()
    moved = Booking.objects.filter(pk=other.pk)
    assert_refused(lambda: moved.update(slot_start=START + HOUR / 2, slot_end=START + 2 * HOUR))
    moved.update(slot_start=START + HOUR, slot_end=START + 3 * HOUR)


def test_an_update_of_many_rows_that_meet_each_other_is_refused():
    offer = make_offer()
    for number in range(3):
        row(offer, START + number * HOUR).save()
    everything = Booking.objects.all()
    assert_refused(lambda: everything.update(slot_start=START, slot_end=START + HOUR))


def test_a_cancelled_booking_takes_no_place_and_cannot_come_back_to_a_taken_one():
    offer = make_offer()
    gone = row(offer, **cancelled())
    gone.save()
    row(offer).save()
    revived = Booking.objects.filter(pk=gone.pk)
    assert_refused(lambda: revived.update(status=BookingStatus.BOOKED, cancelled_at=None))


def test_a_booking_cannot_be_given_to_an_offer_that_is_full():
    full, empty = make_offer(), make_offer()
    row(full).save()
    other = row(empty)
    other.save()
    assert_refused(lambda: Booking.objects.filter(pk=other.pk).update(offer=full))


def test_saving_a_booking_again_does_not_meet_itself():
    booking = row(make_offer())
    booking.save()
    booking.guest_note = "Late"
    booking.save()
    assert Booking.objects.get().guest_note == "Late"


def test_bookings_that_touch_do_not_meet():
    offer = make_offer()
    row(offer).save()
    row(offer, START - HOUR).save()
    row(offer, START + HOUR).save()
    assert Booking.objects.count() == 3


def test_a_microsecond_of_overlap_is_an_overlap():
    offer = make_offer()
    row(offer, START + timedelta(microseconds=500_000)).save()
    early = row(offer, START - HOUR + timedelta(microseconds=500_001))
    assert_refused(early.save)
    row(offer, START - HOUR + timedelta(microseconds=500_000)).save()


def test_a_service_of_a_whole_day_is_still_seen_at_its_last_minute():
    offer = make_offer()
    row(offer, START, timedelta(days=1)).save()
    last = row(offer, START + timedelta(hours=23, minutes=59), timedelta(minutes=5))
    assert_refused(last.save)


def test_a_service_of_an_offer_longer_than_a_day_is_not_stored():
    booking = row(make_offer(), START, timedelta(days=1, seconds=1))
    with unchanged(), pytest.raises(IntegrityError, match="fits_a_day"), transaction.atomic():
        booking.save()


def test_offers_keep_their_places_apart_and_no_offer_has_none_to_keep():
    for offer in (make_offer(), make_offer(), None, None):
        row(offer).save()
    assert Booking.objects.count() == 4


def test_a_lowered_capacity_keeps_what_is_booked_and_lets_nothing_more_in():
    offer = make_offer(capacity=3)
    for _number in range(2):
        row(offer).save()
    Offer.objects.update(capacity=1)
    more = row(offer)
    assert_refused(more.save)
    assert Booking.objects.standing().count() == 2


minutes = st.integers(0, 40).map(lambda number: number * QUARTER)
lengths = st.integers(1, 12).map(lambda number: number * QUARTER)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.lists(st.tuples(minutes, lengths), max_size=14))
def test_a_row_is_refused_exactly_when_some_minute_would_have_too_many(capacity, wanted):
    """The guard counts at the starts of bookings; this looks at every quarter of an hour."""
    with undone():
        offer = make_offer(capacity=capacity)
        held: list[tuple[datetime, datetime]] = []
        for offset, length in wanted:
            start, end = START + offset, START + offset + length
            quarters = [start + number * QUARTER for number in range(length // QUARTER)]
            peak = max(sum(begins <= moment < ends for begins, ends in held) for moment in quarters)
            booking = row(offer, start, length)
            try:
                with transaction.atomic():
                    booking.save()
            except IntegrityError:
                assert peak >= capacity
            else:
                assert peak < capacity
                held.append((start, end))


# One live booking per voucher


def test_a_second_live_booking_of_a_voucher_is_refused():
    voucher = raw_voucher(None)
    row(None, voucher=voucher).save()
    second = row(None, START + HOUR, voucher=voucher)
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        second.save()


def test_cancelled_bookings_of_a_voucher_are_as_many_as_there_were():
    voucher = raw_voucher(None)
    for number in range(3):
        row(None, START + number * HOUR, voucher=voucher, **cancelled()).save()
    row(None, voucher=voucher).save()
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        Booking.objects.update(status=BookingStatus.BOOKED, cancelled_at=None)


@pytest.mark.parametrize(
    "overrides",
    [
        {"slot_end": START},
        {"status": "lost"},
        {"holder_uid": ""},
        {"status": "cancelled"},
        {"cancelled_at": NOW},
    ],
    ids=str,
)
def test_rows_that_make_no_sense_are_not_stored(overrides):
    booking = row(None, **overrides)
    with unchanged(), pytest.raises(IntegrityError), transaction.atomic():
        booking.save()


# The guard stays


def is_guarded() -> bool:
    offer = make_offer()
    try:
        with transaction.atomic():
            row(offer).save()
            row(offer).save()
    except IntegrityError:
        return True
    return False


def rebuild_table() -> None:
    """Change a column and change it back: SQLite builds the table anew for that."""
    column = Booking._meta.get_field("guest_note")
    longer = models.CharField(max_length=600, blank=True)
    longer.set_attributes_from_name("guest_note")
    longer.model = Booking
    for before, after in ((column, longer), (longer, column)):
        with connection.schema_editor() as editor:
            editor.alter_field(Booking, before, after)


@pytest.mark.django_db(transaction=True)
def test_the_guard_is_back_after_a_migration_that_built_the_table_anew():
    assert is_guarded()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default", plan=[])
    assert is_guarded()
    if connection.vendor == "sqlite":
        # This is why the guard is lifted: SQLite builds no table anew that others' triggers name.
        with pytest.raises(DatabaseError, match="error in trigger"):
            rebuild_table()
    pending = SimpleNamespace(app_label="vouchers", name="0009_any", operations=[])
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default", plan=[(pending, False)])
    rebuild_table()
    if connection.vendor == "sqlite":
        assert not is_guarded()
        Booking.objects.all().delete()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert is_guarded()


def test_renewing_the_guard_again_and_again_does_no_harm():
    guards.install()
    guards.install()
    assert is_guarded()


def test_postgresql_plans_the_guard_once_for_each_connection():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps a trigger's plan with the statement")
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, proconfig FROM pg_proc WHERE proname LIKE 'bookings_guard%'")
        assert dict(cursor.fetchall()) == {
            guard.name: ["plan_cache_mode=force_generic_plan"] for guard in guards.GUARDS
        }


def test_a_database_without_the_table_needs_no_guard_yet(monkeypatch):
    empty = SimpleNamespace(introspection=SimpleNamespace(table_names=list))
    monkeypatch.setattr(guards, "connections", {"default": empty})
    guards.install()


def test_a_database_without_a_guard_is_refused_by_name(monkeypatch):
    tables = SimpleNamespace(table_names=lambda: ["bookings_booking", "bookings_hold"])
    monkeypatch.setattr(
        guards, "connections", {"default": SimpleNamespace(introspection=tables, vendor="oracle")}
    )
    with pytest.raises(DatabaseError, match="oracle"):
        guards.install()


def test_the_domain_meets_the_same_guard():
    offer = make_offer()
    first, second = make_vouchers(offer, 2)
    make_booking(first, start=START + 2 * HOUR)
    taken = row(offer, START + 2 * HOUR, voucher=second)
    assert_refused(taken.save)
    assert make_voucher(offer).status == "issued"
