"""Everything that is stored of a guest, table by table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from bookings.models import Booking, Hold, Mail
from events.models import Event
from feeds.models import Feed
from guests.models import LinkRequest
from parties.models import Member
from presence import store
from presence.models import Guest, Presence, RoomMember
from vouchers.models import Voucher
from vouchers.states import Status
from waiting.queries import waiting_data

Rows = Sequence[Mapping[str, Any]]
_BOOKING = (
    "id", "voucher_id", "voucher__title", "hotel__name", "hotel__time_zone", "slot_start", "slot_end",
    "status", "cancel_reason", "created_at", "cancelled_at", "arrived_at", "no_show_at", "forgotten_at",
    "guest_name", "guest_email", "guest_note", "language",
)  # fmt: skip
_VOUCHER = ("id", "title", "hotel__name", "status", "valid_from", "valid_until", "redeemed_at")
_MEMBER = ("name", "email", "language", "state", "asked_at", "promise_key", "looking_at", "booking_id")


@dataclass(frozen=True, slots=True)
class GuestData:
    """Everything that is stored of a guest; times in UTC."""

    holder_uid: str
    bookings: Rows
    vouchers: Rows
    mails: Rows
    holds: Rows
    waiting: Rows
    parties: Rows
    presence: Rows
    rooms: Rows
    links: Rows
    link_requests: Rows
    feeds: Rows
    journal: Rows

    @property
    def usable_vouchers(self) -> int:
        """How many vouchers the guest holds that can still be used: they are out of reach once erased."""
        return sum(row["status"] in (Status.ISSUED, Status.BOOKED) for row in self.vouchers)

    def as_json(self) -> str:
        """Return it all as JSON text."""
        return json.dumps(asdict(self), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def data_of_guest(uid: str, now: datetime) -> GuestData:
    """Return everything that is stored of a guest; nothing of nobody."""
    bookings = list(Booking.objects.held_by(uid).order_by("pk").values(*_BOOKING))
    vouchers = list(Voucher.objects.held_by(uid).order_by("pk").values(*_VOUCHER))
    addresses = {row["guest_email"] for row in bookings} - {""}
    keys = {uid, *(row["id"] for row in vouchers), *(row["voucher_id"] for row in bookings)}
    keys |= {row["id"] for row in bookings}
    mails = _of(Mail.objects.order_by("pk"), uid, "guest_uid")
    holds = _of(Hold.objects.order_by("pk"), uid, "guest_uid")
    members = _of(Member.objects.order_by("pk"), uid, "uid")
    rooms = _of(RoomMember.objects.order_by("pk"), uid, "uid")
    links = _of(Guest.objects.order_by("pk"), uid, "pk")
    asked = LinkRequest.objects.filter(address__in=addresses).order_by("pk")
    # What others did to the same vouchers is theirs.
    journal = Event.objects.filter(subject_id__in=keys - {""}, actor_id=uid).order_by("pk")
    return GuestData(
        holder_uid=uid,
        bookings=bookings,
        vouchers=vouchers,
        mails=list(mails.values("kind", "recipient", "created_at", "sent_at")),
        holds=list(holds.values("offer__title", "slot_start", "slot_end", "taken_at", "expires_at")),
        waiting=waiting_data(uid),
        parties=list(members.values(*_MEMBER)),
        presence=_presence_of(uid, now),
        rooms=list(rooms.values("room_id", "joined_at")),
        links=list(links.values("link_epoch")),
        link_requests=list(asked.values("address", "asked_at")),
        feeds=list(_of(Feed.objects.order_by("pk"), uid, "guest_uid").values("id", "created_at")),
        journal=list(journal.values("id", "type", "subject_id", "created_at", "meta")) if uid else [],
    )


def _of(rows: QuerySet[Any], uid: str, name: str) -> QuerySet[Any]:
    return rows.filter(**{name: uid}) if uid else rows.none()


def _presence_of(uid: str, now: datetime) -> Rows:
    """Return what either store knows of a guest's being online."""
    stored = list(_of(Presence.objects.order_by("pk"), uid, "pk").values("status", "pair_code", "last_seen"))
    seen, _allowance = store.look(uid, "", now)
    if stored or seen.last_seen is None:
        return stored
    status = "online" if seen.is_online else "offline"
    return [{"status": status, "pair_code": seen.pair_code, "last_seen": seen.last_seen}]
