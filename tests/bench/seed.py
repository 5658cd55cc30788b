"""Fill a benchmark's database: the demo, many vouchers, and one offer with room for everyone.

Prints as JSON what the load needs to know. Vouchers and bookings are written in bulk, not by the
domain: a million of them would take hours. The guard of places holds all the same.
"""

import json
import sys
from datetime import UTC, datetime, time, timedelta
from typing import Any

import django
from django.db import connection, transaction
from django.utils import timezone

django.setup()

# ruff: noqa: E402 - models can be imported only now
from bookings.models import Booking
from bookings.slot_ids import slot_id
from portal import demo
from portal.ids import new_id
from vouchers.models import Batch, Offer, OpeningHours, Voucher
from vouchers.states import Status
from vouchers.terms import Terms, terms_of

PER_BATCH = 500


def main(vouchers: int) -> dict[str, Any]:
    """Seed and return the addresses' ingredients."""
    now = timezone.now()
    with transaction.atomic():
        for _step in demo.make_demo(now):
            pass
    offers = list(Offer.objects.select_related("hotel"))
    for number in range(0, vouchers, PER_BATCH):
        offer = offers[(number // PER_BATCH) % len(offers)]
        until = now + timedelta(days=40 + number // PER_BATCH % 300)
        terms = terms_of(offer, now=now - timedelta(days=1), valid_until=until)
        with transaction.atomic():
            _batch(offer, terms, now, PER_BATCH, booked=PER_BATCH // 5, before=number // 5)
    busy = _roomy(offers[0], "Busy hour", capacity=5, now=now)
    _fill(busy, now)
    room = _roomy(offers[0], "Roomy hour", capacity=1000, now=now)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    day = (now + timedelta(days=5)).date()
    starts = [
        datetime.combine(day + timedelta(days=ahead), time(hour), tzinfo=UTC)
        for ahead in range(20)
        for hour in range(8, 18)
    ]
    return {
        "busy": busy.pk,
        "room": room.pk,
        "month": (now + timedelta(days=20)).strftime("%Y-%m"),
        "day": day.isoformat(),
        "slots": [slot_id(start) for start in starts],
    }


def _batch(offer: Offer, terms: Terms, now: datetime, count: int, booked: int = 0, before: int = 0) -> Batch:
    fields = {name: getattr(terms, name) for name in Terms.__dataclass_fields__}
    promise = {**fields, "hotel": offer.hotel, "offer": offer, "created_at": now}
    batch = Batch.objects.create(id=new_id("vb", now), open_issued=count - booked, **promise)
    vouchers = [
        Voucher(
            id=new_id("v", now),
            batch=batch,
            expires_at=terms.valid_until,
            holder_uid=f"thinker-{number:012x}" if number < booked else "",
            status=Status.BOOKED if number < booked else Status.ISSUED,
            **promise,
        )
        for number in range(count)
    ]
    Voucher.objects.bulk_create(vouchers, batch_size=200)
    # Bookings of long ago, one after the other: places were never taken twice.
    start = now - timedelta(days=400, hours=2 * before)
    Booking.objects.bulk_create(
        [
            Booking(
                id=new_id("b", now),
                voucher=voucher,
                hotel=offer.hotel,
                offer=offer,
                holder_uid=voucher.holder_uid,
                slot_start=start - timedelta(hours=2 * number),
                slot_end=start - timedelta(hours=2 * number - 1),
                created_at=now,
            )
            for number, voucher in enumerate(vouchers[:booked])
        ],
        batch_size=200,
    )
    return batch


def _roomy(like: Offer, title: str, *, capacity: int, now: datetime) -> Batch:
    offer = Offer.objects.create(
        id=new_id("o", now), hotel=like.hotel, title=title, capacity=capacity, max_per_guest=1000
    )
    for weekday in range(7):
        OpeningHours.objects.create(offer=offer, weekday=weekday, opens=time(8), closes=time(20))
    terms = terms_of(offer, now=now, valid_until=now + timedelta(days=90))
    return _batch(offer, terms, now, 20_000)


def _fill(batch: Batch, now: datetime) -> None:
    """Book two of five places of every hour for two months."""
    vouchers = list(batch.vouchers.all()[:1500])
    begin = now.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    bookings = []
    for number, voucher in enumerate(vouchers):
        start = begin + timedelta(days=number // 24, hours=number % 24 // 2)
        bookings.append(
            Booking(
                id=new_id("b", now),
                voucher=voucher,
                hotel=batch.hotel,
                offer=batch.offer,
                holder_uid=f"thinker-{number:012x}",
                slot_start=start,
                slot_end=start + timedelta(hours=1),
                created_at=now,
            )
        )
    Booking.objects.bulk_create(bookings, batch_size=200)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
