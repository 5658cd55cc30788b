"""Bookings as iCalendar files (RFC 5545, 7986) and as invitations in mails (RFC 5546)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from enum import StrEnum
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, vCalAddress

from bookings.models import Booking

_YEAR = timedelta(days=366)
PRODUCT = "-//Hotel voucher portal//EN"


class Method(StrEnum):
    """What a calendar program is asked to do with an event."""

    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


def calendar_file(booking: Booking, *, now: datetime, method: Method = Method.PUBLISH) -> bytes:
    """Return a booking as a calendar of one event, in the hotel's time zone.

    Its UID stays and its SEQUENCE grows when the booking moves or is cancelled, so that a
    calendar program changes the entry instead of adding one. With REQUEST and CANCEL, which
    go to the guest's own address, the guest is named as the attendee.
    """
    event = event_of(booking, stamp=now, url=f"{settings.PUBLIC_URL}/booking/{booking.pk}/")
    event.add("organizer", _organizer(booking))
    if method != Method.PUBLISH and booking.guest_email:
        event.add("attendee", _attendee(booking))
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method.value)
    calendar.add_component(event)
    return write(calendar, [booking])


def event_of(booking: Booking, *, stamp: datetime, url: str) -> Event:
    """Return a booking's event: what, when and where, and nothing of its guest."""
    hotel, voucher = booking.hotel, booking.voucher
    event = Event()
    event.add("uid", f"{booking.pk}@{host()}")
    event.add("dtstamp", stamp)
    event.add("sequence", sequence_of(booking))
    starts, ends = booking.slot_start.astimezone(hotel.zone), booking.slot_end.astimezone(hotel.zone)
    if starts.fold or ends.fold:
        # A local time that exists twice means its first reading (RFC 5545, 3.3.5): the second is told in UTC.
        starts, ends = starts.astimezone(UTC), ends.astimezone(UTC)
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("summary", f"{voucher.title}, {hotel.name}")
    event.add("location", ", ".join(filter(None, (hotel.name, hotel.address))))
    event.add("url", url)
    event.add("status", "CONFIRMED" if booking.is_standing else "CANCELLED")
    return event


def sequence_of(booking: Booking) -> int:
    """Return how often a booking has changed for whoever has it in a calendar.

    Moves are counted by its revision; being cancelled is one more change, and the last there is.
    """
    return booking.revision if booking.is_standing else booking.revision + 1


def write(calendar: Calendar, bookings: Iterable[Booking]) -> bytes:
    """Return a calendar as it goes over the wire, with the time zones that its events name."""
    times = [moment for booking in bookings for moment in (booking.slot_start, booking.slot_end)]
    if times:
        # The zones' changes around the slots: without dates they end in 2038.
        calendar.add_missing_timezones((min(times) - _YEAR).date(), (max(times) + _YEAR).date())
    return bytes(calendar.to_ical())


def host() -> str:
    """Return the name that makes ids of this portal unlike those of any other."""
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"


def _organizer(booking: Booking) -> vCalAddress:
    address = vCalAddress(f"mailto:{booking.hotel.email or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}")
    address.params["CN"] = _parameter(booking.hotel.name)
    return address


def _attendee(booking: Booking) -> vCalAddress:
    address = vCalAddress(f"mailto:{booking.guest_email}")
    if booking.guest_name:
        address.params["CN"] = _parameter(booking.guest_name)
    address.params["PARTSTAT"] = "ACCEPTED"
    address.params["RSVP"] = "FALSE"
    return address


def _parameter(text: str) -> str:
    """Return a text without what no parameter can hold (RFC 5545, 3.2)."""
    return "".join("’" if sign == '"' else sign for sign in text if sign.isprintable())
