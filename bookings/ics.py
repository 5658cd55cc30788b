"""Bookings as iCalendar files (RFC 5545)."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event

from bookings.models import Booking

_YEAR = timedelta(days=366)


def calendar_file(booking: Booking, *, now: datetime) -> bytes:
    """Return a booking as a calendar of one event, in the hotel's time zone.

    Its UID stays and its SEQUENCE grows when the booking moves, so that a calendar program
    changes the entry instead of adding one.
    """
    hotel, voucher = booking.hotel, booking.voucher
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    event = Event()
    event.add("uid", f"{booking.pk}@{host}")
    event.add("dtstamp", now)
    event.add("sequence", booking.revision)
    starts, ends = booking.slot_start.astimezone(hotel.zone), booking.slot_end.astimezone(hotel.zone)
    if starts.fold or ends.fold:
        # A local time that exists twice means its first reading (RFC 5545, 3.3.5): the second is told in UTC.
        starts, ends = starts.astimezone(UTC), ends.astimezone(UTC)
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("summary", f"{voucher.title}, {hotel.name}")
    event.add("location", ", ".join(filter(None, (hotel.name, hotel.address))))
    event.add("url", f"{settings.PUBLIC_URL}/booking/{booking.pk}/")
    event.add("status", "CONFIRMED" if booking.is_standing else "CANCELLED")
    calendar = Calendar()
    calendar.add("prodid", "-//Hotel voucher portal//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    # The zone's changes around the slot: without dates they end in 2038.
    calendar.add_missing_timezones((booking.slot_start - _YEAR).date(), (booking.slot_end + _YEAR).date())
    return bytes(calendar.to_ical())
