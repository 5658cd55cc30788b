"""Who is online: in Redis where REDIS_URL names one, in the database otherwise and while Redis is away.

Everything here takes `now`; whoever was seen in the 60 seconds before it, and has not gone, is
online. A presence that was noted in the one store is not in the other: when Redis goes away or
comes back, everyone is offline until their next heartbeat.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings

from portal.allowances import Allowance, window_of
from portal.redis_link import ask_redis
from presence import in_database, in_redis
from presence.window import Beat, Seen

KIND = "presence"
KEEP_GONE = timedelta(minutes=10)
KEEP_SILENT = timedelta(hours=24)
MOST_ONLINE = 500


def beat(uid: str, *, pair_code: str, status: str, now: datetime) -> tuple[str, Allowance]:
    """Note that a guest is here; returns the guest's pair code and what is left of the limit.

    An empty pair code leaves the one that there is.

    Raises TooMany("limit_reached"); then nothing is noted.
    """
    minute, reset_seconds = window_of(now)
    quota = settings.PRESENCE_PER_MINUTE

    def in_one_trip(client: object) -> tuple[Beat | None]:
        # A tuple: None stands for a Redis that is away.
        done = in_redis.beat(
            client, uid, pair_code=pair_code, status=status, now=now, minute=minute, quota=quota
        )
        return (done,)

    found = ask_redis(in_one_trip)
    done = (
        found[0]
        if found is not None
        else in_database.beat(uid, pair_code=pair_code, status=status, now=now, minute=minute, quota=quota)
    )
    if done is None:
        raise Allowance(KIND, quota, quota + 1, reset_seconds).refusal()
    return done.pair_code, Allowance(KIND, quota, done.used, reset_seconds)


def look(uid: str, pair_code: str, now: datetime) -> tuple[Seen, Allowance]:
    """Return how a guest stands towards a pair code, and what is left of the limit; notes nothing."""
    seen = ask_redis(lambda client: in_redis.look(client, uid, pair_code, now))
    seen = seen or in_database.look(uid, pair_code, now)
    minute, reset_seconds = window_of(now)
    used = seen.used if minute <= seen.minute <= minute + 1 else 0
    return seen, Allowance(KIND, settings.PRESENCE_PER_MINUTE, used, reset_seconds)


def leave(uid: str, now: datetime) -> None:
    """Take a guest offline, out of every party, in both stores."""
    ask_redis(lambda client: in_redis.leave(client, uid, now))
    in_database.leave(uid, now)


def online_of(uids: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return which of some guests are online, and when they were seen last."""
    found = ask_redis(lambda client: in_redis.online_of(client, uids, now))
    return in_database.online_of(uids, now) if found is None else found


def codes_in_use(pair_codes: Collection[str], now: datetime) -> set[str]:
    """Return those of some pair codes that somebody is online with."""
    found = ask_redis(lambda client: in_redis.codes_in_use(client, pair_codes, now))
    return in_database.codes_in_use(pair_codes, now) if found is None else found


def online_now(now: datetime, most: int = MOST_ONLINE) -> dict[str, datetime]:
    """Return who is online and when they were seen last, the latest first; of very many the latest `most`."""
    found = ask_redis(lambda client: in_redis.online_now(client, now, most))
    return in_database.online_now(now, most) if found is None else found


def prune(now: datetime) -> int:
    """Forget who went away ten minutes ago, and who fell silent a day ago; returns how many."""
    ask_redis(lambda client: in_redis.prune(client, silent_before=now - KEEP_SILENT))
    return in_database.prune(gone_before=now - KEEP_GONE, silent_before=now - KEEP_SILENT)
