"""The verbs that concern all that is kept of a guest: erase it, in time by itself, and find it again."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from access.idempotency import forget_reasons
from bookings.forgetting import forget_guest, forget_old_bookings
from bookings.holds import forget_holds
from bookings.models import Booking
from events.domain import Change, record
from feeds.domain import revoke_guest_feed
from guests.models import LinkRequest
from guests.tasks import send_link
from parties.domain import forget_member
from portal.actors import Actor
from presence.domain import forget_presence, revoke_guest_links
from waiting.domain import forget_waiting

KEEP_REQUESTS = timedelta(hours=1)


@transaction.atomic
def erase_guest(*, uid: str, by: Actor, now: datetime) -> int:
    """Erase name, address, notes and all else of a person, wherever it stands; returns of how many bookings.

    Bookings stay for the hotel's books, without a person. Guest links stop working.

    Raises Conflict("bookings_upcoming") while the guest still has a live booking.
    """
    own = Booking.objects.held_by(uid)
    keys = set(own.values_list("pk", flat=True))
    addresses = set(own.exclude(guest_email="").values_list("guest_email", flat=True))
    number = forget_guest(guest_uid=uid, by=by, now=now)
    forget_holds(uid)
    forget_waiting(guest_uid=uid, by=by, now=now)
    forget_member(uid=uid)
    forget_presence(uid=uid, now=now)
    revoke_guest_feed(uid=uid, by=by, now=now)
    forget_reasons(keys)
    LinkRequest.objects.filter(address__in=addresses).delete()
    revoke_guest_links(uid)
    record([Change("guest.forget", "guest", uid, "", {"kept": True}, {"kept": False})], by=by, now=now)
    return number


def forget_by_age(*, by: Actor, now: datetime) -> int:
    """Erase the person from bookings that ended GUEST_DATA_DAYS ago; returns from how many.

    In transactions of a few hundred, and safe to run in any number of workers at once.
    """
    if not settings.GUEST_DATA_DAYS:
        return 0
    ended_before = now - timedelta(days=settings.GUEST_DATA_DAYS)
    total = 0
    while number := forget_old_bookings(ended_before=ended_before, by=by, now=now):
        total += number
    return total


@transaction.atomic
def ask_for_link(*, address: str, now: datetime) -> None:
    """Have a guest link sent to an address, if it has booked: a worker looks whether it has.

    What is done here is the same for every address, so that neither the answer nor the time
    that it takes tells who is known.
    """
    send_link.enqueue(LinkRequest.objects.create(address=address.lower(), asked_at=now).pk)


def prune_requests(now: datetime) -> int:
    """Delete the requests that no worker came to in an hour; returns how many."""
    return LinkRequest.objects.filter(asked_at__lt=now - KEEP_REQUESTS).delete()[0]
