"""What comes over from the system that this one replaces: hotels by its ids of them, and vouchers."""

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Rejected
from portal.ids import is_id, new_id
from portal.ready import insert_many
from vouchers.domain import change_of
from vouchers.models import Batch, Hotel, Voucher

# What makes vouchers alike: the fields of a batch, by the names of the columns.
_PROMISE = (
    "hotel_id",
    "service_type",
    "title",
    "description",
    "duration_minutes",
    "cancel_notice_minutes",
    "price_amount",
    "price_currency",
    "transferable",
    "terms",
    "valid_from",
    "valid_until",
)


@transaction.atomic
def hotel_of_issuer(uid: str, *, by: Actor, now: datetime) -> Hotel:
    """Return the hotel of an issuer; one that is not known yet is made, in UTC and EUR.

    Raises Rejected("issuer_invalid") for what can be no hotel's uid.
    """
    if not is_id(uid):
        raise Rejected(
            "issuer_invalid", _("A hotel's uid has at most 40 letters, digits, dashes and underscores.")
        )
    hotel, is_new = Hotel.objects.get_or_create(uid=uid, defaults={"name": uid})
    if is_new:
        change = Change("hotel.add", "hotel", uid, uid, {}, {"name": uid, "time_zone": hotel.time_zone})
        record([change], by=by, now=now)
    return hotel


@transaction.atomic
def import_vouchers(vouchers: Sequence[Voucher], *, by: Actor, now: datetime) -> None:
    """Store vouchers of another system with their ids, times and statuses, each with an event of its own.

    The caller has checked them. Vouchers that nobody holds come in batches, as guests see them:
    those of one promise that are stored together are one batch.
    """
    batches: dict[str, Batch] = {}
    for voucher in vouchers:
        if voucher.holder_uid:
            continue
        promise = {name: getattr(voucher, name) for name in _PROMISE}
        key = json.dumps(promise, sort_keys=True, default=str)
        batch = batches.get(key)
        if batch is None:
            batch = Batch(id=new_id("vb", now), created_at=voucher.created_at, **promise)
            batches[key] = batch
        counter = f"open_{voucher.status}"
        setattr(batch, counter, getattr(batch, counter) + 1)
        voucher.batch_id = batch.pk
    insert_many(list(batches.values()))
    insert_many(vouchers)
    record([change_of(voucher, "import", before={}) for voucher in vouchers], by=by, now=now)
