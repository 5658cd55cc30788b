"""The verbs of being here: prove who one is, stay online, meet in a room."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from portal.actors import CLOCK, guest
from portal.allowances import Allowance
from portal.errors import Malformed
from portal.ids import new_id
from presence import store
from presence.domain import uid_of
from presence.models import PresenceStatus, Room, RoomMember, public_room_id
from presence.pair_codes import new_pair_code, refuse_pair_code
from presence.proofs import refuse_unless_proved

TOKEN_LENGTH = 1024
CLOSE_AFTER = timedelta(minutes=10)
KEEP_CLOSED = timedelta(days=7)
_AT_ONCE = 500

_ROOM = """
SELECT room.id, member.id FROM presence_room AS room
LEFT JOIN presence_roommember AS member ON member.room_id = room.id AND member.uid = %s
WHERE room.pair_code = %s AND room.closed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Verified:
    """Who a token stands for, and the code that others can meet them by."""

    uid: str
    pair_code: str


@dataclass(frozen=True, slots=True)
class Match:
    """The room that a guest shares with others, as clients call it; None while nobody else is here."""

    room_id: str | None
    allowance: Allowance


def verify(*, token: str, ts: int | None, signature: str | None, now: datetime) -> Verified:
    """Check a token and return its identity; nothing that is stored tells the token.

    Whoever is known already keeps the pair code they have.

    Raises Malformed("token_invalid"), and what `refuse_unless_proved` raises.
    """
    if not 1 <= len(token) <= TOKEN_LENGTH or any("\ud800" <= sign <= "\udfff" for sign in token):
        raise Malformed(
            "token_invalid", _("A token is a text of 1 to %(most)s characters."), most=TOKEN_LENGTH
        )
    refuse_unless_proved(token, ts, signature, now)
    uid = uid_of(token)
    seen, _allowance = store.look(uid, "", now)
    is_signed = signature is not None
    _tell("verify", uid, {}, {"signed": is_signed}, now)
    return Verified(uid, seen.pair_code or new_pair_code())


def heartbeat(*, uid: str, now: datetime, pair_code: str = "", is_online: bool = True) -> Allowance:
    """Keep a guest online for 60 seconds, or take them offline; an empty pair code leaves theirs.

    One statement, or one trip to Redis; nothing in the journal.

    Raises Rejected("pair_code_invalid"), TooMany("limit_reached").
    """
    if pair_code:
        refuse_pair_code(pair_code)
    status = PresenceStatus.ONLINE if is_online else PresenceStatus.OFFLINE
    return store.beat(uid, pair_code=pair_code, status=status, now=now)[1]


def match(*, uid: str, pair_code: str, now: datetime) -> Match:
    """Return the one room of everyone who is online with a pair code; keeps the guest online with it.

    Raises Rejected("pair_code_invalid"), TooMany("limit_reached").
    """
    refuse_pair_code(pair_code)
    seen, allowance = store.look(uid, pair_code, now)
    if not seen.is_fresh(pair_code, now):
        _code, allowance = store.beat(uid, pair_code=pair_code, status=PresenceStatus.ONLINE, now=now)
        # Whoever came at the same moment is seen by now, or will see this guest.
        seen, allowance = store.look(uid, pair_code, now)
    if not seen.has_others:
        return Match(None, allowance)
    room_id = seen.room_id or _enter_room(uid, pair_code, now)
    return Match(public_room_id(room_id, pair_code), allowance)


def _enter_room(uid: str, pair_code: str, now: datetime) -> str:
    """Return the open room of a pair code, a new one if there is none; the guest is a member from now on."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_ROOM, [uid, pair_code])
            row = cursor.fetchone()
        if row is None:
            room = Room(id=new_id("r", now), pair_code=pair_code, created_at=now)
            # Of many that open one at once, the first one's stands, and all read that.
            Room.objects.bulk_create([room], ignore_conflicts=True)
            continue
        room_id, member_id = row
        if member_id is None:
            _note_member(room_id, uid, now)
        return str(room_id)


@transaction.atomic
def _note_member(room_id: str, uid: str, now: datetime) -> None:
    _member, is_new = RoomMember.objects.get_or_create(room_id=room_id, uid=uid, defaults={"joined_at": now})
    if is_new:
        _tell("match", uid, {"room": None}, {"room": room_id}, now)


def _tell(verb: str, uid: str, before: dict[str, object], after: dict[str, object], now: datetime) -> None:
    change = Change(f"presence.{verb}", "guest", uid, "", before, after)
    record([change], by=guest(uid), now=now)


def close_empty_rooms(now: datetime) -> int:
    """Close the rooms that nobody has been seen in for ten minutes; returns how many."""
    closed = 0
    last = ""
    while rooms := list(Room.objects.open().filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        last = rooms[-1].pk
        in_use = store.codes_in_use({room.pair_code for room in rooms}, now)
        used, emptied, over = [], [], []
        for room in rooms:
            if room.pair_code in in_use:
                used += [room.pk] if room.empty_since else []
            elif room.empty_since is None:
                emptied.append(room.pk)
            elif room.empty_since <= now - CLOSE_AFTER:
                over.append(room.pk)
        Room.objects.filter(pk__in=used).update(empty_since=None)
        Room.objects.filter(pk__in=emptied).update(empty_since=now)
        closed += _close(over, now) if over else 0
    return closed


@transaction.atomic
def _close(room_ids: list[str], now: datetime) -> int:
    rooms = list(Room.objects.open().filter(pk__in=room_ids).order_by("pk").select_for_update(no_key=True))
    Room.objects.filter(pk__in=[room.pk for room in rooms]).update(closed_at=now)
    record(
        [Change("room.close", "room", room.pk, "", {"state": "open"}, {"state": "closed"}) for room in rooms],
        by=CLOCK,
        now=now,
    )
    return len(rooms)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was forgotten."""

    presences: int
    rooms_closed: int
    rooms_deleted: int


def prune_presence(now: datetime) -> Pruned:
    """Close empty rooms, delete those closed a week ago, and forget who has long been away.

    Safe to run in any number of processes at once.
    """
    closed = close_empty_rooms(now)
    old = Room.objects.closed_before(now - KEEP_CLOSED).order_by("pk").values_list("pk", flat=True)
    deleted = 0
    while keys := list(old[:_AT_ONCE]):
        RoomMember.objects.filter(room__in=keys).delete()
        deleted += Room.objects.filter(pk__in=keys).delete()[0]
    return Pruned(store.prune(now), closed, deleted)
