"""Orders of vouchers as JSON holds them between their check and their issue."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulk.models import Job, Kind, Orders
from vouchers.many import Order
from vouchers.models import Hotel, Offer
from vouchers.terms import Terms

_TIMES = ("valid_from", "valid_until")


def terms_as_json(terms: Terms) -> dict[str, Any]:
    """Return terms as JSON holds them, without loss."""
    found = {each.name: getattr(terms, each.name) for each in fields(terms)}
    for name in _TIMES:
        found[name] = found[name].isoformat()
    if terms.price_amount is not None:
        found["price_amount"] = str(terms.price_amount)
    return found


def terms_from_json(found: Mapping[str, Any]) -> Terms:
    """Return the terms that `terms_as_json` was given."""
    times = {name: datetime.fromisoformat(found[name]) for name in _TIMES}
    price = found["price_amount"]
    return Terms(**{**found, **times, "price_amount": None if price is None else Decimal(price)})


def order_as_json(order: Order) -> dict[str, Any]:
    """Return an order of a job as JSON holds it; its hotel is the job's."""
    return {
        "offer": order.offer.pk if order.offer else None,
        "holder_uid": order.holder_uid,
        "count": order.count,
        "terms": terms_as_json(order.terms),
    }


def orders_of_job(job: Job) -> Iterator[Order]:
    """Yield the orders of a job that is to be issued, a few hundred in memory at a time."""
    if job.kind == Kind.NUMBER:
        yield Order(
            hotel=job.hotel, offer=job.offer, terms=terms_from_json(job.terms), count=job.vouchers_number
        )
        return
    shared = terms_from_json(job.terms) if job.kind == Kind.HOLDERS else None
    offers: dict[str, Offer] = {}
    for orders in _stored(job):
        for found in orders:
            if shared is not None:
                yield Order(hotel=job.hotel, offer=job.offer, terms=shared, holder_uid=found)
                continue
            yield Order(
                hotel=job.hotel,
                offer=_offer(found["offer"], job.hotel, offers),
                terms=terms_from_json(found["terms"]),
                count=found["count"],
                holder_uid=found["holder_uid"],
            )


def _stored(job: Job) -> Iterator[list[Any]]:
    # One by one: no read of the database stays open while vouchers are prepared.
    stored: Any = Orders.objects.filter(job=job)
    stored = stored.filter(run=job.checked_run)
    for number in sorted(stored.values_list("number", flat=True)):
        yield stored.get(number=number).orders


def _offer(key: str | None, hotel: Hotel, offers: dict[str, Offer]) -> Offer | None:
    if key is None:
        return None
    if key not in offers:
        offers[key] = Offer.objects.get(pk=key, hotel=hotel)
    return offers[key]
