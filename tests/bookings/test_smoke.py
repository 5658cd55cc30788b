from datetime import timedelta
import pytest
from bookings.domain import *
from portal.errors import Rejected
from tests.make import *

@pytest.mark.django_db
def test_all():
    o = make_offer(capacity=2, duration_minutes=90)
    vs = make_vouchers(o, 4)
    s = NOW + timedelta(hours=3)
    b = make_booking(vs[0], start=s, email="a@b.example", name="Ann", by=GUEST)
    make_booking(vs[1], start=s+timedelta(hours=1), holder_uid="x")
    with pytest.raises(Rejected) as e: make_booking(vs[2], start=s, holder_uid="y")
    assert e.value.code == "slot_taken"
    move_booking(booking_id=b.pk, start=s+timedelta(hours=3), by=GUEST, now=NOW)
    make_booking(vs[2], start=s, holder_uid="y")
    cancel_booking(booking_id=b.pk, by=GUEST, now=NOW)
    assert Voucher.objects.get(pk=vs[0].pk).holder_uid == ""
