"""Reads of vouchers for systems: what the JSON API shows of one, and pages of many."""

from datetime import datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from orjson import Fragment

from portal.errors import NotFound, Rejected
from portal.ids import is_id
from portal.ready import as_stored
from portal.rows import as_moment
from vouchers.domain import voucher_with_all
from vouchers.models import Hotel, Offer, Voucher, VoucherQuerySet
from vouchers.schemas import VoucherQuery
from vouchers.states import shown_status
from vouchers.terms import EARLIEST, LATEST
from vouchers.validators import is_storable

Rows = TypeVar("Rows", bound=QuerySet[Any])


def voucher_facts(voucher: Voucher, now: datetime) -> dict[str, Any]:
    """Return a voucher's fields by their published names, its status as everyone sees it at `now`."""
    return {
        "id": voucher.pk,
        "issuer_uid": voucher.hotel_id,
        "holder_uid": voucher.holder_uid or None,
        "service_type": voucher.service_type,
        "title": voucher.title,
        "description": voucher.description,
        "duration_minutes": voucher.duration_minutes,
        "valid_from": voucher.valid_from,
        "valid_until": voucher.valid_until,
        "price_amount": voucher.price_amount,
        "price_currency": voucher.price_currency,
        "status": voucher.shown(now).value,
        "transferable": voucher.transferable,
        "terms": voucher.terms,
        "created_at": voucher.created_at,
        "offer_id": voucher.offer_id,
    }


# What `_listed` makes the same of, in this order.
_COLUMNS = (
    "id",
    "hotel_id",
    "holder_uid",
    "service_type",
    "title",
    "description",
    "duration_minutes",
    "valid_from",
    "valid_until",
    "price_amount",
    "price_currency",
    "status",
    "transferable",
    "terms",
    "created_at",
    "offer_id",
    "expires_at",
)
_NAMES = tuple("issuer_uid" if column == "hotel_id" else column for column in _COLUMNS)


def _listed(row: tuple[Any, ...], now: datetime) -> dict[str, Any]:
    """Return what `voucher_facts` returns, of a row as the database gives it.

    A list is read as it stands: making objects of fifty rows takes longer than all else together.
    """
    facts = dict(zip(_NAMES, row, strict=True))
    facts["holder_uid"] = facts["holder_uid"] or None
    for name in ("valid_from", "valid_until", "created_at"):
        facts[name] = as_moment(facts[name])
    if facts["price_amount"] is not None:
        facts["price_amount"] = Fragment(f"{facts['price_amount']:.2f}")
    facts["status"] = shown_status(facts["status"], as_moment(facts.pop("expires_at")), now).value
    facts["transferable"] = bool(facts["transferable"])
    facts["terms"] = Fragment(facts["terms"])
    return facts


def of_issuer(rows: Rows, issuer_uid: str | None) -> Rows:
    """Return those of `rows` that belong to a hotel; None means any hotel's, and what can be no uid none."""
    if issuer_uid is None:
        return rows
    return rows.filter(hotel=issuer_uid) if is_id(issuer_uid) else rows.none()


def vouchers_of(issuer_uid: str | None) -> VoucherQuerySet:
    """Return the vouchers of a hotel, or of all hotels."""
    return of_issuer(Voucher.objects.all(), issuer_uid)


def find_voucher(voucher_id: str, issuer_uid: str | None) -> Voucher:
    """Return a voucher with hotel and offer, if it is the hotel's; None means any hotel's.

    Raises NotFound("voucher_not_found"), the same for a stranger's id and for one that never was.
    """
    voucher = voucher_with_all(voucher_id) if is_id(voucher_id) else None
    if voucher is None or issuer_uid not in (None, voucher.hotel_id):
        raise NotFound("voucher_not_found", _("There is no such voucher."))
    return voucher


def find_hotel(uid: str) -> Hotel:
    """Return a hotel.

    Raises NotFound("hotel_not_found").
    """
    hotel = Hotel.objects.filter(pk=uid).first() if is_id(uid) else None
    if hotel is None:
        raise NotFound("hotel_not_found", _("There is no such hotel."))
    return hotel


def find_offer(offer_id: str, issuer_uid: str | None) -> Offer:
    """Return an offer with its hotel, if it is the hotel's; None means any hotel's.

    Raises NotFound("offer_not_found").
    """
    offers = of_issuer(Offer.objects.select_related("hotel"), issuer_uid)
    offer = offers.filter(pk=offer_id).first() if is_id(offer_id) else None
    if offer is None:
        raise NotFound("offer_not_found", _("There is no such offer."))
    return offer


def voucher_page(
    query: VoucherQuery, issuer_uid: str | None, *, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the facts of a page of vouchers, newest first, and the cursor of the next; ids sort by time.

    Raises Rejected("cursor_invalid").
    """
    rows = vouchers_of(issuer_uid)
    if query.status is not None:
        rows = rows.shown_as(query.status, now)
    for name, value in (
        ("holder_uid", query.holder_uid),
        ("service_type", query.service_type),
        ("offer", query.offer),
    ):
        if value:
            rows = rows.filter(**{name: value}) if is_storable(value) else rows.none()
    if query.valid_on is not None and query.valid_on.year not in range(EARLIEST.year, LATEST.year):
        rows = rows.none()
    elif query.valid_on is not None:
        hotel = Hotel.objects.filter(pk=issuer_uid).first() if issuer_uid and is_id(issuer_uid) else None
        zone = hotel.zone if hotel else ZoneInfo("UTC")
        begins = datetime.combine(query.valid_on, time(), tzinfo=zone)
        rows = rows.filter(valid_from__lt=begins + timedelta(days=1), valid_until__gt=begins)
    found = as_stored(_after(rows, query.cursor).values_list(*_COLUMNS)[: query.limit + 1])
    facts = [_listed(row, now) for row in found[: query.limit]]
    return facts, (facts[-1]["id"] if len(found) > query.limit else None)


def page_of(rows: QuerySet[Any], limit: int, cursor: str) -> tuple[list[Any], str | None]:
    """Return the page of `rows` that comes after a cursor, newest first by id (keyset paging).

    The cursor is the id of the last row of the page before. Raises Rejected("cursor_invalid").
    """
    found = list(_after(rows, cursor)[: limit + 1])
    return found[:limit], (found[limit - 1].pk if len(found) > limit else None)


def _after(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    if cursor and not is_id(cursor):
        raise Rejected("cursor_invalid", _("This page of the list does not exist."))
    return (rows.filter(pk__lt=cursor) if cursor else rows).order_by("-pk")
