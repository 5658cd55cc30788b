"""What comes over from the system that this one replaces: hotels, by the ids that it knew them by."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Rejected
from portal.ids import is_id
from vouchers.models import Hotel


@transaction.atomic
def hotel_of_issuer(uid: str, *, by: Actor, now: datetime) -> Hotel:
    """Return the hotel of an issuer; one that is not known yet is made, in UTC and EUR.

    Raises Rejected("issuer_invalid") for what can be no hotel's uid.
    """
    if not is_id(uid):
        raise Rejected(
            "issuer_invalid", _("A hotel's uid has at most 40 letters, digits, dashes and underscores.")
        )
    hotel, is_new = Hotel.objects.get_or_create(uid=uid, defaults={"name": uid})
    if is_new:
        change = Change("hotel.add", "hotel", uid, uid, {}, {"name": uid, "time_zone": hotel.time_zone})
        record([change], by=by, now=now)
    return hotel
