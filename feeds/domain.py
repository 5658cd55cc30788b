"""The verbs of calendar feeds: make a secret address, and make it worthless."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from feeds.models import Feed
from portal.actors import Actor
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from vouchers.models import Hotel
from vouchers.validators import is_storable

MOST_PER_HOTEL = 20
_RANDOM_BYTES = 32


def digest_of(secret: str) -> str:
    """Return what is kept of a secret address."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_guest_feed(*, uid: str, by: Actor, now: datetime) -> str:
    """Make the address of a guest's bookings and return its secret, which is kept nowhere.

    A guest has one: the former stops working.
    """
    revoke_guest_feed(uid=uid, by=by, now=now)
    return _make(Feed(guest_uid=uid), by, now)


@transaction.atomic
def make_hotel_feed(*, hotel: Hotel, name: str, by: Actor, now: datetime) -> tuple[Feed, str]:
    """Make an address of a hotel's bookings; returns it with its secret, which is kept nowhere.

    Raises Rejected("feed_name_invalid"), Conflict("feeds_too_many") when the hotel has MOST_PER_HOTEL.
    """
    if not name.strip() or len(name) > 80 or not is_storable(name):
        raise Rejected("feed_name_invalid", _("Give the feed a name of at most 80 characters."))
    Hotel.objects.select_for_update(no_key=True).get(pk=hotel.pk)
    if Feed.objects.filter(hotel=hotel).count() >= MOST_PER_HOTEL:
        raise Conflict(
            "feeds_too_many", _("A hotel has %(most)d calendar feeds at most."), most=MOST_PER_HOTEL
        )
    feed = Feed(hotel=hotel, name=name)
    return feed, _make(feed, by, now)


def _make(feed: Feed, by: Actor, now: datetime) -> str:
    secret = secrets.token_urlsafe(_RANDOM_BYTES)
    feed.id, feed.digest = new_id("f", now), digest_of(secret)
    feed.created_at, feed.created_by = now, by.id
    feed.save(force_insert=True)
    record([_change(feed, "create", {}, {"name": feed.name})], by=by, now=now)
    return secret


@transaction.atomic
def revoke_guest_feed(*, uid: str, by: Actor, now: datetime) -> bool:
    """Make the address of a guest's bookings worthless; tells whether there was one."""
    return _revoke(Feed.objects.filter(guest_uid=uid).first() if uid else None, by, now)


@transaction.atomic
def revoke_hotel_feed(*, feed_id: str, by: Actor, now: datetime) -> None:
    """Make an address of a hotel's bookings worthless at once.

    Raises Conflict("feed_revoked") for one that is so already.
    """
    if not _revoke(Feed.objects.filter(pk=feed_id, hotel__isnull=False).first(), by, now):
        raise Conflict("feed_revoked", _("This calendar feed has been switched off."))


def _revoke(feed: Feed | None, by: Actor, now: datetime) -> bool:
    if feed is None or not Feed.objects.filter(pk=feed.pk).delete()[0]:
        return False
    record([_change(feed, "revoke", {"name": feed.name}, {})], by=by, now=now)
    return True


def _change(feed: Feed, verb: str, before: dict[str, str], after: dict[str, str]) -> Change:
    return Change(f"feed.{verb}", "feed", feed.pk, feed.hotel_id or "", before, after)
