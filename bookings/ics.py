"""Bookings as iCalendar files (RFC 5545)."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event

from bookings.models import Booking


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
    event.add("dtstart", booking.slot_start.astimezone(hotel.zone))
    event.add("dtend", booking.slot_end.astimezone(hotel.zone))
    event.add("summary", f"{voucher.title}, {hotel.name}")
    event.add("location", ", ".join(filter(None, (hotel.name, hotel.address))))
    event.add("url", f"{settings.PUBLIC_URL}/booking/{booking.pk}/")
    event.add("status", "CONFIRMED" if booking.is_standing else "CANCELLED")
    calendar = Calendar()
    calendar.add("prodid", "-//Hotel voucher portal//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
