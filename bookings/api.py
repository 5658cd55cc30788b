"""Bookings and slots over the JSON API."""

from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Body, Query, Router
from orjson import Fragment

from bookings.codes import read_voucher_code
from bookings.domain import GuestDetails, book_with, cancel_booking, move_booking, withdraw_voucher
from bookings.models import Booking
from bookings.online import OnlineGuest, guests_online
from bookings.records import (
    booking_facts,
    booking_page,
    find_booking,
    free_slots,
    live_booking,
    month_days,
    not_a_slot,
    slots_text,
)
from bookings.schemas import (
    BOOKED_EXAMPLE,
    BOOKING_EXAMPLE,
    ONLINE_EXAMPLE,
    SLOT_EXAMPLE,
    Book,
    BookingAnswer,
    BookingList,
    BookingQuery,
    CalendarAnswer,
    CalendarQuery,
    Cancel,
    Move,
    OnlineList,
    Redeem,
    SlotList,
    SlotQuery,
    VoucherWithBooking,
    Withdraw,
)
from bookings.slot_ids import parse_slot_id
from portal.answers import answer
from portal.callers import Caller, Scope, caller_of
from portal.errors import NotFound, Rejected
from portal.freshness import unless_changed
from portal.replica import from_replica
from portal.schemas import Id, operation
from vouchers.domain import redeem_voucher
from vouchers.models import Hotel
from vouchers.records import find_voucher, voucher_facts
from vouchers.schemas import VOUCHER_EXAMPLE, VoucherAnswer

router = Router(tags=["bookings"])
slots_router = Router(tags=["slots"])
online_router = Router(tags=["presence"])

_STATES = ("voucher_booked", "voucher_consumed", "voucher_cancelled", "voucher_expired", "voucher_changed")
_SLOT = ("slot_id_invalid", "slot_too_soon", "slot_outside_validity", "slot_not_offered")
_ID_OF_BOOKING = "$response.body#/booking/id"
_LINKS = {
    "cancel": {"operationId": "cancelBooking", "requestBody": {"booking_id": _ID_OF_BOOKING}},
    "move": {
        "operationId": "moveBooking",
        "requestBody": {"booking_id": _ID_OF_BOOKING, "slot_id": "$response.body#/booking/slot_id"},
    },
    "read": {
        "operationId": "readVoucher",
        "parameters": {"voucher_id": "$response.body#/voucher/id"},
    },
    "redeem": {
        "operationId": "redeemVoucher",
        "requestBody": {"voucher_id": "$response.body#/voucher/id"},
    },
}


def _start_of(slot_id: str) -> datetime:
    start = parse_slot_id(slot_id)
    if start is None:
        raise not_a_slot(slot_id)
    return start


def _booked(booking: Booking, now: datetime) -> HttpResponse:
    return answer(
        {"booking": booking_facts(booking), "voucher": voucher_facts(booking.voucher, now)},
    )


@router.post(
    "/book",
    **operation(
        "bookSlot",
        "Book a slot",
        Scope.WRITE_BOOKINGS,
        BookingAnswer,
        changes=True,
        refusals={
            404: ("voucher_not_found",),
            409: ("slot_taken", *_STATES),
            422: (*_SLOT, "voucher_held", "booking_invalid"),
        },
        example=BOOKED_EXAMPLE,
        links=_LINKS,
    ),
)
def book(request: HttpRequest, body: Body[Book]) -> HttpResponse:
    """Book a slot on behalf of a guest, named by `holder_uid`.

    With `email` the guest gets the confirmation, with calendar file and guest link.
    """
    caller = caller_of(request, Scope.WRITE_BOOKINGS)
    now = timezone.now()
    start = _start_of(body.slot_id)
    voucher = find_voucher(body.voucher_id, caller.issuer())
    booking = book_with(
        voucher=voucher,
        start=start,
        holder_uid=body.holder_uid,
        by=caller.by,
        now=now,
        guest=GuestDetails(
            name=body.name,
            email=body.email,
            note=body.note,
            language=body.language or voucher.hotel.default_language,
        ),
    )
    return _booked(booking, now)


