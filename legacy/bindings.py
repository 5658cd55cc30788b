"""Who an id of the earlier system is: a session's own guest, or an id that this session used first."""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from access.authentication import count
from legacy.models import BoundId
from portal.errors import Malformed
from presence.browser import guest_uid_of, refuse_other_guest
from presence.domain import digest_of, new_guest_uid

_ID_LENGTH = 64
# As long as the cookie of the session lasts.
KEEP_BOUND = timedelta(days=365)


def acting_uid(request: HttpRequest, thinker_id: str, now: datetime) -> str:
    """Return the guest that a request acts for; a browser that is nobody's yet becomes a new guest.

    An id that was never verified is a name for the guest of the first session that uses it, and
    gives nobody else's presence or bookings away.

    Raises NotAllowed("thinker_foreign") for an id that is another session's,
    Malformed("request_malformed") for what can be no id, TooMany("limit_reached").
    """
    if len(thinker_id) > _ID_LENGTH or not thinker_id.isprintable():
        raise Malformed("request_malformed", _("This request is not well-formed."))
    uid = guest_uid_of(request)
    if uid and thinker_id == uid:
        return uid
    digest = digest_of("unverified-id", thinker_id)
    bound = BoundId.objects.filter(pk=digest).values_list("uid", flat=True).first()
    if bound is None:
        # New names cost something to store: they are counted for the address that makes them.
        count(request, now)
        uid = uid or new_guest_uid()
        row, _new = BoundId.objects.get_or_create(digest=digest, defaults={"uid": uid, "bound_at": now})
        bound = row.uid
    refuse_other_guest(uid, bound)
    return uid


def prune_bindings(now: datetime) -> int:
    """Forget the ids of sessions that have ended by themselves; returns how many."""
    return BoundId.objects.filter(bound_at__lt=now - KEEP_BOUND).delete()[0]
