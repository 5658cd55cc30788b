"""Reads of a party, shaped for its members' page."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language

from bookings.slots import Slot
from parties.domain import together_with
from parties.models import Member, MemberState, Party
from portal.errors import Rejected
from presence import store
from vouchers.models import Offer


@dataclass(frozen=True, slots=True)
class Line:
    """A member who is here, as the others see them."""

    member: Member
    is_me: bool
    slot: Slot | None

    @property
    def offer(self) -> Offer | None:
        """What the member brings something of."""
        return self.member.offer

    @property
    def zone(self) -> ZoneInfo | None:
        """The clock that the member's slot is read by."""
        return self.member.offer.hotel.zone if self.member.offer else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the last press, for one of its readers."""

    is_booked: bool
    by: str
    names: list[str]
    about: str
    reason: str
    slot: Slot | None
    zone: ZoneInfo | None
    booking_id: str


@dataclass(frozen=True, slots=True)
class PartyView:
    """A party as one of its members sees it at a moment."""

    party: Party
    me: Member
    here: list[Line]
    requests: list[Member]
    together: list[Member]
    outcome: Outcome | None
    # Changes when the page has to be another one, not only who is here.
    shape: str
    etag: str

    @property
    def is_complete(self) -> bool:
        """True while everyone who is expected is here."""
        return len(self.here) >= self.party.size

    @property
    def slot(self) -> Slot | None:
        """The slot that this member looks at."""
        return next((line.slot for line in self.here if line.is_me), None)

    @property
    def without(self) -> list[Line]:
        """Who is here and would not be booked by this member's press."""
        return [line for line in self.here if line.member not in self.together]


def current_member(uid: str, now: datetime) -> Member | None:
    """Return the guest's part in a party that is not over; None for a guest without one."""
    if not uid:
        return None
    rows = Member.objects.current().select_related("party", "offer__hotel").filter(uid=uid)
    member = rows.order_by("-asked_at").first()
    return member if member is not None and member.party.good_until > now else None


def party_view(me: Member, now: datetime) -> PartyView:
    """Return a party as a member who was let in sees it: two statements and a look at who is online."""
    members = list(me.party.members.current().select_related("offer__hotel").order_by("pk"))
    inside = [member for member in members if member.is_in]
    online = store.online_of([member.uid for member in members], now)
    here = [
        Line(member, member.pk == me.pk, _slot_of(member.looking_at, member.offer))
        for member in inside
        if member.pk == me.pk or member.uid in online
    ]
    requests = [member for member in members if member.state == MemberState.WAITING and member.uid in online]
    together = together_with(me, inside, online)
    return PartyView(
        me.party,
        me,
        here,
        requests,
        together,
        _outcome(me),
        shape=shape_of(me),
        etag=_etag(me, here, requests),
    )


def shape_of(me: Member | None) -> str:
    """Return what tells one kind of page from another: who sees another shape needs the page anew."""
    if me is None:
        return "none"
    said = (me.party_id, me.state, me.promise_key, me.booking_id, (me.party.outcome or {}).get("at"))
    return _digest(said)


def _etag(me: Member, here: Collection[Line], requests: Collection[Member]) -> str:
    seen = [
        (line.member.pk, line.member.name, line.member.promise_key, str(line.member.looking_at))
        for line in here
    ]
    asked = [(member.pk, member.name) for member in requests]
    return f'"{_digest((get_language(), shape_of(me), me.party.size, me.party.outcome, seen, asked))}"'


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:24]


def _slot_of(start: datetime | None, offer: Offer | None) -> Slot | None:
    if start is None or offer is None:
        return None
    return Slot(start, start + timedelta(minutes=offer.duration_minutes), 0)


def _outcome(me: Member) -> Outcome | None:
    told: dict[str, Any] | None = me.party.outcome
    if told is None:
        return None
    offer = Offer.objects.select_related("hotel").filter(pk=told["offer"]).first()
    reason = ""
    if not told["is_booked"]:
        reason = Rejected(told["code"], told["source"], **told["values"]).message
    return Outcome(
        told["is_booked"],
        told["by"],
        told.get("names", []),
        told.get("about", ""),
        reason,
        _slot_of(datetime.fromisoformat(told["start"]), offer),
        offer.hotel.zone if offer else None,
        me.booking_id,
    )