@router.post(
    "/cancel",
    **operation(
        "cancelBooking",
        "Cancel a booking",
        Scope.WRITE_BOOKINGS,
        BookingAnswer,
        changes=True,
        refusals={
            404: ("booking_not_found", "voucher_not_found"),
            409: ("voucher_consumed", "voucher_expired", "voucher_changed"),
            422: ("booking_not_named", "booking_mismatched", "reason_invalid"),
        },
        example={
            **BOOKED_EXAMPLE,
            "booking": {
                **BOOKING_EXAMPLE,
                "status": "cancelled",
                "cancel_reason": "The guest called.",
                "cancelled_at": "2026-12-02T08:00:00Z",
            },
            "voucher": VOUCHER_EXAMPLE,
        },
    ),
)
def cancel(request: HttpRequest, body: Body[Cancel]) -> HttpResponse:
    """Cancel a booking, by its id or as the live booking of a voucher: its place is free at once.

    Cancelling twice changes nothing the second time. The guest gets a mail.
    """
    caller = caller_of(request, Scope.WRITE_BOOKINGS)
    now = timezone.now()
    booking_id = _named_booking(caller, body, now)
    return _booked(cancel_booking(booking_id=booking_id, by=caller.by, now=now, reason=body.reason), now)


def _named_booking(caller: Caller, body: Cancel, now: datetime) -> str:
    """Return the id of the booking that a request means."""
    if body.booking_id is not None:
        booking = find_booking(body.booking_id, caller.issuer())
        if body.voucher_id not in (None, booking.voucher_id):
            raise Rejected("booking_mismatched", _("This booking is not of that voucher."))
        return booking.pk
    if body.voucher_id is None:
        raise Rejected("booking_not_named", _("Name a booking, or its voucher."))
    live = live_booking(find_voucher(body.voucher_id, caller.issuer()), now)
    if live is None:
        raise NotFound("booking_not_found", _("This voucher has no booking."))
    return live.pk


@router.post(
    "/move",
    **operation(
        "moveBooking",
        "Move a booking",
        Scope.WRITE_BOOKINGS,
        BookingAnswer,
        changes=True,
        refusals={
            404: ("booking_not_found",),
            409: (
                "slot_taken",
                "booking_cancelled",
                "booking_changed",
                "voucher_issued",
                *_STATES[1:],
            ),
            422: _SLOT,
        },
        example=BOOKED_EXAMPLE,
        links=_LINKS,
    ),
)
def move(request: HttpRequest, body: Body[Move]) -> HttpResponse:
    """Move a booking in one step: it keeps its slot when the other cannot be had. The guest gets a mail."""
    caller = caller_of(request, Scope.WRITE_BOOKINGS)
    now = timezone.now()
    start = _start_of(body.slot_id)
    found = find_booking(body.booking_id, caller.issuer())
    return _booked(move_booking(booking_id=found.pk, start=start, by=caller.by, now=now), now)


@router.post(
    "/redeem",
    **operation(
        "redeemVoucher",
        "Redeem a voucher",
        Scope.DESK,
        VoucherAnswer,
        changes=True,
        refusals={
            404: ("voucher_not_found",),
            409: _STATES[1:],
            422: ("voucher_not_named", "code_invalid", "voucher_not_yet_valid"),
        },
        example={"ok": True, "voucher": {**VOUCHER_EXAMPLE, "status": "consumed"}},
    ),
)
def redeem(request: HttpRequest, body: Body[Redeem]) -> HttpResponse:
    """Redeem a voucher at the desk: a booked one, or an issued one whose guest walked in."""
    caller = caller_of(request, Scope.DESK)
    now = timezone.now()
    if (body.voucher_id is None) == (body.code is None):
        raise Rejected("voucher_not_named", _("Name a voucher, or send its code: one of the two."))
    voucher_id = body.voucher_id if body.code is None else read_voucher_code(body.code)
    if voucher_id is None:
        raise Rejected("code_invalid", _("This code is not complete or not genuine."))
    found = find_voucher(voucher_id, caller.issuer())
    voucher = redeem_voucher(voucher_id=found.pk, by=caller.by, now=now)
    return answer({"voucher": voucher_facts(voucher, now)})


@router.post(
    "/withdraw",
    **operation(
        "withdrawVoucher",
        "Withdraw a voucher",
        Scope.WRITE_VOUCHERS,
        VoucherAnswer,
        changes=True,
        refusals={
            404: ("voucher_not_found",),
            409: _STATES[1:],
            422: ("reason_invalid",),
        },
        example={"ok": True, "voucher": {**VOUCHER_EXAMPLE, "status": "cancelled"}},
    ),
)
def withdraw(request: HttpRequest, body: Body[Withdraw]) -> HttpResponse:
    """Withdraw a voucher for good; a live booking is cancelled with it, and its guest gets a mail."""
    caller = caller_of(request, Scope.WRITE_VOUCHERS)
    now = timezone.now()
    found = find_voucher(body.voucher_id, caller.issuer())
    voucher = withdraw_voucher(voucher_id=found.pk, by=caller.by, now=now, reason=body.reason)
    return answer({"voucher": voucher_facts(voucher, now)})


