"""Reads of bookings and slots for systems: what the JSON API shows."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from orjson import Fragment

from bookings import slots
from bookings.calendars import calendar_of, taken_for
from bookings.models import Booking
from bookings.schemas import BookingQuery
from bookings.slot_ids import slot_id
from bookings.slots import Calendar, Day, Reason, Slot, Taken
from bookings.wallclock import day_bounds
from portal.answers import to_json
from portal.errors import NotFound, Rejected
from portal.ids import is_id
from portal.ready import Given, Ready
from vouchers.models import Voucher
from vouchers.records import of_issuer, page_of
from vouchers.states import Status
from vouchers.terms import EARLIEST, LATEST
from vouchers.validators import is_storable

MOST_DAYS = 62
USUAL_DAYS = 31
_DAY = timedelta(days=1)
# Only these can still take a slot: by booking, or by moving the booking that they have.
_USABLE = (Status.ISSUED, Status.BOOKED)


def booking_facts(booking: Booking) -> dict[str, Any]:
    """Return a booking's fields by their published names."""
    return {
        "id": booking.pk,
        "voucher_id": booking.voucher_id,
        "issuer_uid": booking.hotel_id,
        "holder_uid": booking.holder_uid,
        "slot_id": booking.slot_id,
        "slot_start": booking.slot_start,
        "slot_end": booking.slot_end,
        "status": booking.status,
        "cancel_reason": booking.cancel_reason or None,
        "created_at": booking.created_at,
        "cancelled_at": booking.cancelled_at,
    }


def slots_text(voucher_id: str, slots: Iterable[Slot]) -> Fragment:
    """Return slots by their published names, as a JSON list: there may be many hundreds in one answer."""
    voucher = to_json(voucher_id).decode()
    pieces = []
    last, end = None, ""
    for slot in slots:
        # Mostly, one begins where another ends.
        start = end if slot.start == last else _text(slot.start)
        last, end = slot.end, _text(slot.end)
        name = slot_id(slot.start) if slot.start.microsecond else f"slot-{start}"
        pieces.append(
            f'{{"slot_id":"{name}","voucher_id":{voucher},"start":"{start}","end":"{end}","places":{slot.left}}}'
        )
    return Fragment(f"[{','.join(pieces)}]")


def _text(instant: datetime) -> str:
    """Return an instant in UTC as the API writes it."""
    return f"{instant.isoformat()[:-6]}Z"


def bookings_of(issuer_uid: str | None) -> QuerySet[Booking]:
    """Return the bookings of a hotel, or of all hotels."""
    return of_issuer(Booking.objects.all(), issuer_uid)


_BY_ID = Ready(lambda: Booking.objects.filter(pk=Given("key")).order_by())


def find_booking(booking_id: str, issuer_uid: str | None) -> Booking:
    """Return a booking, if it is the hotel's; None means any hotel's.

    Raises NotFound("booking_not_found"), the same for a stranger's id and for one that never was.
    """
    found = _BY_ID.first(key=booking_id) if is_id(booking_id) else None
    if found is None or issuer_uid not in (None, found.hotel_id):
        raise NotFound("booking_not_found", _("There is no such booking."))
    return found


def live_booking(voucher: Voucher, now: datetime) -> Booking | None:
    """Return a voucher's live booking."""
    return Booking.objects.live(now).filter(voucher=voucher).first()


def booking_page(query: BookingQuery, issuer_uid: str | None) -> tuple[list[Booking], str | None]:
    """Return a page of bookings, newest first, and the cursor of the next.

    Raises Rejected("cursor_invalid").
    """
    rows = bookings_of(issuer_uid)
    for name, value in (
        ("holder_uid", query.holder_uid),
        ("voucher", query.voucher_id),
        ("status", query.status),
        ("slot_start__gte", query.since),
        ("slot_start__lt", query.until),
    ):
        if value:
            rows = rows.filter(**{name: value}) if is_storable(value) else rows.none()
    return page_of(rows, query.limit, query.cursor)


def not_a_slot(text: str) -> Rejected:
    """Return the refusal of a text that names no slot."""
    return Rejected("slot_id_invalid", _("“%(text)s” is no slot."), text=text)


def free_slots(
    voucher: Voucher,
    since: date | datetime | None,
    until: date | datetime | None,
    *,
    now: datetime,
    days: int | None = None,
) -> list[Slot]:
    """Return the slots that a voucher can be booked on, or moved to, by time.

    Days are the hotel's. Without `since` they begin with the first bookable day; without
    `until` there are `days` of them, 31 when that is not given.

    Raises Rejected("range_too_long") for more than 62 days, and Rejected("range_invalid").
    """
    calendar = calendar_of(voucher)
    earliest, latest = _bounds(calendar, since, until, now, days or USUAL_DAYS)
    if voucher.shown(now) not in _USABLE or earliest >= latest:
        return []
    first, last = calendar.day_of(earliest), calendar.day_of(latest - timedelta(microseconds=1))
    taken = _taken(voucher, calendar, first, last, now)
    found = slots.slots(calendar, first, last, now=now, taken=taken)
    return [slot for slot in found if slot.left and earliest <= slot.start < latest]


def month_days(voucher: Voucher, month: date, *, now: datetime) -> tuple[Calendar, list[Day]]:
    """Return a voucher's calendar, and the days of a month by the hotel's clock.

    A voucher that is used, withdrawn or expired has no slot on any of them.
    """
    calendar = calendar_of(voucher)
    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    if voucher.shown(now) not in _USABLE:
        over = Reason.NO_LONGER_VALID
        return calendar, [Day(month + number * _DAY, (), over) for number in range(last.day)]
    taken = _taken(voucher, calendar, month, last, now)
    return calendar, slots.days(calendar, month, last, now=now, taken=taken)


def _taken(voucher: Voucher, calendar: Calendar, first: date, last: date, now: datetime) -> Taken:
    """Return the places that are taken for the voucher's holder, a plain calendar's own booking included."""
    if voucher.offer_id is not None:
        return taken_for(voucher, calendar, first, last, now=now, guest_uid=voucher.holder_uid)
    own = Booking.objects.standing().filter(voucher=voucher)
    return Taken(own.values_list("slot_start", "slot_end"))


def _bounds(
    calendar: Calendar, since: date | datetime | None, until: date | datetime | None, now: datetime, days: int
) -> tuple[datetime, datetime]:
    """Return the first instant of a range and the one behind its last."""
    earliest = _instant(calendar, since, days_on=0)
    if earliest is None:
        soonest = max(now + calendar.min_notice, calendar.valid_from)
        earliest = day_bounds(calendar.day_of(soonest), calendar.zone)[0]
    latest = _instant(calendar, until, days_on=1)
    if latest is None:
        latest = day_bounds(calendar.day_of(earliest) + days * _DAY, calendar.zone)[0]
    elif calendar.day_of(latest) - calendar.day_of(earliest) > MOST_DAYS * _DAY:
        raise Rejected("range_too_long", _("Ask for at most %(most)s days at once."), most=MOST_DAYS)
    return earliest, latest


def _instant(calendar: Calendar, given: date | datetime | None, *, days_on: int) -> datetime | None:
    """Return a time as it is, and a day as its beginning, or that of the day after."""
    if given is None:
        return None
    if given.year not in range(EARLIEST.year, LATEST.year):
        raise Rejected("range_invalid", _("Calendars reckon between the years 1990 and 2200."))
    return given if isinstance(given, datetime) else day_bounds(given + days_on * _DAY, calendar.zone)[0]
