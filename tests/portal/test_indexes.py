"""Every filter and order that portal, API and admin offer is served by an index, however many rows there are.

The pages are asked for where some thousands of rows lie, and each statement they ask is explained. On
PostgreSQL, reading a whole table is made dear: who has an index reads it then.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from bookings.domain import book_any
from bookings.models import Booking, Mail
from events.models import Event, JournalEnd
from presence.browser import remember_guest
from tests.api import Api
from tests.bench.admin import lists
from tests.bench.rows import moment, write
from tests.make import CLERK, make_hotel, make_offer
from tests.staff import page_of
from vouchers.models import Batch, Hotel, Voucher
from vouchers.states import Status
from vouchers.terms import Terms, terms_of

pytestmark = pytest.mark.django_db

# What grows with every voucher. Batches are read by their hundreds, and are not of these.
BIG = ("vouchers_voucher", "bookings_booking", "bookings_mail", "events_event")
HOTELS, VOUCHERS = 4, 250
KEY = "{0}-mm8w2680-{1:03d}{2:09d}"


def fill(number: int, hotel: Hotel) -> None:
    """Write many vouchers of a hotel, half of them booked, with their events and mails."""
    now = timezone.now()
    offer = make_offer(hotel, capacity=1000, id=f"o-{number}")
    terms = terms_of(offer, now=now - timedelta(days=1), valid_until=now + timedelta(days=60))
    promise = {name: getattr(terms, name) for name in Terms.__dataclass_fields__}
    batch = Batch.objects.create(
        id=KEY.format("vb", number, 0),
        hotel=hotel,
        offer=offer,
        created_at=now,
        open_issued=VOUCHERS // 2,
        **promise,
    )
    like = Voucher(
        hotel=hotel, offer=offer, batch=batch, created_at=now, expires_at=terms.valid_until, **promise
    )
    each = range(VOUCHERS)
    keys = [KEY.format("v", number, one) for one in each]
    holders = [f"thinker-{number:06d}{one:06d}" if one % 2 else "" for one in each]
    states = ["booked" if one % 2 else "issued" for one in each]
    write(like, ("id", "holder_uid", "status"), zip(keys, holders, states, strict=True))
    taken = [one for one in each if one % 2]
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    write(
        Booking(hotel=hotel, offer=offer, created_at=now),
        ("id", "voucher_id", "holder_uid", "guest_email", "slot_start", "slot_end"),
        (
            (
                KEY.format("b", number, one), keys[one], holders[one], f"g{one}.{number}@guest.example",
                moment(start + timedelta(hours=one)), moment(start + timedelta(hours=one + 1)),
            )
            for one in taken
        ),
    )  # fmt: skip
    Mail.objects.bulk_create(
        Mail(
            kind="booked", hotel=hotel, booking_id=KEY.format("b", number, one), guest_uid=holders[one],
            recipient=f"g{one}@guest.example", created_at=now, sent_at=now,
        )
        for one in taken
    )  # fmt: skip
    event = Event(
        type="voucher.issue",
        actor_id="staff:clerk",
        subject_type="voucher",
        issuer_uid=hotel.pk,
        created_at=now,
    )
    places = range(number * VOUCHERS, (number + 1) * VOUCHERS)
    ids = [KEY.format("e", number, one) for one in each]
    write(event, ("id", "subject_id", "position"), zip(ids, keys, places, strict=True))


@pytest.fixture
def filled(db: None) -> None:
    """Thousands of rows."""
    for number in range(HOTELS):
        fill(number, make_hotel(f"hotel-{number}"))
    JournalEnd.objects.update_or_create(pk=1, defaults={"position": HOTELS * VOUCHERS})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            # What is dear now would be compiled first, which takes a hundred times as long as asking it.
            cursor.execute("SET LOCAL jit = off")


def plan_of(sql: str, params: Any) -> str:
    words = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{words} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def scans(plan: str) -> list[str]:
    """Return which large tables are read whole; what stands under another name counts as large."""
    pattern = r"Seq Scan on (\w+)" if connection.vendor == "postgresql" else r"SCAN (\w+)$"
    found = re.findall(pattern, plan, re.MULTILINE)
    return [name for name in found if name in BIG or re.fullmatch(r"[A-Z]\d+", name)]


@contextmanager
def explained() -> Iterator[list[tuple[str, str]]]:
    """Gather the statements that read a large table whole, with their plans."""
    bad: list[tuple[str, str]] = []
    looking = False

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal looking
        if not looking and sql.lstrip().upper().startswith("SELECT") and any(name in sql for name in BIG):
            looking = True
            try:
                plan = plan_of(sql, params)
            finally:
                looking = False
            # A page of rows that are read in their order stops when it is full.
            is_page = "LIMIT" in sql and "TEMP B-TREE FOR ORDER BY" not in plan
            if scans(plan) and not is_page:
                bad.append((sql, plan))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield bad


def test_what_reads_a_table_whole_is_found(filled: None) -> None:
    with explained() as bad:
        list(Voucher.objects.filter(description="x").order_by())
        list(Voucher.objects.filter(pk="v-1"))
    assert len(bad) == 1
    assert "vouchers_voucher" in bad[0][0]


def test_every_filter_and_order_of_the_portal_has_an_index(filled: None) -> None:
    batch = Batch.objects.all()[0]
    booking = Booking.objects.all()[0]
    guest = Client()
    response = HttpResponse()
    remember_guest(response, booking.holder_uid)
    guest.cookies = response.cookies
    addresses = [
        *(f"/?status={status}" for status in ("", *Status)),
        *(f"/?sort={sort}" for sort in ("ending", "title", "newest")),
        f"/?hotel={batch.hotel_id}",
        f"/?service={batch.service_type}",
        "/?q=spa",
        f"/?voucher={batch.pk}",
        f"/?voucher={booking.voucher_id}",
        f"/booking/{booking.pk}/",
        f"/booking/{booking.pk}/move/",
        "/my/bookings/",
    ]
    with explained() as bad:
        for client in (Client(), guest):
            for address in addresses:
                assert client.get(address).status_code in (200, 404)
    assert bad == []


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL knows which values are common")
def test_the_next_voucher_of_a_batch_is_not_looked_for_among_all_that_nobody_holds(filled: None) -> None:
    batch = Batch.objects.all()[0]
    plans: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and "vouchers_voucher" in sql and "LIMIT 1" in sql:
            plans.append(plan_of(sql, params))
        return execute(sql, params, many, context)

    start = (timezone.now() + timedelta(days=3)).replace(hour=10, minute=0, second=0, microsecond=0)
    with connection.execute_wrapper(look):
        book_any(batch_id=batch.pk, start=start, holder_uid="thinker-new", by=CLERK, now=timezone.now())
    assert plans
    assert all("INDEX vouchers_open_of_batch" in plan for plan in plans)


def test_every_filter_of_the_api_has_an_index(filled: None) -> None:
    booking = Booking.objects.all()[0]
    api = Api(hotel=booking.hotel)
    asked: list[tuple[str, dict[str, Any]]] = [
        *(("voucher/list", {"status": status.value}) for status in Status),
        ("voucher/list", {"holder_uid": booking.holder_uid}),
        ("voucher/list", {"service_type": "hotel.spa", "cursor": booking.voucher_id}),
        ("voucher/list", {"offer": booking.offer_id}),
        ("voucher/list", {"valid_on": f"{booking.slot_start:%Y-%m-%d}"}),
        ("voucher/bookings", {}),
        ("voucher/bookings", {"holder_uid": booking.holder_uid}),
        ("voucher/bookings", {"voucher_id": booking.voucher_id}),
        ("voucher/bookings", {"status": "booked", "cursor": booking.pk}),
        ("voucher/bookings", {"from": "2026-03-01T00:00:00Z"}),
        ("events", {}),
        ("events", {"type": "voucher.issue"}),
        ("events", {"subject_id": booking.voucher_id}),
        (f"voucher/{booking.voucher_id}", {}),
        ("slots/available", {"voucher_id": booking.voucher_id}),
        ("slots/calendar", {"voucher_id": booking.voucher_id, "month": "2026-04"}),
        ("presence/online", {}),
    ]
    with explained() as bad:
        for path, query in asked:
            assert api.get(path, **query).status_code == 200, (path, query)
    assert bad == []


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only PostgreSQL has the orders of staff's lists"
)
@pytest.mark.parametrize("model", [Voucher, Booking, Event, Mail])
def test_every_filter_and_order_of_the_admin_has_an_index(model: type[Any], filled: None) -> None:
    user = User.objects.create_superuser("root")
    model_admin = admin.site._registry[model]

    def request_of(address: str) -> HttpRequest:
        request: HttpRequest = RequestFactory().get(address)
        request.user = user
        return request

    addresses = dict.fromkeys(lists(request_of("/"), model_admin, page_of(model)))
    assert len(addresses) > 20
    with explained() as bad:
        for address in addresses:
            list(model_admin.get_changelist_instance(request_of(address)).result_list)
    assert bad == []
