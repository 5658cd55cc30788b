"""Hands of a waiting list's race: each is a process of its own that frees, sweeps or answers for a while.

Started with a role, an offer and a number of seconds; writes one line of JSON when it is done.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

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

# Seconds that an offer stands here.
STANDS = 1.5


def free(offer_id: str, chance: random.Random) -> str:
    """Cancel one of the bookings that were there from the start."""
    first = Booking.objects.standing().filter(offer=offer_id, guest_note="from the start")
    keys = list(first.values_list("pk", flat=True)[:8])
    if not keys:
        return "nothing"
    cancel_booking(booking_id=chance.choice(keys), by=CLERK, now=timezone.now())
    time.sleep(0.1)
    return "freed"


def sweep(offer_id: str, chance: random.Random) -> str:
    """Do what a worker does, and now and then what a request does."""
    now = timezone.now()
    prune_holds(now)
    number = serve_offer(offer_id=offer_id, now=now) if chance.random() < 0.3 else serve_all(now)
    return "offered" if number else "swept"


def answer(offer_id: str, chance: random.Random) -> str:
    """Accept, pass, leave or forget an offer, as guests do; two hands may answer one offer at once."""
    entry = Entry.objects.offered().filter(offer=offer_id).order_by("?").first()
    if entry is None:
        time.sleep(0.02)
        return "nothing"
    # A quarter of the guests never answer: whatever hand is asked, their offer lapses.
    kind = int(entry.pk[-3:], 36) % 8
    verbs: list[Callable[..., object]] = [accept_offer] * 4 + [pass_offer, leave_waiting]
    if kind >= len(verbs):
        time.sleep(0.02)
        return "silent"
    verb = verbs[kind]
    verb(entry_id=entry.pk, by=guest(entry.guest_uid), now=timezone.now())
    return verb.__name__


def jump(offer_id: str, chance: random.Random) -> str:
    """Choose a slot out of turn, and go away."""
    now, uid = timezone.now(), new_guest_uid()
    booking = Booking.objects.filter(offer=offer_id).order_by("?").first()
    if booking is None or booking.voucher.batch_id is None:
        return "nothing"
    promise = promise_of(booking.voucher.batch_id, uid, now)
    time.sleep(0.05)
    if promise is None:
        return "nothing"
    hold_slot(promise=promise, start=booking.slot_start, guest_uid=uid, now=now)
    return "held"


ROLES = {role.__name__: role for role in (free, sweep, answer, jump)}


def main() -> None:
    role, offer_id, seconds = ROLES[sys.argv[1]], sys.argv[2], float(sys.argv[3])
    settings.OFFER_HOLD_MINUTES = STANDS / 60
    settings.HOLD_MINUTES = 0.5 / 60
    chance = random.Random(sys.argv[1])
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            outcomes[role(offer_id, chance)] += 1
        except Rejected as error:
            outcomes[error.code] += 1
    sys.stdout.write(json.dumps(outcomes) + "\n")
