"""The earlier JavaScript system's calls, translated: names and shapes only, the same rules behind them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI

from access.authentication import HEADER, KeyAuth
from access.idempotency import answered_once
from bookings.domain import book_slot, cancel_booking
from bookings.records import bookings_of, find_booking, free_slots, live_booking
from legacy.presence_api import router as presence_router
from legacy.shapes import (
    Fields,
    body_of,
    booking_shape,
    parse_slot,
    slot_shape,
    to_millisecond,
    voucher_shape,
)
from portal.answers import answer
from portal.api_errors import handle_errors
from portal.callers import Caller, Scope, caller_of
from portal.errors import NotFound, Rejected
from vouchers.domain import issue_vouchers
from vouchers.imports import hotel_of_issuer
from vouchers.models import Hotel
from vouchers.records import find_hotel, find_voucher, page_of, vouchers_of
from vouchers.states import Status
from vouchers.terms import Terms
from vouchers.validators import is_storable

# The earlier system answered with everything it had; this many of the newest, and the next on request.
MOST_ITEMS = 1000
MOST_DAYS = 366

api = NinjaAPI(
    urls_namespace="legacy",
    docs_url=None,
    openapi_url=None,
    auth=KeyAuth(),
)
handle_errors(api)
api.add_decorator(answered_once, mode="operation")
api.add_router("/presence", presence_router)


@api.post("/voucher/issue")
def issue(request: HttpRequest) -> HttpResponse:
    """Issue a voucher; the id and the status are the server's to choose."""
    caller = caller_of(request, Scope.WRITE_VOUCHERS)
    fields = body_of(request)
    now = timezone.now()
    issuer_uid = fields.needed("issuerUid")
    caller.issuer(issuer_uid)
    # Times of the earlier system have milliseconds, and slots are counted from the first one.
    default = to_millisecond(now)
    amount, currency = fields.price("price", "EUR")
    terms = Terms(
        title=fields.text("title", "Unbenannter Service"),
        service_type=fields.text("serviceType", "generic.service"),
        description=fields.text("description"),
        duration_minutes=fields.whole("durationMinutes", 60),
        valid_from=fields.time("validFrom", default),
        valid_until=fields.time("validUntil", default),
        price_amount=amount,
        price_currency=currency,
        transferable=fields.flag("transferable"),
        terms=fields.mapping("terms"),
    )
    holder_uid = fields.text("holderUid")
    with transaction.atomic():
        hotel = _issuing_hotel(caller, issuer_uid, now)
        (voucher,) = issue_vouchers(hotel=hotel, terms=terms, holder_uid=holder_uid, by=caller.by, now=now)
    return answer({"voucher": voucher_shape(voucher, now)})


def _issuing_hotel(caller: Caller, issuer_uid: str, now: datetime) -> Hotel:
    """Return the issuer's hotel; a platform key's first issue for an issuer makes it."""
    if caller.is_platform:
        return hotel_of_issuer(issuer_uid, by=caller.by, now=now)
    return find_hotel(issuer_uid)


@api.get("/voucher/list")
def list_vouchers(request: HttpRequest) -> HttpResponse:
    """List vouchers, newest first."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    query = Fields(request.GET.dict())
    now = timezone.now()
    rows = vouchers_of(caller.issuer(query.text("issuerUid")))
    holder_uid, status = query.text("holderUid"), query.text("status")
    if holder_uid:
        rows = rows.filter(holder_uid=holder_uid) if is_storable(holder_uid) else rows.none()
    if status:
        rows = rows.shown_as(status, now) if status in Status.values else rows.none()
    vouchers, cursor = page_of(rows, MOST_ITEMS, query.text("cursor"))
    return _items([voucher_shape(voucher, now) for voucher in vouchers], cursor)


def _items(items: list[dict[str, Any]], cursor: str | None) -> HttpResponse:
    return answer({"items": items, **({"nextCursor": cursor} if cursor else {})})


@api.get("/slots/available")
def available(request: HttpRequest) -> HttpResponse:
    """List the slots that a voucher can be booked on; at most a year of them."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    voucher = find_voucher(Fields(request.GET.dict()).needed("voucherId"), caller.issuer())
    found = free_slots(voucher, None, None, now=timezone.now(), days=MOST_DAYS)
    return _items([slot_shape(voucher.pk, slot) for slot in found], None)


