"""Reads of what is printed, in the words of the active language."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from bookings.codes import voucher_code
from bookings.models import Booking, BookingStatus
from bookings.wallclock import day_bounds
from portal import formats
from printing.words import DayLine, DaySheet, Ticket
from vouchers.models import Batch, Hotel, Voucher
from vouchers.services import service_name
from vouchers.states import Status

# So many vouchers are read, put into words and drawn before the next ones are read.
CHUNK = 200
MOST_OF_DAY = 2000
_USABLE = (Status.ISSUED, Status.BOOKED)


def open_vouchers(batch: Batch, now: datetime) -> QuerySet[Voucher]:
    """Return the vouchers of a batch that nobody holds and that can still be used."""
    return Voucher.objects.shown_as(Status.ISSUED, now).open().filter(batch=batch)


def tickets(vouchers: QuerySet[Voucher], *, language: str, now: datetime, most: int) -> Iterator[Ticket]:
    """Yield vouchers with their codes, oldest first, as they are to be printed by the hotel.

    They are read by their keys, some at a time: no cursor and no transaction stays open
    while a slow reader takes the file. No language stays active between two of them.
    """
    return islice(_all_tickets(vouchers, language, now), most)


def _all_tickets(vouchers: QuerySet[Voucher], language: str, now: datetime) -> Iterator[Ticket]:
    rows = vouchers.select_related("hotel").order_by("pk")
    last = ""
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        with override(language):
            found = [ticket_of_voucher(voucher, now=now, with_code=True) for voucher in chunk]
        yield from found
        last = chunk[-1].pk


def ticket_of_voucher(voucher: Voucher, *, now: datetime, with_code: bool) -> Ticket:
    """Return a voucher as it is printed.

    The code redeems it: `with_code` only for the hotel's staff and for who holds the voucher.
    One that can no longer be used has none for anybody.
    """
    status = voucher.shown(now)
    about, stamp = [_("Show this at the front desk.")], ""
    if status not in _USABLE:
        about, stamp = [_("This voucher can no longer be used.")], str(status.label)
    elif not with_code:
        about = [_("The code for the front desk comes with your booking.")]
    if status == Status.ISSUED:
        about.append(_("Book a time: %(address)s") % {"address": settings.PUBLIC_URL})
    facts = (*_facts(voucher), (_("Valid"), _validity_words(voucher)))
    return _ticket(voucher, facts, with_code=with_code and status in _USABLE, about=tuple(about), stamp=stamp)


def ticket_of_booking(booking: Booking, *, now: datetime) -> Ticket:
    """Return a booking with its voucher loaded, as its guest prints it: with the code while it is live."""
    voucher, zone = booking.voucher, booking.hotel.zone
    is_live = booking.is_live(now)
    about = (_("Show this at the front desk."),) if is_live else ()
    stamp = "" if is_live else booking_words(booking, now)
    day = formats.long_day_words(booking.slot_start.astimezone(zone).date())
    city = zone.key.rpartition("/")[2].replace("_", " ")
    facts = _facts(voucher)
    if booking.guest_name:
        facts = (*facts, (_("Name"), booking.guest_name))
    return _ticket(
        voucher,
        facts,
        when=(day, f"{_hours(booking)} ({city})"),
        with_code=is_live,
        about=about,
        stamp=stamp,
    )


def _ticket(
    voucher: Voucher,
    facts: tuple[tuple[str, str], ...],
    *,
    with_code: bool,
    about: tuple[str, ...],
    stamp: str,
    when: tuple[str, ...] = (),
) -> Ticket:
    hotel = voucher.hotel
    return Ticket(
        id=voucher.pk,
        hotel=hotel.name,
        address=hotel.address,
        contact=" · ".join(filter(None, (hotel.phone, hotel.email))),
        service=service_name(voucher.service_type),
        title=voucher.title,
        text=voucher.description,
        when=when,
        facts=facts,
        terms=tuple(_terms(voucher.terms)),
        code=voucher_code(voucher.pk) if with_code else "",
        about=about,
        stamp=stamp,
    )


def _facts(voucher: Voucher) -> tuple[tuple[str, str], ...]:
    return (
        (_("Length"), formats.length_words(voucher.duration_minutes)),
        (_("Price"), _price_words(voucher)),
    )


def _price_words(voucher: Voucher) -> str:
    if not voucher.price_amount:
        return _("Included")
    money = formats.money_words(voucher.price_amount, voucher.price_currency)
    return f"{money}, {_('paid at the hotel')}"


def _validity_words(voucher: Voucher) -> str:
    """Return from which day to which minute a voucher is good, by its hotel's clock."""
    zone = voucher.hotel.zone
    first, last = (
        formats.day_words(at.astimezone(zone).date(), with_year=True)
        for at in (voucher.valid_from, voucher.valid_until)
    )
    return f"{first} – {last}, {formats.time_words(voucher.valid_until, zone)}"


def _terms(terms: object) -> Iterator[str]:
    """Yield the terms, each with its name; what a hotel's system nested is shown as it came."""
    if isinstance(terms, Mapping):
        for name, content in terms.items():
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            yield f"{name}: {text}"


def _hours(booking: Booking) -> str:
    zone = booking.hotel.zone
    return f"{formats.time_words(booking.slot_start, zone)}–{formats.time_words(booking.slot_end, zone)}"


def booking_words(booking: Booking, now: datetime) -> str:
    """Return what has become of a booking: of the slot, the guest and the voucher."""
    if not booking.is_standing:
        return str(BookingStatus.CANCELLED.label)
    if booking.no_show_at and booking.voucher.status != Status.CONSUMED:
        return _("Not come")
    return str(booking.voucher.shown(now).label)


def day_sheet(hotel: Hotel, day: date, now: datetime) -> DaySheet:
    """Return a hotel's bookings that start on a day of its clock, by time: one statement.

    Those that were cancelled are among them, so that nobody waits for a guest in vain. Of
    very many, the first 2,000.
    """
    since, until = day_bounds(day, hotel.zone)
    rows = Booking.objects.filter(hotel=hotel, slot_start__gte=since, slot_start__lt=until)
    rows = rows.select_related("hotel", "voucher").order_by("slot_start", "guest_name", "pk")
    found = [_day_line(booking, now) for booking in rows[:MOST_OF_DAY]]
    coming = sum(not line.is_cancelled for line in found)
    printed = now.astimezone(hotel.zone)
    return DaySheet(
        hotel=hotel.name,
        day=formats.long_day_words(day),
        summary=ngettext("%(number)d booking", "%(number)d bookings", coming) % {"number": coming},
        printed=_("As of %(day)s, %(time)s")
        % {"day": formats.day_words(printed.date()), "time": formats.time_words(now, hotel.zone)},
        nothing=_("Nothing is booked on this day."),
        headings=(_("Time"), _("Guest"), _("What"), _("Length"), _("Note"), _("Arrived"), _("Status")),
        lines=tuple(found),
    )


def _day_line(booking: Booking, now: datetime) -> DayLine:
    arrived = booking.arrived_at
    minutes = int((booking.slot_end - booking.slot_start).total_seconds() // 60)
    return DayLine(
        time=_hours(booking),
        guest=booking.guest_name or "–",
        what=booking.voucher.title,
        length=formats.length_words(minutes),
        note=booking.guest_note,
        arrived=formats.time_words(arrived, booking.hotel.zone) if arrived else "",
        status=booking_words(booking, now),
        is_cancelled=not booking.is_standing,
    )
