"""Reads of vouchers, shaped for the guest's list: cards, counts, filters."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

from django.db.models import BooleanField, Case, Count, F, Model, Q, QuerySet, Sum, Value, When
from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from vouchers.models import Batch, Hotel, Voucher
from vouchers.states import Status, shown_status_expression
from vouchers.terms import EARLIEST, LATEST
from vouchers.validators import is_storable

M = TypeVar("M", bound=Model)

PAGE_SIZE = 20
_CURSOR_WORDS = _("This page of the list does not exist. Start again from the first.")
# The list is ordered by one of these; the id makes every order total.
SORTS: Mapping[str, tuple[str, ...]] = {
    "ending": ("is_over", "valid_until", "id"),
    "title": ("title", "id"),
    "newest": ("-id",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which vouchers a guest asked for; empty means all."""

    status: str = ""
    search: str = ""
    hotel: str = ""
    service: str = ""
    sort: str = "ending"


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the list: a voucher of the guest's own, or a batch of open ones."""

    key: str
    promise: Voucher | Batch
    status: Status
    number: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class CardPage:
    """A page of cards; `cursor` leads to the next one and is empty on the last."""

    cards: list[Card]
    cursor: str


def _matching(filters: Filters) -> Q:
    """Return the condition of the filters that vouchers and batches share."""
    condition = Q()
    if filters.hotel:
        condition &= Q(hotel=filters.hotel)
    if filters.service:
        condition &= Q(service_type=filters.service)
    for word in filters.search.split():
        condition &= (
            Q(title__icontains=word) | Q(description__icontains=word) | Q(hotel__name__icontains=word)
        )
    return condition


def status_counts(guest_uid: str, filters: Filters, *, now: datetime) -> dict[str, int]:
    """Return how many vouchers the guest sees with each status, and under "" how many in all.

    The status filter itself is left out: each number says what choosing that status would show.
    """
    matching = _matching(filters)
    is_live = Q(valid_until__gt=now)
    # The hotel's name is searched over a join to one row: nothing is counted twice.
    batches = Batch.objects.filter(matching).aggregate(
        issued=Sum("open_issued", filter=is_live, default=0),
        consumed=Sum("open_consumed", default=0),
        cancelled=Sum("open_cancelled", default=0),
        stored=Sum("open_expired", default=0),
        unswept=Sum("open_issued", filter=~is_live, default=0),
    )
    numbers = {status.value: 0 for status in Status}
    for status in (Status.ISSUED, Status.CONSUMED, Status.CANCELLED):
        numbers[status] = batches[status]
    numbers[Status.EXPIRED] = batches["stored"] + batches["unswept"]
    if guest_uid:
        own = (
            Voucher.objects.held_by(guest_uid)
            .filter(matching)
            .order_by()
            .values_list(shown_status_expression(now))
            .annotate(number=Count("pk"))
        )
        for status, number in own:
            numbers[status] += number
    return {"": sum(numbers.values()), **numbers}


def card_page(guest_uid: str, filters: Filters, *, now: datetime, cursor: str = "") -> CardPage:
    """Return a page of cards: the guest's own vouchers first, then what anyone can book.

    Raises Rejected("cursor_invalid") for a cursor that this function did not make.
    """
    source, place = _read_cursor(cursor, filters.sort)
    cards: list[Card] = []
    if source == "own":
        if guest_uid:
            own = _after(_own_vouchers(guest_uid, filters, now), filters.sort, place)
            cards = [
                Card(voucher.pk, voucher, voucher.shown(now), 1, is_own=True)
                for voucher in own[: PAGE_SIZE + 1]
            ]
        place = None
    if len(cards) <= PAGE_SIZE:
        batches = _after(_open_batches(filters, now), filters.sort, place)
        cards += [
            _card_of_batch(batch, filters.status, now) for batch in batches[: PAGE_SIZE + 1 - len(cards)]
        ]
    if len(cards) <= PAGE_SIZE:
        return CardPage(cards, "")
    return CardPage(cards[:PAGE_SIZE], _write_cursor(cards[PAGE_SIZE - 1], filters.sort))


def _own_vouchers(guest_uid: str, filters: Filters, now: datetime) -> QuerySet[Voucher]:
    vouchers = Voucher.objects.held_by(guest_uid).filter(_matching(filters))
    if filters.status:
        vouchers = vouchers.shown_as(filters.status, now)
    usable = Q(status__in=(Status.ISSUED, Status.BOOKED), expires_at__gt=now)
    return _with_is_over(vouchers, usable)


