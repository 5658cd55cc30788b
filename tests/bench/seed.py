"""Fill a benchmark's database: the demo, many vouchers, and the offers that the load works on.

Prints as JSON what the load needs to know. What there are many of is written in bulk, not by the
domain: a million of them would take hours. Constraints and the guard of places hold all the same.

So many vouchers as are asked for lie in batches of 500, of which a fifth is booked; each has its event of
issue. Beside them always stand an offer with a busy month, one that is open day and night, and a pool
of vouchers that are booked, moved and cancelled.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import django
from django.db import connection, transaction
from django.utils import timezone

django.setup()

# ruff: noqa: E402 - models can be imported only now
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from access.domain import create_key
from bookings.models import Booking
from bookings.slot_ids import slot_id
from events.models import Event
from portal import demo
from portal.actors import system
from portal.callers import Scope
from portal.ids import base36, new_id
from presence.browser import COOKIE, remember_guest
from tests.bench.rows import moment, write
from vouchers.models import Batch, Offer, OpeningHours, Voucher
from vouchers.states import Status
from vouchers.terms import terms_of

PER_BATCH = 500
# Offers whose vouchers writes work on: several, as hotels have, so that not all wait for one row.
POOLS, PER_POOL = 8, 300
GUESTS = 200


def main(vouchers: int) -> dict[str, Any]:
    """Seed and return the addresses' ingredients."""
    now = timezone.now()
    if connection.vendor == "sqlite":
        # Nobody needs this file after a power cut.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -200000")
    with transaction.atomic():
        for _step in demo.make_demo(now):
            pass
    offers = list(Offer.objects.select_related("hotel").order_by("pk"))
    with transaction.atomic():
        for number in range(0, vouchers, PER_BATCH):
            _batch(offers[number // PER_BATCH % len(offers)], number, now)
    like = next(offer for offer in offers if offer.hotel_id == "hotel-keizershof")
    busy = _offered(like, "Busy hour", now=now, capacity=5, count=800)
    _fill_month(busy, now, range(8, 20))
    whole = _offered(like, "Day and night", now=now, capacity=5, count=800, opens=time(0), closes=time(0))
    _fill_month(whole, now, range(0, 24, 2))
    pools = [
        _offered(like, f"Roomy hour {number}", now=now, capacity=1000, count=PER_POOL)
        for number in range(POOLS)
    ]
    _key, secret = create_key(name="bench", hotel=like.hotel, scopes=list(Scope), by=system("bench"), now=now)
    staff = Client()
    staff.force_login(User.objects.create_superuser("bench", password=None))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    else:
        # As the worker does, once an hour.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    day = (now + timedelta(days=5)).date()
    starts = [
        datetime.combine(day + timedelta(days=ahead), time(hour), tzinfo=UTC)
        for ahead in range(20)
        for hour in range(8, 18)
    ]
    return {
        "engine": connection.vendor,
        "busy": busy.pk,
        "hotel": like.hotel.pk,
        "service": like.service_type,
        "word": like.title.split()[0],
        "month": (now + timedelta(days=20)).strftime("%Y-%m"),
        "day": day.isoformat(),
        "slots": [slot_id(start) for start in starts],
        "whole": whole.vouchers.filter(status=Status.ISSUED).values_list("pk", flat=True)[0],
        "rooms": [pool.pk for pool in pools],
        "offers": [pool.offer_id for pool in pools],
        # Those of different offers in turn.
        "pool": [
            key
            for keys in zip(*(pool.vouchers.values_list("pk", flat=True) for pool in pools), strict=True)
            for key in keys
        ],
        "key": secret,
        "session": staff.cookies["sessionid"].value,
        "guests": [_guest(number) for number in range(GUESTS)],
    }


def _guest(number: int) -> dict[str, str]:
    uid = f"thinker-{number:012x}"
    response = HttpResponse()
    remember_guest(response, uid)
    return {"uid": uid, "cookie": response.cookies[COOKIE].value, "code": f"PARTY-{number // 2:06d}"}


def _ids(prefix: str, now: datetime, count: int, salt: str) -> list[str]:
    """Return ids of one moment; telling them apart by number is quicker than by chance."""
    stem = f"{prefix}-{base36(int(now.timestamp() * 1000))}-{salt.rjust(8, '0')}"
    return [f"{stem}{number:04d}" for number in range(count)]


def _batch(offer: Offer, before: int, now: datetime) -> None:
    """Write a batch of an offer, a fifth of it booked, long ago and never twice at one time."""
    until = now + timedelta(days=40 + before // PER_BATCH % 300)
    booked = PER_BATCH // 5
    batch = _issue(offer, PER_BATCH, now, until, salt=base36(before // PER_BATCH), booked=booked)
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=400, hours=2 * (before // 5))
    slots = [start - timedelta(hours=2 * number) for number in range(booked)]
    _book(batch, slots, now)


def _issue(offer: Offer, count: int, now: datetime, until: datetime, *, salt: str, booked: int = 0) -> Batch:
    terms = terms_of(offer, now=now - timedelta(days=1), valid_until=until)
    fields = {name: getattr(terms, name) for name in terms.__dataclass_fields__}
    promise = {**fields, "hotel": offer.hotel, "offer": offer, "created_at": now}
    batch = Batch.objects.create(id=new_id("vb", now), open_issued=count - booked, **promise)
    ids = _ids("v", now, count, salt)
    write(
        Voucher(batch=batch, expires_at=until, **promise),
        ("id", "status", "holder_uid"),
        (
            (key, Status.BOOKED.value, _holder(number)) if number < booked else (key, Status.ISSUED.value, "")
            for number, key in enumerate(ids)
        ),
    )
    event = Event(
        type="voucher.issue",
        actor_id="staff:clerk",
        subject_type="voucher",
        issuer_uid=offer.hotel_id,
        meta={"offer_id": offer.pk, "before": {}, "after": {"status": "issued", "holder_uid": ""}},
        created_at=now,
    )
    write(event, ("id", "subject_id"), zip(_ids("e", now, count, salt), ids, strict=True))
    return batch


def _holder(number: int) -> str:
    return f"thinker-{0xABC000000000 + number:012x}"


def _book(batch: Batch, slots: Sequence[datetime], now: datetime) -> None:
    """Write bookings of the first vouchers of a batch."""
    vouchers = list(batch.vouchers.order_by("pk").values_list("pk", flat=True)[: len(slots)])
    like = Booking(hotel=batch.hotel, offer=batch.offer, created_at=now, voucher_was_open=True)

    def rows() -> Iterator[tuple[Any, ...]]:
        for number, (key, start) in enumerate(zip(vouchers, slots, strict=True)):
            end = start + timedelta(minutes=batch.duration_minutes)
            yield f"b-{key[2:]}", key, _holder(number), moment(start), moment(end)

    write(like, ("id", "voucher_id", "holder_uid", "slot_start", "slot_end"), rows())


def _offered(
    like: Offer,
    title: str,
    *,
    now: datetime,
    capacity: int,
    count: int,
    opens: time = time(8),
    closes: time = time(20),
) -> Batch:
    """Make an offer, and a batch of it that is good for 90 days."""
    offer = Offer.objects.create(
        id=new_id("o", now), hotel=like.hotel, title=title, capacity=capacity, max_per_guest=1000
    )
    for weekday in range(7):
        OpeningHours.objects.create(offer=offer, weekday=weekday, opens=opens, closes=closes)
    salt = title.replace(" ", "").lower()
    return _issue(offer, count, now, now + timedelta(days=90), salt=f"{salt[:4]}{salt[-2:]}")


def _fill_month(batch: Batch, now: datetime, hours: Sequence[int]) -> None:
    """Book two of five places at some hours of each day, for a month."""
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    slots = [
        begin + timedelta(days=day, hours=hour) for day in range(31) for hour in hours for _place in range(2)
    ]
    _book(batch, slots, now)
    taken = batch.vouchers.order_by("pk").values_list("pk", flat=True)[: len(slots)]
    for number, key in enumerate(list(taken)):
        Voucher.objects.filter(pk=key).update(status=Status.BOOKED, holder_uid=_holder(number))
    Batch.objects.filter(pk=batch.pk).update(open_issued=batch.open_issued - len(slots))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
