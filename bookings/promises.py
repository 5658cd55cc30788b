"""What a guest can book together or wait for: vouchers of their own, and open ones, of an offer."""

from datetime import datetime

from django.db.models import QuerySet

from vouchers.models import Batch, Voucher
from vouchers.states import Status

MOST_CHOICES = 50


def is_batch(key: str) -> bool:
    """Tell whether a key names a batch of open vouchers, and not one voucher."""
    return key.startswith("vb-")


def promise_of(key: str, uid: str, now: datetime) -> Voucher | Batch | None:
    """Return what a key names, with hotel and offer loaded; None unless the guest can book with it."""
    if is_batch(key):
        return _open(now).filter(pk=key).first()
    return _own(uid, now).filter(pk=key).first()


def _own(uid: str, now: datetime) -> QuerySet[Voucher]:
    own = Voucher.objects.held_by(uid).shown_as(Status.ISSUED, now).filter(offer__isnull=False)
    return own.select_related("hotel", "offer")


def _open(now: datetime) -> QuerySet[Batch]:
    batches = Batch.objects.shown_as(Status.ISSUED, now).filter(offer__isnull=False)
    return batches.select_related("hotel", "offer")


def choices_of(uid: str, now: datetime) -> tuple[list[Voucher], list[Batch]]:
    """Return what a guest can bring: their own, and what is open; of each the 50 that end first."""
    own, batches = (rows.order_by("valid_until", "pk") for rows in (_own(uid, now), _open(now)))
    return list(own[:MOST_CHOICES]), list(batches[:MOST_CHOICES])  # type: ignore[arg-type]
