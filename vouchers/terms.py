"""What a new voucher promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from vouchers.models import Offer

# Calendars reckon within these years; a date outside them is a slip of the keyboard.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def validity_out_of_range() -> Rejected:
    """Return the refusal of a validity that ends before it begins or lies outside the years."""
    return Rejected(
        "validity_out_of_range",
        _("The validity has to end after it begins, between the years 1990 and 2200."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a new voucher promises: the voucher's own fields, by their names."""

    title: str
    valid_from: datetime
    valid_until: datetime
    service_type: str = "hotel.booking"
    description: str = ""
    duration_minutes: int = 60
    cancel_notice_minutes: int = 0
    price_amount: Decimal | None = None
    price_currency: str = "EUR"
    transferable: bool = False
    terms: Mapping[str, Any] = field(default_factory=dict)


def terms_of(
    offer: Offer, *, now: datetime, valid_from: datetime | None = None, valid_until: datetime | None = None
) -> Terms:
    """Copy an offer's terms as they are now.

    Without `valid_until` the voucher lasts to the end of the hotel's day, the offer's
    `validity_days` after `valid_from`, which is `now` when it is not given.

    Raises Rejected("validity_out_of_range") for a beginning that calendars cannot reckon with.
    """
    start = valid_from or now
    if not EARLIEST <= start <= LATEST:
        raise validity_out_of_range()
    if valid_until is None:
        last_day = start.astimezone(offer.hotel.zone).date() + timedelta(days=offer.validity_days)
        valid_until = datetime(
            last_day.year, last_day.month, last_day.day, 23, 59, 59, tzinfo=offer.hotel.zone
        ).astimezone(UTC)
    return Terms(
        title=offer.title,
        valid_from=start,
        valid_until=valid_until,
        service_type=offer.service_type,
        description=offer.description,
        duration_minutes=offer.duration_minutes,
        cancel_notice_minutes=offer.cancel_notice_minutes,
        price_amount=offer.price_amount,
        price_currency=offer.price_currency,
        transferable=offer.transferable,
        terms=offer.terms,
    )
