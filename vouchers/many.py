"""The verb that issues very many vouchers, on as many terms as it is given; all or none."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction

from events.domain import record_aside
from events.models import Event
from portal.actors import Actor
from portal.ids import new_id
from portal.staging import Stage
from vouchers.domain import change_of, offer_inactive, promise_of, refuse_issue
from vouchers.models import Batch, Hotel, Offer, Voucher
from vouchers.terms import Terms

MOST_VOUCHERS = 50_000
_TOGETHER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Vouchers to issue on the same terms: `count` of them, to one holder or open to anyone."""

    hotel: Hotel
    terms: Terms
    offer: Offer | None = None
    count: int = 1
    holder_uid: str = ""


def refuse_order(order: Order, *, by: Actor, now: datetime, most: int = MOST_VOUCHERS) -> None:
    """Raise what `issue_vouchers` raises for these terms; no statement is needed for it."""
    refuse_issue(
        hotel=order.hotel,
        offer=order.offer,
        terms=order.terms,
        count=order.count,
        holder_uid=order.holder_uid,
        by=by,
        now=now,
        most=most,
    )


def issue_many(
    orders: Iterable[Order],
    *,
    by: Actor,
    now: datetime,
    told: Callable[[Sequence[Voucher]], object] = lambda _vouchers: None,
    settle: Callable[[int], object] = lambda _number: None,
    most: int = MOST_VOUCHERS,
) -> int:
    """Issue the vouchers of all orders, or none; returns how many.

    They are prepared aside, without a lock: `told` gets them a thousand at a time, none of them
    is issued yet. One short transaction at the end stores all; `settle` is called at its start
    with their number, and whatever it raises leaves everything as it was. Those of an order
    without a holder form a batch. Not to be called inside a transaction.

    Raises what `issue_vouchers` raises, with `most` for the number of one order, and
    Rejected("offer_inactive") for an offer that was switched off meanwhile.
    """
    offers: set[str] = set()
    number = 0
    with Stage(Batch) as batches, Stage(Voucher) as stage, Stage(Event) as journal:
        made = _made(orders, batches, offers, by=by, now=now, most=most)
        while vouchers := list(islice(made, _TOGETHER)):
            stage.add(vouchers)
            changes = [
                change_of(voucher, "issue", before={}, extra={"offer_id": voucher.offer_id})
                for voucher in vouchers
            ]
            record_aside(journal, changes, by=by, now=now)
            number += len(vouchers)
            told(vouchers)
        with transaction.atomic():
            settle(number)
            # What was checked before may have changed while so many were prepared.
            if Offer.objects.filter(pk__in=offers, is_active=False).exists():
                raise offer_inactive()
            batches.store()
            stage.store()
            journal.store()
    return number


def _made(
    orders: Iterable[Order], batches: Stage, offers: set[str], *, by: Actor, now: datetime, most: int
) -> Iterator[Voucher]:
    """Yield the vouchers of each order; gathers their batches, and the ids of their offers."""
    for order in orders:
        refuse_order(order, by=by, now=now, most=most)
        promise = promise_of(order.hotel, order.offer, order.terms, now)
        batch = None
        if order.offer is not None:
            offers.add(order.offer.pk)
        if not order.holder_uid:
            batch = Batch(id=new_id("vb", now), open_issued=order.count, **promise)
            batches.add([batch])
        for _number in range(order.count):
            yield Voucher(
                id=new_id("v", now),
                batch=batch,
                holder_uid=order.holder_uid,
                expires_at=order.terms.valid_until,
                **promise,
            )