@api.post("/voucher/book")
def book(request: HttpRequest) -> HttpResponse:
    """Book a slot on behalf of a holder."""
    caller = caller_of(request, Scope.WRITE_BOOKINGS)
    fields = body_of(request)
    now = timezone.now()
    voucher_id, slot, holder_uid = (fields.needed(name) for name in ("voucherId", "slotId", "holderUid"))
    start = parse_slot(slot)
    voucher = find_voucher(voucher_id, caller.issuer())
    booking = book_slot(voucher_id=voucher.pk, start=start, holder_uid=holder_uid, by=caller.by, now=now)
    return answer({"booking": booking_shape(booking), "voucher": voucher_shape(booking.voucher, now)})


@api.post("/voucher/cancel")
def cancel(request: HttpRequest) -> HttpResponse:
    """Cancel a booking, by its id or its voucher's."""
    caller = caller_of(request, Scope.WRITE_BOOKINGS)
    fields = body_of(request)
    now = timezone.now()
    booking_id, voucher_id = fields.text("bookingId"), fields.text("voucherId")
    if booking_id:
        found = find_booking(booking_id, caller.issuer())
        if voucher_id not in ("", found.voucher_id):
            raise Rejected("booking_mismatched", _("This booking is not of that voucher."))
    else:
        live = live_booking(find_voucher(fields.needed("voucherId"), caller.issuer()), now)
        if live is None:
            raise NotFound("booking_not_found", _("This voucher has no booking."))
        found = live
    booking = cancel_booking(booking_id=found.pk, by=caller.by, now=now, reason=fields.text("reason"))
    return answer({"booking": booking_shape(booking), "voucher": voucher_shape(booking.voucher, now)})


@api.get("/voucher/bookings")
def list_bookings(request: HttpRequest) -> HttpResponse:
    """List bookings, newest first."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    query = Fields(request.GET.dict())
    rows = bookings_of(caller.issuer(query.text("issuerUid")))
    for name, column in (("holderUid", "holder_uid"), ("voucherId", "voucher")):
        value = query.text(name)
        if value:
            rows = rows.filter(**{column: value}) if is_storable(value) else rows.none()
    bookings, cursor = page_of(rows, MOST_ITEMS, query.text("cursor"))
    return _items([booking_shape(booking) for booking in bookings], cursor)


@api.get("/presence/catalog/apis", auth=None)
def catalogue(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the name that ninja knows
    """List the APIs that there are here: this server's own."""
    docs = settings.PUBLIC_URL + reverse("api:openapi-view")
    common = {"category": "vouchers", "auth_type": f"header {HEADER}", "doc_url": docs}
    example = {"voucher_id": "v-…", "slot_id": "slot-2026-12-05T10:00:00Z", "holder_uid": "…"}
    old_example = {"voucherId": "v-…", "slotId": "slot-2026-12-05T10:00:00.000Z", "holderUid": "…"}
    items = [
        {
            "id": "vouchers",
            "name": "Vouchers, slots and bookings",
            "base_url": f"{settings.PUBLIC_URL}/api",
            "example_payload": example,
            **common,
        },
        {
            "id": "vouchers-legacy",
            "name": "Vouchers, slots and bookings in the earlier system's shapes",
            "base_url": f"{settings.PUBLIC_URL}/legacy/api",
            "example_payload": old_example,
            **common,
        },
        {
            "id": "presence",
            "name": "Presence: who is here, and rooms for those who share a pair code",
            "category": "presence",
            "base_url": f"{settings.PUBLIC_URL}/api/presence",
            "auth_type": "session cookie, given by verify",
            "doc_url": docs,
            "example_payload": {"thinker_id": "thinker-…", "pair_code": "…"},
        },
    ]
    return answer({"items": items})


@api.post("/telemetry", auth=None)
def telemetry(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the name that ninja knows
    """Thank for what nobody has consented to, and keep nothing of it."""
    return answer({})
