"""Filters that put times, money, lengths and reasons into words; loaded in every template."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.codes import qr_svg, voucher_code
from bookings.models import Booking
from bookings.slot_ids import slot_id
from bookings.slots import Day, Reason, Slot
from portal import formats
from vouchers.services import service_name
from vouchers.states import Status

register = template.Library()

register.filter("service_name", service_name)
register.filter("length_words", formats.length_words)
register.filter("day", formats.day_words)
register.filter("long_day", formats.long_day_words)
register.filter("month", formats.month_words)
register.filter("slot_id", slot_id)


@register.simple_tag
def desk_qr(voucher_id: str) -> SafeString:
    """Return the code that a voucher's guest shows at the desk."""
    return qr_svg(voucher_code(voucher_id), label=_("Code for the front desk"))


@register.filter
def day_and_year(day: date) -> str:
    """Return a day with its year."""
    return formats.day_words(day, with_year=True)


@register.filter
def in_zone(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return an instant as the hotel's clock shows it."""
    return instant.astimezone(zone)


@register.filter
def day_in(instant: datetime, zone: ZoneInfo) -> date:
    """Return the hotel's day of an instant."""
    return instant.astimezone(zone).date()


@register.filter
def time_in(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant's time by the hotel's clock."""
    return formats.time_words(instant, zone)


@register.filter
def slot_in(slot: Slot, zone: ZoneInfo) -> str:
    """Return a slot with its day."""
    return formats.slot_words(slot.start, slot.end, zone)


@register.filter
def slot_in_booking(booking: Booking) -> str:
    """Return a booking's slot with its day, by its hotel's clock."""
    return formats.slot_words(booking.slot_start, booking.slot_end, booking.hotel.zone)


@register.filter
def whole(words: str) -> SafeString:
    """Return words that a narrow screen moves to the next line together."""
    return format_html('<span class="whole">{}</span>', words)


@register.filter
def hours_in(slot: Slot, zone: ZoneInfo) -> str:
    """Return a slot without its day: "10:00–11:00"."""
    return f"{formats.time_words(slot.start, zone)}–{formats.time_words(slot.end, zone)}"


@register.filter
def price(promise: object) -> str:
    """Return the price of a voucher in words."""
    amount: Decimal | None = getattr(promise, "price_amount", None)
    if not amount:
        return _("Included")
    return formats.money_words(amount, getattr(promise, "price_currency", "EUR"))


@register.filter
def free_words(day: Day) -> str:
    """Return how many slots a day has free, or why it has none."""
    if day.free:
        return ngettext("%(number)d free", "%(number)d free", day.free) % {"number": day.free}
    return reason_words(day)


@register.filter
def reason_words(day: Day) -> str:
    """Return why a day has no free slot."""
    words = {
        Reason.PAST: _("This day is over."),
        Reason.NOT_YET_VALID: _("The voucher is not valid yet."),
        Reason.NO_LONGER_VALID: _("The voucher is not valid any more."),
        Reason.NOT_OPEN: _("Not open on this day."),
        Reason.TOO_SOON: _("Too late to book for this day."),
        Reason.FULL: _("Fully booked."),
    }
    if day.reason == Reason.CLOSURE:
        return _("Closed: %(reason)s") % {"reason": day.closure}
    return words[day.reason] if day.reason else ""


@register.filter
def status_chip(status: str) -> SafeString:
    """Return a status as a labelled chip."""
    return format_html('<span class="chip chip-{}">{}</span>', str(status), Status(status).label)


@register.simple_tag
def own_clock(zone: ZoneInfo, start: datetime, end: datetime | None = None) -> SafeString:
    """Return a place for the same times by the reader's own clock: a script fills it where that differs."""
    return format_html(
        '<span data-clock="{}" data-from="{}" data-to="{}" data-words="{}" hidden></span>',
        zone.key,
        start.isoformat(),
        (end or start).isoformat(),
        _("On your clock: {time}."),
    )


@register.filter
def zone_words(zone: ZoneInfo) -> str:
    """Return a time zone by its city: "Amsterdam", "New York"."""
    return zone.key.rpartition("/")[2].replace("_", " ")


@register.simple_tag
def weekdays() -> list[tuple[str, str]]:
    """Return the short and full names of the days from Monday on."""
    return formats.weekday_names()
