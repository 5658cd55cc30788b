"""The earlier system's names and forms of things, and how they are read and written; no rules of its own."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from bookings.slot_ids import parse_slot_id, slot_id
from bookings.slots import Slot
from portal.errors import Malformed
from vouchers.models import Voucher

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_MILLISECOND = timedelta(milliseconds=1)


def parse_time(text: str) -> datetime | None:
    """Return a time in UTC, None for what is none; without an offset it is UTC, a plain date its midnight."""
    if not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def to_millisecond(moment: datetime) -> datetime:
    """Return a time without the digits that the earlier system's times do not have."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def time_text(moment: datetime | None) -> str | None:
    """Return a time as YYYY-MM-DDTHH:mm:ss.sssZ."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def slot_text(start: datetime) -> str:
    """Return the id of a slot, with milliseconds; a start between two of them keeps all its digits."""
    return slot_id(start) if start.microsecond % 1000 else f"slot-{time_text(start)}"


def parse_slot(text: str) -> datetime:
    """Return the start that a slot's id names.

    Raises Malformed("slot_id_invalid").
    """
    start = parse_slot_id(text)
    if start is None:
        raise Malformed("slot_id_invalid", _("“%(text)s” is no slot."), text=text[:60])
    return start


def minor_units(amount: Decimal, currency: str) -> int:
    """Return an amount in the currency's smallest unit: cents, or yen."""
    return int(amount.scaleb(get_currency_precision(currency)))


def major_units(minor: int, currency: str) -> Decimal:
    """Return an amount of a currency's smallest units in major units."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def voucher_shape(voucher: Voucher, now: datetime) -> dict[str, Any]:
    """Return a voucher as the earlier system wrote it, its status as everyone sees it at `now`."""
    price = None
    if voucher.price_amount is not None:
        price = {
            "amount": minor_units(voucher.price_amount, voucher.price_currency),
            "currency": voucher.price_currency,
        }
    return {
        "voucherId": voucher.pk,
        "issuerUid": voucher.hotel_id,
        "holderUid": voucher.holder_uid or None,
        "serviceType": voucher.service_type,
        "title": voucher.title,
        "description": voucher.description,
        "durationMinutes": voucher.duration_minutes,
        "validFrom": time_text(voucher.valid_from),
        "validUntil": time_text(voucher.valid_until),
        "price": price,
        "status": voucher.shown(now).value,
        "transferable": voucher.transferable,
        "terms": voucher.terms,
        "createdAt": time_text(voucher.created_at),
    }


def booking_shape(booking: Booking) -> dict[str, Any]:
    """Return a booking as the earlier system wrote it."""
    return {
        "bookingId": booking.pk,
        "voucherId": booking.voucher_id,
        "issuerUid": booking.hotel_id,
        "holderUid": booking.holder_uid,
        "slotId": slot_text(booking.slot_start),
        "slotStart": time_text(booking.slot_start),
        "slotEnd": time_text(booking.slot_end),
        "status": booking.status,
        "cancelReason": booking.cancel_reason or None,
        "createdAt": time_text(booking.created_at),
        "cancelledAt": time_text(booking.cancelled_at),
    }


def slot_shape(voucher_id: str, slot: Slot) -> dict[str, Any]:
    """Return a slot as the earlier system wrote it."""
    return {
        "slotId": slot_text(slot.start),
        "voucherId": voucher_id,
        "start": time_text(slot.start),
        "end": time_text(slot.end),
    }


class Fields:
    """What a client sent, read by name and kind; names that nobody knows are passed over."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def _get(self, name: str) -> Any:
        # Clients write "nothing" in these ways.
        value = self._values.get(name)
        return None if value == "" else value

    def raw(self, name: str) -> Any:
        """Return a value of whatever kind; None when it is not there."""
        return self._get(name)

    def _refuse(self, name: str, words: Any) -> Malformed:
        return Malformed(
            "request_malformed", _("%(name)s: %(words)s"), {name: str(words)}, name=name, words=words
        )

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self._get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._refuse(name, _("Write a text."))
        return value

    def needed(self, name: str) -> str:
        """Return a text that has to be there."""
        value = self.text(name)
        if not value:
            raise self._refuse(name, _("This is missing."))
        return value

    def time(self, name: str, default: datetime) -> datetime:
        """Return a time in UTC."""
        value = self.text(name)
        moment = parse_time(value) if value else default
        if moment is None:
            raise self._refuse(name, _("Write a time, for example 2026-12-05T10:00:00.000Z."))
        return moment

    def whole(self, name: str, default: int) -> int:
        """Return an integer."""
        value = self._get(name)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(name, _("Write a whole number."))
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false when it is not there."""
        value = self._get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._refuse(name, _("Write true or false."))
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a JSON object; an empty one when it is not there."""
        value = self._get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._refuse(name, _("Write a JSON object, for example {}."))
        return value

    def price(self, name: str, default_currency: str) -> tuple[Decimal | None, str]:
        """Return an amount in major units, None for none, and its currency."""
        if self._get(name) is None:
            return None, default_currency
        price = Fields(self.mapping(name))
        currency = price.text("currency", default_currency)
        if not re.fullmatch("[A-Z]{3}", currency):
            raise self._refuse(name, _("Three capital letters, for example EUR."))
        return major_units(price.whole("amount", 0), currency), currency


def body_of(request: HttpRequest) -> Fields:
    """Return the body's fields, whatever media type it names.

    Raises Malformed("request_malformed").
    """
    try:
        content = json.loads(request.body.decode() or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("request_malformed", _("The body is not a JSON object in UTF-8.")) from error
    if not isinstance(content, dict):
        raise Malformed("request_malformed", _("The body is not a JSON object in UTF-8."))
    return Fields(content)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
