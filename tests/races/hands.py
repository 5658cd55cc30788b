"""Hands of a waiting list's race: each is a process of its own that frees, sweeps or answers.

Started with a role, an offer, the path of a file, the number of places and a seed; works until that file
is there, the one that frees until everything is freed. Then it writes one line of JSON.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from bookings.domain import cancel_booking
from bookings.holds import hold_slot, prune_holds
from bookings.models import Booking
from bookings.promises import promise_of
from portal.actors import guest
from portal.errors import Rejected
from presence.domain import new_guest_uid
from tests.make import CLERK
from waiting.domain import accept_offer, leave_waiting, pass_offer, serve_all, serve_offer
from waiting.models import Entry

# Seconds that an offer stands here, and a hold.
STANDS, HOLDS = 3, 1
# Leaves the others something to do: a hand waits for nothing.
_PACE = 0.05
_VERBS: tuple[Callable[..., object], ...] = (
    accept_offer,
    pass_offer,
    accept_offer,
    leave_waiting,
    accept_offer,
)


def free(offer_id: str, chance: random.Random) -> str:
    """Cancel one of the bookings that were there from the start."""
    first = Booking.objects.standing().filter(offer=offer_id, guest_note="from the start")
    key = chance.choice(list(first.values_list("pk", flat=True)[:5]))
    cancel_booking(booking_id=key, by=CLERK, now=timezone.now())
    return "freed"


def sweep(offer_id: str, chance: random.Random) -> str:
    """Do what a worker does, and now and then what a request does."""
    now = timezone.now()
    prune_holds(now)
    number = serve_offer(offer_id=offer_id, now=now) if chance.random() < 0.3 else serve_all(now)
    return "offered" if number else "swept"


def answer(offer_id: str, chance: random.Random) -> str:
    """Answer an offer as its guest does: by accepting, passing, leaving, or, one in six, not at all.

    Two hands may answer the same offer at once.
    """
    offered = list(Entry.objects.offered().filter(offer=offer_id))
    if not offered:
        return "nothing"
    entry = chance.choice(offered)
    kind = int(entry.guest_name.split()[1]) % (len(_VERBS) + 1)
    if kind == len(_VERBS):
        return "silent"
    _VERBS[kind](entry_id=entry.pk, by=guest(entry.guest_uid), now=timezone.now())
    return _VERBS[kind].__name__


def jump(offer_id: str, chance: random.Random) -> str:
    """Choose the slot out of turn, and go away."""
    now, uid = timezone.now(), new_guest_uid()
    booking = Booking.objects.filter(offer=offer_id).select_related("voucher")[0]
    promise = promise_of(booking.voucher.batch_id or "", uid, now)
    if promise is None:
        return "nothing"
    hold_slot(promise=promise, start=booking.slot_start, guest_uid=uid, now=now)
    return "held"


ROLES = {role.__name__: role for role in (free, sweep, answer, jump)}


def main() -> None:
    """Work, and say what came of it."""
    name, offer_id, end = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    settings.OFFER_HOLD_MINUTES, settings.HOLD_MINUTES = STANDS / 60, HOLDS / 60
    chance = random.Random(f"{name} {sys.argv[5]}")
    outcomes: Counter[str] = Counter()
    places = int(sys.argv[4])
    while outcomes["freed"] < places and not end.exists():
        try:
            outcomes[ROLES[name](offer_id, chance)] += 1
        except Rejected as error:
            outcomes[error.code] += 1
        time.sleep(_PACE)  # noqa: TID251
    sys.stdout.write(json.dumps(outcomes) + "\n")
