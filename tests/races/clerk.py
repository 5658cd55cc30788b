"""The hotel's side of a race: a process of its own that calls the domain.

Reads one request a line from its input, {"do": name, …}, and answers each with a line of JSON.
"""

import json
import sys
from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from bookings.domain import GuestDetails, book_any, cancel_booking, withdraw_voucher
from bookings.holds import hold_slot
from bookings.models import Booking, Hold
from bookings.promises import promise_of
from bulk.models import Job
from events.delivery import LEASE, requeue_abandoned
from events.models import Event
from events.order import number_all_events
from events.queries import journal_end
from parties.domain import answer_request, ask_to_join, bring, start_party
from parties.models import Party
from portal.actors import guest
from portal.errors import Rejected
from presence.browser import remember_guest
from presence.domain import new_guest_uid
from presence.models import Room
from presence.rooms import match
from staff.roles import FRONT_DESK
from tests.api import make_key
from tests.make import CLERK, make_hotel, make_offer, make_voucher, make_vouchers
from vouchers.models import Batch, Offer, OpeningHours, Voucher
from waiting.domain import accept_offer, join_waiting, serve_offer
from waiting.models import Entry
from waiting.outlook import offers_to_serve
from webhooks.domain import create_subscription
from webhooks.models import Delivery, Subscription


def seed(*, vouchers: int = 0, batches: int = 1, due: int = 0, **offer: Any) -> dict[str, Any]:
    """Make an offer, open day and night, with batches of vouchers; `due` of each are past their time."""
    now = timezone.now()
    if vouchers > 1000:
        raise ValueError("a batch has 1000 vouchers at most")
    hotel = make_hotel("hotel-races", time_zone="UTC")
    overrides = {"id": f"o-race-{Offer.objects.count()}", "max_per_guest": 1000, **offer}
    made = make_offer(hotel, opens=time(), closes=time(), **overrides)
    ids: list[list[str]] = []
    names = []
    for _number in range(batches):
        issued = make_vouchers(made, vouchers, now=now - timedelta(days=2))
        batch = issued[0].batch_id
        late = [voucher.pk for voucher in issued[:due]]
        passed = now - timedelta(seconds=1)
        Voucher.objects.filter(pk__in=late).update(valid_until=passed, expires_at=passed)
        ids.append([voucher.pk for voucher in issued])
        names.append(batch)
    return {"offer": made.pk, "batches": names, "vouchers": ids}


def guests(*, number: int) -> list[str]:
    """Return cookies of new guests, as the portal sets them at the first booking."""
    cookies = []
    for _number in range(number):
        response = HttpResponse()
        remember_guest(response, new_guest_uid())
        cookies.append(response.cookies["guest"].value)
    return cookies


def key(*, hotel: str | None = "hotel-races") -> str:
    """Make an API key that may do everything; a platform key without a hotel."""
    return make_key(make_hotel(hotel, time_zone="UTC") if hotel else None)[1]


def count(*, voucher: str) -> int:
    """Return how many bookings a voucher has had."""
    return Booking.objects.filter(voucher=voucher).count()


def subscribe(*, url: str) -> None:
    """Let a receiver be told of the bookings of the hotel."""
    hotel = make_hotel("hotel-races", time_zone="UTC")
    create_subscription(hotel=hotel, url=url, event_types=["voucher.book"], by=CLERK, now=timezone.now())


def take_back() -> int:
    """Take back what dead workers had in hand, as if their leases were over; returns how much.

    Of a worker that lives it would be done twice.
    """
    now = timezone.now()
    in_hand = Delivery.objects.open().filter(lease_until__gt=now)
    return requeue_abandoned(now + LEASE) + in_hand.update(lease_until=now)


def is_queue_empty() -> bool:
    """Tell whether no job waits for a worker, and every event has come into the queue."""
    waiting = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    untold = Subscription.objects.filter(is_active=True, position__lt=journal_end())
    return not any(found.exists() for found in (waiting, untold, Event.objects.filter(position=None)))


def is_at_rest() -> bool:
    """Tell whether nothing at all is left to be sent, and nobody has anything in hand."""
    in_hand = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING)
    return is_queue_empty() and not in_hand.exists() and not Delivery.objects.open().exists()