def _open_batches(filters: Filters, now: datetime) -> QuerySet[Batch]:
    batches = Batch.objects.filter(_matching(filters))
    if filters.status:
        batches = batches.shown_as(Status(filters.status), now)
    else:
        batches = batches.exclude(open_issued=0, open_consumed=0, open_cancelled=0, open_expired=0)
    return _with_is_over(batches, Q(open_issued__gt=0, valid_until__gt=now))


def _with_is_over(rows: QuerySet[M, M], usable: Q) -> QuerySet[M, M]:
    is_over = Case(When(usable, then=Value(value=False)), default=True, output_field=BooleanField())
    with_promise = rows.select_related("hotel", "offer").annotate(is_over=is_over)
    return cast("QuerySet[M, M]", with_promise)


def _card_of_batch(batch: Batch, status: str, now: datetime) -> Card:
    """Return a batch as the card of a status; without one, of the first that says most to a guest."""
    is_live = batch.valid_until > now
    numbers = {
        Status.ISSUED: batch.open_issued if is_live else 0,
        Status.EXPIRED: batch.open_expired + (0 if is_live else batch.open_issued),
        Status.CONSUMED: batch.open_consumed,
        Status.CANCELLED: batch.open_cancelled,
    }
    shown = Status(status) if status else next(key for key, number in numbers.items() if number)
    return Card(batch.pk, batch, shown, numbers[shown], is_own=False)


def _after(rows: QuerySet[M, M], sort: str, place: list[Any] | None) -> QuerySet[M, M]:
    """Order rows and keep those behind a place in that order (keyset paging)."""
    names = SORTS[sort]
    rows = rows.order_by(*names)
    if place is None:
        return rows
    behind, same = Q(), Q()
    for name, value in zip(names, place, strict=True):
        field, step = (name[1:], "lt") if name.startswith("-") else (name, "gt")
        behind |= same & Q(**{f"{field}__{step}": value})
        same &= Q(**{field: value})
    return rows.filter(behind)


def _write_cursor(card: Card, sort: str) -> str:
    place = []
    for name in SORTS[sort]:
        value = getattr(card.promise, name.removeprefix("-"))
        place.append(value.isoformat() if isinstance(value, datetime) else value)
    content = json.dumps(["own" if card.is_own else "open", sort, place], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _fits(name: str, value: Any) -> bool:
    """Tell whether a value that a cursor brought can be compared with a field of its order."""
    if name == "is_over":
        return isinstance(value, bool)
    if name == "valid_until":
        return bool(EARLIEST <= value <= LATEST)
    return isinstance(value, str) and is_storable(value)


def _read_cursor(cursor: str, sort: str) -> tuple[str, list[Any] | None]:
    if not cursor:
        return "own", None
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        source, made_for, place = json.loads(content)
        place = [
            datetime.fromisoformat(value) if name == "valid_until" else value
            for name, value in zip(SORTS[made_for], place, strict=True)
        ]
        fits = all(map(_fits, SORTS[made_for], place))
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError) as error:
        raise Rejected("cursor_invalid", _CURSOR_WORDS) from error
    if source not in ("own", "open") or made_for != sort or not fits:
        raise Rejected("cursor_invalid", _CURSOR_WORDS)
    return source, place


class HotelChoice(NamedTuple):
    """A hotel that the list can be narrowed to."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What the list can be narrowed to: the hotels by name, and the services that there are vouchers of."""

    hotels: list[HotelChoice]
    services: list[str]


def choices() -> Choices:
    """Return what the filters offer, both in one query."""
    hotels = Hotel.objects.order_by().values_list(Value("hotel"), F("uid"), F("name"))
    services = Batch.objects.order_by().values_list(Value("service"), F("service_type"), F("service_type"))
    found: dict[str, list[HotelChoice]] = {"hotel": [], "service": []}
    for kind, key, name in hotels.union(services):
        found[kind].append(HotelChoice(key, name))
    return Choices(
        sorted(found["hotel"], key=lambda hotel: (hotel.name.casefold(), hotel.uid)),
        sorted(key for key, _name in found["service"]),
    )
