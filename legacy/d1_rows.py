"""Rows of the earlier system's database, read as the things that they are; what they are not is refused."""

import json
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingStatus
from bookings.rules import refuse_invalid as refuse_invalid_booking
from bookings.slot_ids import parse_slot_id
from events.models import Event
from legacy.d1_source import Row
from legacy.shapes import parse_time
from portal.errors import Rejected
from portal.ids import is_id
from vouchers.domain import refuse_invalid as refuse_invalid_voucher
from vouchers.models import VOUCHER_MAX_MINUTES, Voucher
from vouchers.states import Status
from vouchers.terms import EARLIEST, LATEST, validity_out_of_range
from vouchers.validators import is_storable

_EVENT_LENGTHS = {field.name: field.max_length or 0 for field in Event._meta.fields}
_CENT = Decimal("0.01")
# How far a price that was stored as a binary fraction may be from its cents.
_REAL_SLIP = Decimal("0.000001")


def _refused(code: str, name: str, words: Any) -> Rejected:
    return Rejected(code, _("%(name)s: %(words)s"), name=name, words=words)


def _text(row: Row, name: str, *, optional: bool = False) -> str:
    value = row[name]
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not is_storable(value):
        raise _refused("text_invalid", name, _("This is no text that can be stored."))
    if not value and not optional:
        raise _refused("text_missing", name, _("This is missing."))
    return value


def _id(row: Row, name: str = "id") -> str:
    value = row[name]
    if not isinstance(value, str) or not is_id(value):
        raise _refused("id_invalid", name, _("This can be no id."))
    return value


def _time(row: Row, name: str) -> datetime:
    value = row[name]
    moment = parse_time(value.strip()) if isinstance(value, str) else None
    if moment is None:
        raise _refused("time_invalid", name, _("This is no time."))
    return moment


def _mapping(row: Row, name: str) -> dict[str, Any]:
    value = row[name]
    try:
        content = json.loads(value) if isinstance(value, str) and value else {} if value is None else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not is_storable(content):
        raise _refused("json_invalid", name, _("This is no JSON object that can be stored."))
    return content


def _price(row: Row) -> Decimal | None:
    value = row["price_amount"]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _refused("price_invalid", "price_amount", _("This is no price."))
    amount = Decimal(repr(value))
    if amount > 10**8:
        raise _refused("price_invalid", "price_amount", _("This is no price."))
    cents = amount.quantize(_CENT)
    if abs(amount - cents) > _REAL_SLIP:
        raise _refused("price_invalid", "price_amount", _("A price has two decimals at most."))
    return cents


def read_voucher(row: Row) -> Voucher:
    """Return a voucher that is not stored yet, without hotel and batch; it expires with its validity.

    Raises Rejected: "id_invalid", "text_invalid", "text_missing", "time_invalid", "json_invalid",
    "price_invalid", "duration_out_of_range", "status_unknown", "flag_invalid", "issuer_invalid",
    "validity_out_of_range", "voucher_invalid".
    """
    valid_from, valid_until = _time(row, "valid_from"), _time(row, "valid_until")
    if not EARLIEST <= valid_from < valid_until <= LATEST:
        raise validity_out_of_range()
    minutes = row["duration_minutes"]
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= VOUCHER_MAX_MINUTES:
        raise _refused("duration_out_of_range", "duration_minutes", _("This is no duration."))
    if row["status"] not in Status.values:
        raise _refused("status_unknown", "status", _("There is no such status."))
    if row["transferable"] not in (0, 1):
        raise _refused("flag_invalid", "transferable", _("This is neither 0 nor 1."))
    issuer_uid = row["issuer_uid"]
    if not isinstance(issuer_uid, str) or not is_id(issuer_uid):
        raise _refused("issuer_invalid", "issuer_uid", _("This can be no hotel's uid."))
    voucher = Voucher(
        id=_id(row),
        hotel_id=issuer_uid,
        holder_uid=_text(row, "holder_uid", optional=True),
        service_type=_text(row, "service_type"),
        title=_text(row, "title"),
        description=_text(row, "description", optional=True),
        duration_minutes=minutes,
        valid_from=valid_from,
        valid_until=valid_until,
        expires_at=valid_until,
        price_amount=_price(row),
        price_currency=_text(row, "price_currency", optional=True) or "EUR",
        status=row["status"],
        transferable=bool(row["transferable"]),
        terms=_mapping(row, "terms"),
        created_at=_time(row, "created_at"),
    )
    refuse_invalid_voucher(voucher)
    return voucher


def read_booking(row: Row) -> Booking:
    """Return a booking that is not stored yet, without its voucher looked at.

    Raises Rejected: "id_invalid", "text_invalid", "text_missing", "time_invalid", "slot_invalid",
    "status_unknown", "cancellation_mismatched", "booking_invalid".
    """
    start, end = _time(row, "slot_start"), _time(row, "slot_end")
    if not EARLIEST <= start < end <= LATEST:
        raise _refused("slot_invalid", "slot_end", _("The slot has to end after it begins."))
    if parse_slot_id(_text(row, "slot_id")) != start:
        raise _refused("slot_invalid", "slot_id", _("This does not name the slot's start."))
    if row["status"] not in BookingStatus.values:
        raise _refused("status_unknown", "status", _("There is no such status."))
    is_cancelled = row["status"] == BookingStatus.CANCELLED
    if is_cancelled != (row["cancelled_at"] is not None):
        words = _("A cancelled booking has a time of cancelling, and no other has.")
        raise _refused("cancellation_mismatched", "cancelled_at", words)
    booking = Booking(
        id=_id(row),
        voucher_id=_id(row, "voucher_id"),
        hotel_id=_text(row, "issuer_uid"),
        holder_uid=_text(row, "holder_uid"),
        slot_start=start,
        slot_end=end,
        status=row["status"],
        cancel_reason=_text(row, "cancel_reason", optional=True),
        created_at=_time(row, "created_at"),
        cancelled_at=_time(row, "cancelled_at") if is_cancelled else None,
    )
    refuse_invalid_booking(booking)
    return booking


def read_event(row: Row) -> Event:
    """Return an event that is not stored yet, without its hotel.

    Raises Rejected: "id_invalid", "text_invalid", "text_missing", "text_too_long", "time_invalid",
    "json_invalid".
    """
    texts = {name: _text(row, name) for name in ("type", "subject_type", "subject_id")}
    texts["actor_id"] = _text(row, "actor_id", optional=True)
    for name, text in texts.items():
        if len(text) > _EVENT_LENGTHS[name]:
            raise _refused("text_too_long", name, _("This is too long."))
    return Event(id=_id(row), meta=_mapping(row, "meta"), created_at=_time(row, "created_at"), **texts)


Reader = Callable[[Row], Any]
READERS: dict[str, Reader] = {
    "vouchers": read_voucher,
    "voucher_bookings": read_booking,
    "events": read_event,
}