def withdraw(*, vouchers: list[str]) -> list[str]:
    """Withdraw vouchers one after the other; returns each one's outcome."""
    outcomes = []
    for voucher_id in vouchers:
        try:
            withdraw_voucher(voucher_id=voucher_id, by=CLERK, now=timezone.now(), reason="closed")
        except Rejected as error:
            outcomes.append(error.code)
        else:
            outcomes.append("withdrawn")
    return outcomes


def party(*, offer: str, size: int) -> dict[str, Any]:
    """Make a party whose members are all here, each with a voucher; returns a member's cookie and view."""
    now = timezone.now()
    promised = Offer.objects.get(pk=offer)
    uids = [new_guest_uid() for _number in range(size)]
    made = start_party(uid=uids[0], name="0", size=size, now=now)
    for number, uid in enumerate(uids):
        if number:
            member = ask_to_join(code=made.pair_code, uid=uid, name=str(number), now=now)
            answer_request(uid=uids[0], member_id=member.pk, is_welcome=True, now=now)
        match(uid=uid, pair_code=made.pair_code, now=now)
        voucher = make_voucher(promised, holder_uid=uid, now=now - timedelta(days=2))
        bring(uid=uid, promise_key=voucher.pk, email=f"{uid}@guest.example", language="en", now=now)
    response = HttpResponse()
    remember_guest(response, uids[-1])
    shown = sorted(made.members.values_list("pk", flat=True))
    return {"cookie": response.cookies["guest"].value, "shown": shown, "uids": uids, "party": made.pk}


def session() -> str:
    """Sign a clerk of the hotel in; returns what the session's cookie holds."""
    user, is_new = User.objects.get_or_create(username="clerk", defaults={"is_staff": True})
    if is_new:
        user.groups.add(Group.objects.get(name=FRONT_DESK))
        make_hotel("hotel-races", time_zone="UTC").staff.add(user)
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def outcome(*, party: str) -> Any:
    """Return what a party was told of its last press."""
    return Party.objects.get(pk=party).outcome


def rooms(*, pair_code: str) -> list[dict[str, Any]]:
    """Return the rooms of a pair code: who is in each, and whom the journal tells of."""
    found = []
    for room in Room.objects.filter(pair_code=pair_code):
        events = Event.objects.filter(type="presence.match", meta__after__room=room.pk)
        found.append(
            {
                "public_id": room.public_id,
                "is_open": room.closed_at is None,
                "members": sorted(room.members.values_list("uid", flat=True)),
                "told": sorted(events.values_list("subject_id", flat=True)),
            }
        )
    return found


