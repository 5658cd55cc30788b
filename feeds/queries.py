"""Reads of what a feed shows, and the calendar made of it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Calendar

from bookings.ics import PRODUCT, event_of, host, write
from bookings.models import Booking
from events.models import Event
from feeds.domain import digest_of
from feeds.models import Feed

SHOWN_FOR = timedelta(days=60)
MOST_EVENTS = 500
REFRESH = timedelta(hours=1)


def feed_of(secret: str) -> Feed | None:
    """Return the feed that a secret address leads to."""
    return Feed.objects.select_related("hotel").filter(digest=digest_of(secret)).first()


def bookings_in(feed: Feed, now: datetime) -> list[Booking]:
    """Return the standing bookings that a feed shows: those of the last 60 days and to come, 500 at most."""
    standing = Booking.objects.standing().filter(slot_end__gt=now - SHOWN_FOR)
    whose = standing.filter(hotel=feed.hotel) if feed.hotel else standing.held_by(feed.guest_uid)
    return list(whose.select_related("hotel", "voucher").order_by("slot_start", "pk")[:MOST_EVENTS])


def calendar_of(feed: Feed, *, address: str, now: datetime) -> bytes:
    """Return a feed as a calendar; it is the same, byte for byte, until something in it changes.

    Nothing of a guest is in it: calendars are kept on devices that nobody can erase.
    """
    bookings = bookings_in(feed, now)
    changed = _last_changes(bookings)
    with translation.override(_language_of(feed, bookings)):
        calendar = _head(feed, address)
    for booking in bookings:
        stamp = changed.get(booking.voucher_id, booking.created_at)
        event = event_of(booking, stamp=stamp, url=_url_of(feed, booking))
        event.add("last-modified", stamp)
        event.add("created", booking.created_at)
        calendar.add_component(event)
    return write(calendar, bookings)


def _head(feed: Feed, address: str) -> Calendar:
    """Return a calendar without events; no METHOD, since nobody is asked to do anything."""
    name = feed.hotel.name if feed.hotel else _("My hotel bookings")
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("uid", f"{feed.pk}@{host()}")
    calendar.add("name", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("source", address, parameters={"VALUE": "URI"})
    calendar.add("url", f"{settings.PUBLIC_URL}/")
    calendar.add("color", "teal")
    # What the same things were called before RFC 7986: widely read.
    calendar.add("x-wr-calname", name)
    calendar.add("x-published-ttl", "PT1H")
    return calendar


def _last_changes(bookings: list[Booking]) -> dict[str, datetime]:
    """Return when each booking's voucher last changed, as the journal knows it."""
    subjects = {booking.voucher_id for booking in bookings}
    rows = Event.objects.filter(subject_id__in=subjects).order_by().values_list("subject_id")
    return dict(rows.annotate(last=Max("created_at")))


def _language_of(feed: Feed, bookings: list[Booking]) -> str:
    if feed.hotel:
        return feed.hotel.default_language
    return bookings[-1].language if bookings else settings.LANGUAGE_CODE


def _url_of(feed: Feed, booking: Booking) -> str:
    path = f"/admin/bookings/booking/{booking.pk}/change/" if feed.hotel else f"/booking/{booking.pk}/"
    return f"{settings.PUBLIC_URL}{path}"