@router.get(
    "/bookings",
    **operation(
        "listBookings",
        "List bookings",
        Scope.READ_VOUCHERS,
        BookingList,
        refusals={422: ("cursor_invalid",)},
        example={"ok": True, "items": [BOOKING_EXAMPLE], "next_cursor": None},
    ),
)
def list_bookings(request: HttpRequest, query: Query[BookingQuery]) -> HttpResponse:
    """Return the hotel's bookings, newest first, `limit` at a time."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    issuer = caller.issuer(query.issuer_uid)
    bookings, cursor = from_replica(lambda: booking_page(query, issuer))
    return answer({"items": [booking_facts(booking) for booking in bookings], "next_cursor": cursor})


# Behind the fixed names: a router takes the first path that fits.
@router.get(
    "/{voucher_id}",
    **operation(
        "readVoucher",
        "Read a voucher",
        Scope.READ_VOUCHERS,
        VoucherWithBooking,
        refusals={404: ("voucher_not_found",)},
        example=BOOKED_EXAMPLE,
    ),
)
def read_voucher(request: HttpRequest, voucher_id: Id) -> HttpResponse:
    """Return a voucher with the status that everyone sees now, and its live booking."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    now = timezone.now()
    voucher = find_voucher(voucher_id, caller.issuer())
    booking = live_booking(voucher, now)
    return answer(
        {
            "voucher": voucher_facts(voucher, now),
            "booking": booking_facts(booking) if booking is not None else None,
        }
    )


@slots_router.get(
    "/available",
    **operation(
        "listSlots",
        "List free slots",
        Scope.READ_VOUCHERS,
        SlotList,
        refusals={404: ("voucher_not_found",), 422: ("range_too_long", "range_invalid")},
        example={"ok": True, "items": [SLOT_EXAMPLE]},
    ),
)
def available(request: HttpRequest, query: Query[SlotQuery]) -> HttpResponse:
    """Return the slots that this voucher can be booked on, or moved to, at this moment."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    voucher = find_voucher(query.voucher_id, caller.issuer())
    now = timezone.now()

    def read() -> Fragment:
        return slots_text(voucher.pk, free_slots(voucher, query.since, query.until, now=now))

    key = ("slots", voucher.pk, query.since, query.until)
    return answer({"items": unless_changed(now, key, read)})


@slots_router.get(
    "/calendar",
    **operation(
        "showCalendar",
        "Show a month",
        Scope.READ_VOUCHERS,
        CalendarAnswer,
        refusals={404: ("voucher_not_found",)},
        example={
            "ok": True,
            "voucher_id": VOUCHER_EXAMPLE["id"],
            "month": "2026-12",
            "time_zone": "Europe/Amsterdam",
            "items": [
                {"day": "2026-12-05", "slots": [SLOT_EXAMPLE], "reason": None, "closure": None},
                {"day": "2026-12-25", "slots": [], "reason": "closure", "closure": "Christmas"},
            ],
        },
    ),
)
def calendar(request: HttpRequest, query: Query[CalendarQuery]) -> HttpResponse:
    """Return every day of a month by the hotel's clock: its free slots, or the reason why there are none."""
    caller = caller_of(request, Scope.READ_VOUCHERS)
    voucher = find_voucher(query.voucher_id, caller.issuer())
    month = date.fromisoformat(f"{query.month}-01")
    found, days = month_days(voucher, month, now=timezone.now())
    return answer(
        {
            "voucher_id": voucher.pk,
            "month": query.month,
            "time_zone": found.zone.key,
            "items": [
                {
                    "day": day.day,
                    "slots": slots_text(voucher.pk, (slot for slot in day.slots if slot.left)),
                    "reason": day.reason,
                    "closure": day.closure or None,
                }
                for day in days
            ],
        }
    )


@online_router.get(
    "/online",
    **operation(
        "listOnline",
        "List who is online",
        Scope.PRESENCE,
        OnlineList,
        refusals={},
        example={"ok": True, "items": [ONLINE_EXAMPLE]},
    ),
)
def online(request: HttpRequest) -> HttpResponse:
    """Return the hotel's guests who are online now, with their booking of today; at most the latest 500."""
    issuer = caller_of(request, Scope.PRESENCE).issuer()
    hotels = Hotel.objects.all() if issuer is None else Hotel.objects.filter(pk=issuer)
    return answer({"items": [_online_facts(guest) for guest in guests_online(hotels, timezone.now())]})


def _online_facts(guest: OnlineGuest) -> dict[str, object]:
    booking = guest.booking
    return {
        "holder_uid": guest.uid,
        "issuer_uid": guest.hotel.pk,
        "last_seen": guest.last_seen,
        "booking": booking_facts(booking) if booking else None,
        "arrived_at": booking.arrived_at if booking else None,
    }