def line(*, guests: int, places: int, start: str) -> dict[str, Any]:
    """Make an offer whose places at one time are all booked, and guests who wait for any of that day."""
    now, at = timezone.now(), datetime.fromisoformat(start)
    made = seed(vouchers=guests + 2 * places, capacity=places, max_per_guest=1)
    hours = {"opens": at.time(), "closes": (at + timedelta(hours=1)).time()}
    OpeningHours.objects.filter(offer=made["offer"]).update(**hours)
    batch = made["batches"][0]
    for number in range(places):
        book_any(
            batch_id=batch,
            start=at,
            holder_uid=f"early-{number}",
            by=CLERK,
            now=now,
            guest=GuestDetails(note="from the start"),
        )
    for number in range(guests):
        uid = new_guest_uid()
        join_waiting(
            promise_key=batch,
            day=at.date(),
            start=None,
            guest=GuestDetails(name=f"Guest {number}", email=f"{uid}@guest.example"),
            by=guest(uid),
            # Half of them in the same instant: then their ids decide.
            now=now + timedelta(milliseconds=number // 2 * 2),
        )
    return made


def line_end(*, offer: str) -> dict[str, Any]:
    """Serve a line once more; returns its entries, its journal in order, and what is taken or unserved."""
    # What a hand's request began before the end is over by now.
    now = timezone.now()
    serve_offer(offer_id=offer, now=now)
    number_all_events()
    entries = Entry.objects.filter(offer=offer)
    events = Event.objects.filter(subject_id__in=entries.values("pk")).order_by("position")
    held = Hold.objects.standing(now).filter(offer=offer).count()
    return {
        "entries": list(entries.values("id", "state", "guest_uid", "booking_id")),
        "events": [
            {
                "type": event.type,
                "subject_id": event.subject_id,
                "created_at": event.created_at.isoformat(),
                "meta": event.meta,
            }
            for event in events
        ],
        "taken": held + Booking.objects.standing().filter(offer=offer).count(),
        "unserved": offers_to_serve(now),
    }


def line_steps(*, offer: str) -> dict[str, int]:
    """Return how often each step of an offer's line has happened."""
    entries = Entry.objects.filter(offer=offer).values("pk")
    types = Event.objects.filter(subject_id__in=entries).values_list("type", flat=True)
    steps = Counter(name.removeprefix("waiting.") for name in types)
    return {step: steps[step] for step in ("join", "offer", "accept", "pass", "leave", "lapse")}


def offer_a_place(*, offer: str) -> str:
    """Free the one place of a line, which is offered to the first; returns that one's entry."""
    booking = Booking.objects.standing().get(offer=offer)
    cancel_booking(booking_id=booking.pk, by=CLERK, now=timezone.now())
    serve_offer(offer_id=offer, now=timezone.now())
    return Entry.objects.offered().get(offer=offer).pk


def accept_in_time(*, entry: str) -> str:
    """Accept what is offered, a second before its end; returns what the guest is told."""
    found = Entry.objects.get(pk=entry)
    now = found.offered_until - timedelta(seconds=1)
    try:
        accept_offer(entry_id=entry, by=guest(found.guest_uid), now=now)
    except Rejected as error:
        return error.code
    return "accepted"


def hold_after_the_end(*, entry: str) -> str:
    """Let a stranger choose what was offered, a second after its end; returns the stranger's uid."""
    found, uid = Entry.objects.get(pk=entry), new_guest_uid()
    now = found.offered_until + timedelta(seconds=1)
    promise = promise_of(found.promise_key, uid, now)
    hold_slot(promise=promise, start=found.offered_start, guest_uid=uid, now=now)
    return uid


def holders(*, offer: str) -> list[str]:
    """Return who holds places of an offer, in the order of their ends."""
    return list(Hold.objects.filter(offer=offer).order_by("expires_at").values_list("guest_uid", flat=True))


def deliveries() -> dict[str, Any]:
    """Return the events of vouchers that were issued, and how many deliveries there are and are open."""
    issued = Event.objects.filter(type="voucher.issue")
    return {
        "events": list(issued.values_list("pk", flat=True)),
        "all": Delivery.objects.count(),
        "open": Delivery.objects.open().count(),
        "slow": Subscription.objects.filter(is_slow=True).count(),
    }


def job() -> dict[str, Any]:
    """Return how the one job of bulk work stands, and numbers of what is stored."""
    found = Job.objects.get()
    issued = Event.objects.filter(type="voucher.issue").count()
    titles = Voucher.objects.values("title").distinct().count()
    return {
        "state": found.state,
        "done": found.done_number,
        "stored": [Voucher.objects.count(), titles, Batch.objects.count(), issued],
        "told": Event.objects.filter(type="job.issue").count(),
    }


def unguard() -> bool:
    """Take the database's guard of places away: for showing that these tests would see it gone."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER bookings_guard_new_places")
            cursor.execute("DROP TRIGGER bookings_guard_changed_places")
        else:
            cursor.execute("DROP TRIGGER bookings_guard_places ON bookings_booking")
    return True


_VERBS = {
    verb.__name__: verb
    for verb in (
        seed,
        guests,
        key,
        count,
        subscribe,
        take_back,
        is_queue_empty,
        is_at_rest,
        withdraw,
        party,
        session,
        outcome,
        rooms,
        line,
        line_end,
        line_steps,
        offer_a_place,
        accept_in_time,
        hold_after_the_end,
        holders,
        deliveries,
        job,
        unguard,
    )
}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        answer = _VERBS[request.pop("do")](**request)
        connection.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
