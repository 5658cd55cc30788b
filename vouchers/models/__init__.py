"""Tables of what exists and who holds it: hotels, offers, batches, vouchers."""

from vouchers.models.hotels import CURRENCY, Hotel, HotelQuerySet
from vouchers.models.offers import (
    OFFER_MAX_MINUTES,
    VOUCHER_MAX_MINUTES,
    Closure,
    Offer,
    OpeningHours,
    Service,
    Weekday,
)
from vouchers.models.vouchers import Batch, BatchQuerySet, Promise, Voucher, VoucherQuerySet

__all__ = [
    "CURRENCY",
    "OFFER_MAX_MINUTES",
    "VOUCHER_MAX_MINUTES",
    "Batch",
    "BatchQuerySet",
    "Closure",
    "Hotel",
    "HotelQuerySet",
    "Offer",
    "OpeningHours",
    "Promise",
    "Service",
    "Voucher",
    "VoucherQuerySet",
    "Weekday",
]
