"""Pieces of pages that come many at a time: cards of the list, days of the month, times of a day.

Each is a pure function of plain values, so the same words in the same language are rendered
once and then remembered. A page of twenty cards is mostly a join of known text.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django import template
from django.http import QueryDict
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from bookings.places import CalendarPlace
from bookings.slot_ids import slot_id
from bookings.slots import Day, Slot
from vouchers.queries import Card

register = template.Library()


@dataclass(frozen=True, slots=True)
class CardWords:
    """All that a card says; equal cards look alike."""

    language: str | None
    href: str
    is_chosen: bool
    is_own: bool
    status: str
    number: int
    title: str
    hotel: str
    zone: ZoneInfo
    service_type: str
    duration_minutes: int
    price_amount: Decimal | None
    price_currency: str
    valid_until: datetime
    slot: Slot | None


@dataclass(frozen=True, slots=True)
class BareDay:
    """What a cell says of a day: how much is free, not when."""

    day: date
    free: int
    reason: str | None
    closure: str


@dataclass(frozen=True, slots=True)
class SlotWords:
    """All that a time of a day says; `start` and `end` are told by the clock of `zone`."""

    language: str | None
    # Where it leads: to its form while there is a place left, else to its waiting list, if it has one.
    address: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    left: int
    has_places: bool
    is_held: bool
    is_chosen: bool


def _bare(day: Day) -> BareDay:
    return BareDay(day.day, day.free, day.reason, day.closure)


@lru_cache(maxsize=4096)
def _card(card: CardWords) -> SafeString:
    return mark_safe(get_template("vouchers/_voucher_card.html").render({"card": card}))  # noqa: S308


@lru_cache(maxsize=8192)
def _cell(language: str | None, prefix: str, day: BareDay, *, is_chosen: bool) -> SafeString:  # noqa: ARG001
    context = {"day": day, "prefix": prefix, "is_chosen": is_chosen}
    return mark_safe(get_template("bookings/_day_cell.html").render(context))  # noqa: S308


@lru_cache(maxsize=8192)
def _line(language: str | None, prefix: str, day: BareDay) -> SafeString:  # noqa: ARG001
    return mark_safe(get_template("bookings/_day_line.html").render({"day": day, "prefix": prefix}))  # noqa: S308


@lru_cache(maxsize=8192)
def _slot(slot: SlotWords) -> SafeString:
    return mark_safe(get_template("bookings/_slot_item.html").render({"slot": slot}))  # noqa: S308


def prefix_without(query: QueryDict, *names: str) -> str:
    """Return the start of an address that keeps a query but for some names: "?q=spa&" or "?"."""
    kept = query.copy()
    for name in names:
        kept.pop(name, None)
    return f"?{kept.urlencode()}&" if kept else "?"


@register.simple_tag
def voucher_cards(
    cards: list[Card], next_free: dict[str, Slot | None], chosen_key: str, query: QueryDict
) -> SafeString:
    """Return the cards of a page."""
    prefix = prefix_without(query, "voucher", "month", "day", "slot", "after")
    language = get_language()
    pieces = []
    for card in cards:
        promise = card.promise
        slot = next_free.get(card.key)
        words = CardWords(
            language,
            f"{prefix}voucher={card.key}",
            card.key == chosen_key,
            card.is_own,
            card.status,
            card.number,
            promise.title,
            promise.hotel.name,
            promise.hotel.zone,
            promise.service_type,
            promise.duration_minutes,
            promise.price_amount,
            promise.price_currency,
            promise.valid_until,
            # How many places it has left is not on the card: it would only make it another one.
            Slot(slot.start, slot.end, 1) if slot else None,
        )
        pieces.append(_card(words))
    return mark_safe("".join(pieces))  # noqa: S308 - made of rendered templates


@register.simple_tag
def month_cells(weeks: list[list[Day | None]], chosen: date | None, query: QueryDict) -> SafeString:
    """Return the rows of a month's grid."""
    prefix = prefix_without(query, "month", "day", "slot", "after")
    language = get_language()
    rows = [
        "".join(
            '<td class="out"></td>'
            if day is None
            else _cell(language, prefix, _bare(day), is_chosen=day.day == chosen)
            for day in week
        )
        for week in weeks
    ]
    return mark_safe("".join(f"<tr>{row}</tr>" for row in rows))  # noqa: S308 - as above


@register.simple_tag
def month_lines(days: list[Day], query: QueryDict) -> SafeString:
    """Return the days of a month as items of a list."""
    prefix = prefix_without(query, "month", "day", "slot", "after")
    language = get_language()
    return mark_safe("".join(_line(language, prefix, _bare(day)) for day in days))  # noqa: S308


@register.simple_tag
def slot_items(day: Day, place: CalendarPlace, query: QueryDict) -> SafeString:
    """Return the times of a day as items of a list."""
    prefix = f"{prefix_without(query, 'month', 'day', 'slot')}day={day.day}&slot="
    waiting = f"{reverse('waiting:join')}?voucher={place.promise.pk}&slot=" if place.can_wait else ""
    language, zone = get_language(), place.hotel.zone
    has_places = place.calendar.calendar.places > 1
    pieces = []
    for slot in day.slots:
        way = prefix if slot.left else waiting
        address = f"{way}{quote(slot_id(slot.start))}" if way else ""
        is_chosen = slot.start == place.wanted
        words = SlotWords(
            language,
            address,
            slot.start,
            slot.end,
            zone,
            slot.left if has_places else min(slot.left, 1),
            has_places,
            place.takes_holds,
            is_chosen,
        )
        pieces.append(_slot(words))
    return mark_safe("".join(pieces))  # noqa: S308 - as above
