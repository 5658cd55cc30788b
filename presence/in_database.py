"""Who is online, in the application's database: one statement for each question."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from portal.ready import count, statement
from presence.models import Presence, PresenceStatus
from presence.window import CODE_CHANGE_COST, Beat, Seen, since_of, until_of

# A minute that is over, or lies far ahead because a clock was wrong, is not this one.
_SAME_MINUTE = "presence_presence.minute BETWEEN excluded.minute AND excluded.minute + 1"
# Trying one code after the other is dear; a first code, or the same one again, is not.
_COST = f"""CASE WHEN excluded.pair_code IN ('', presence_presence.pair_code)
    OR presence_presence.pair_code = '' THEN 1 ELSE {CODE_CHANGE_COST} END"""
# What goes beyond the limit finds no row to change, and none is returned.
_BEAT = f"""
INSERT INTO presence_presence (uid, pair_code, status, last_seen, minute, used)
VALUES (%s, %s, %s, %s, %s, 1)
ON CONFLICT (uid) DO UPDATE SET
    pair_code = CASE WHEN excluded.pair_code = '' THEN presence_presence.pair_code
        ELSE excluded.pair_code END,
    status = excluded.status,
    last_seen = excluded.last_seen,
    used = {_COST} + CASE WHEN {_SAME_MINUTE} THEN presence_presence.used ELSE 0 END,
    minute = CASE WHEN {_SAME_MINUTE} THEN presence_presence.minute ELSE excluded.minute END
WHERE NOT ({_SAME_MINUTE}) OR presence_presence.used + {_COST} <= %s
RETURNING pair_code, used
"""  # noqa: S608 - our own words
# All that `match` asks, at one look: how the guest stands, whether anyone else is here with the
# code, and in which of its rooms the guest is. By hand: the ORM takes longer to write this than any
# database to answer it, and it is asked every five seconds of everyone.
_LOOK = """
SELECT own.pair_code, own.status, own.last_seen, own.minute, own.used,
    EXISTS (
        SELECT 1 FROM presence_presence AS other
        WHERE other.pair_code = %s AND other.pair_code <> '' AND other.uid <> %s
            AND other.status = 'online' AND other.last_seen > %s AND other.last_seen < %s
    ),
    (
        SELECT room.id FROM presence_room AS room
        JOIN presence_roommember AS member ON member.room_id = room.id AND member.uid = %s
        WHERE room.pair_code = %s AND room.closed_at IS NULL
    )
FROM (SELECT 1 AS one) AS always LEFT JOIN presence_presence AS own ON own.uid = %s
"""


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _read_moment(value: Any) -> datetime | None:
    for convert in connection.ops.get_db_converters(_LAST_SEEN_COLUMN):
        value = convert(value, _LAST_SEEN_COLUMN, connection)
    return value  # type: ignore[no-any-return]


_LAST_SEEN_COLUMN: Any = Presence._meta.get_field("last_seen").get_col("own")


def beat(uid: str, *, pair_code: str, status: str, now: datetime, minute: int, quota: int) -> Beat | None:
    """Note that a guest is here; None, and nothing noted, when that is one too many for this minute."""
    values = [uid, pair_code, status, _moment(now), minute, quota]
    with count(connection) as cursor:
        cursor.execute(_BEAT, values)
        row = cursor.fetchone()
    return None if row is None else Beat(pair_code=row[0], used=row[1])


def look(uid: str, pair_code: str, now: datetime) -> Seen:
    """Return how a guest stands, whether anyone else with a pair code is online, and the room of both."""
    values = [pair_code, uid, _moment(since_of(now)), _moment(until_of(now)), uid, pair_code, uid]
    with statement(connection) as cursor:
        cursor.execute(_LOOK, values)
        code, status, last_seen, minute, used, has_others, room_id = cursor.fetchone()
    return Seen(
        pair_code=code or "",
        is_online=status == PresenceStatus.ONLINE,
        last_seen=_read_moment(last_seen),
        minute=minute or 0,
        used=used or 0,
        has_others=bool(has_others),
        room_id=room_id or "",
    )


def leave(uid: str, now: datetime) -> None:
    """Note that a guest has gone, and shares no code with anyone any more."""
    Presence.objects.filter(pk=uid).update(status=PresenceStatus.OFFLINE, pair_code="", last_seen=now)


def _online(now: datetime) -> Q:
    return Q(status=PresenceStatus.ONLINE, last_seen__gt=since_of(now), last_seen__lt=until_of(now))


def online_of(uids: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return which of some guests are online, and when they were seen last."""
    return dict(Presence.objects.filter(_online(now), pk__in=uids).values_list("uid", "last_seen"))


def codes_in_use(pair_codes: Collection[str], now: datetime) -> set[str]:
    """Return those of some pair codes that somebody is online with."""
    rows = Presence.objects.filter(_online(now), pair_code__in=pair_codes)
    return set(rows.values_list("pair_code", flat=True))


def online_now(now: datetime, most: int) -> dict[str, datetime]:
    """Return who is online and when they were seen last, the latest first; of very many the latest `most`."""
    rows = Presence.objects.filter(_online(now)).order_by("-last_seen")
    return dict(rows.values_list("uid", "last_seen")[:most])


def prune(*, gone_before: datetime, silent_before: datetime) -> int:
    """Forget who went away before one moment, and who just fell silent before another."""
    gone = Q(status=PresenceStatus.OFFLINE, last_seen__lt=gone_before)
    return Presence.objects.filter(gone | Q(last_seen__lt=silent_before)).delete()[0]
