"""Who is online, in Redis: the same questions as presence/in_database.py, one trip for each.

`portal:presence:<uid>` is a hash of what is known of a guest, `portal:pair:<code>` the guests
with a pair code by when they were seen, `portal:online` everyone. What goes offline leaves the
latter two at once; whoever just falls silent stays in them until they are asked for.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from functools import cache
from typing import Any

from presence.models import PresenceStatus
from presence.window import CODE_CHANGE_COST, Beat, Seen, since_of, until_of

_ONLINE = "portal:online"
_KEEP_SECONDS = 24 * 3600

_BEAT = """
local uid, wanted, status, seen = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local now, quota, dear, keep = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local person = 'portal:presence:' .. uid
local old = redis.call('HMGET', person, 'pair', 'minute', 'used')
local pair, minute, used = old[1] or '', tonumber(old[2] or '-1'), tonumber(old[3] or '0')
if wanted == '' then wanted = pair end
local cost = 1
if pair ~= '' and pair ~= wanted then cost = dear end
if minute < now or minute > now + 1 then minute, used = now, 0 end
if used + cost > quota then return false end
redis.call('HSET', person, 'pair', wanted, 'status', status, 'seen', seen)
redis.call('HSET', person, 'minute', minute, 'used', used + cost)
redis.call('EXPIRE', person, keep)
if pair ~= '' and pair ~= wanted then redis.call('ZREM', 'portal:pair:' .. pair, uid) end
if status == 'online' then
    redis.call('ZADD', 'portal:online', seen, uid)
    if wanted ~= '' then
        redis.call('ZADD', 'portal:pair:' .. wanted, seen, uid)
        redis.call('EXPIRE', 'portal:pair:' .. wanted, keep)
    end
else
    redis.call('ZREM', 'portal:online', uid)
    if wanted ~= '' then redis.call('ZREM', 'portal:pair:' .. wanted, uid) end
end
return {wanted, used + cost}
"""
_LOOK = """
local since, till = '(' .. ARGV[3], '(' .. ARGV[4]
local here = redis.call('ZRANGEBYSCORE', 'portal:pair:' .. ARGV[2], since, till, 'LIMIT', 0, 2)
local others = 0
for _, uid in ipairs(here) do if uid ~= ARGV[1] then others = 1 end end
local own = redis.call('HMGET', 'portal:presence:' .. ARGV[1], 'pair', 'status', 'seen', 'minute', 'used')
return {own[1] or '', own[2] or '', own[3] or '', own[4] or '0', own[5] or '0', others}
"""
_LEAVE = """
local person = 'portal:presence:' .. ARGV[1]
local pair = redis.call('HGET', person, 'pair')
if not pair then return 0 end
if pair ~= '' then redis.call('ZREM', 'portal:pair:' .. pair, ARGV[1]) end
redis.call('ZREM', 'portal:online', ARGV[1])
redis.call('HSET', person, 'pair', '', 'status', 'offline', 'seen', ARGV[2])
return 1
"""


@cache
def _script(client: Any, text: str) -> Any:
    return client.register_script(text)


def _run(client: Any, text: str, *values: object) -> Any:
    return _script(client, text)(args=values)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _bounds(now: datetime) -> tuple[str, str]:
    return f"({_milliseconds(since_of(now))}", f"({_milliseconds(until_of(now))}"


def beat(
    client: Any, uid: str, *, pair_code: str, status: str, now: datetime, minute: int, quota: int
) -> Beat | None:
    """Note that a guest is here; None, and nothing noted, when that is one too many for this minute."""
    seen = _milliseconds(now)
    found = _run(client, _BEAT, uid, pair_code, status, seen, minute, quota, CODE_CHANGE_COST, _KEEP_SECONDS)
    return None if found is None else Beat(pair_code=found[0].decode(), used=int(found[1]))


def look(client: Any, uid: str, pair_code: str, now: datetime) -> Seen:
    """Return how a guest stands, and whether anyone else with a pair code is online."""
    since, until = _milliseconds(since_of(now)), _milliseconds(until_of(now))
    code, status, seen, minute, used, others = _run(client, _LOOK, uid, pair_code, since, until)
    return Seen(
        pair_code=code.decode(),
        is_online=status.decode() == PresenceStatus.ONLINE,
        last_seen=_moment(int(seen)) if seen else None,
        minute=int(minute),
        used=int(used),
        has_others=bool(others),
    )


def leave(client: Any, uid: str, now: datetime) -> None:
    """Note that a guest has gone, and shares no code with anyone any more."""
    _run(client, _LEAVE, uid, _milliseconds(now))


def online_of(client: Any, uids: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return which of some guests are online, and when they were seen last."""
    asked = list(uids)
    if not asked:
        return {}
    since, until = _milliseconds(since_of(now)), _milliseconds(until_of(now))
    scores = client.zmscore(_ONLINE, asked)
    return {
        uid: _moment(score)
        for uid, score in zip(asked, scores, strict=True)
        if score is not None and since < score < until
    }


def codes_in_use(client: Any, pair_codes: Collection[str], now: datetime) -> set[str]:
    """Return those of some pair codes that somebody is online with."""
    asked = list(pair_codes)
    with client.pipeline(transaction=False) as pipe:
        for code in asked:
            pipe.zcount(f"portal:pair:{code}", *_bounds(now))
        numbers = pipe.execute()
    return {code for code, number in zip(asked, numbers, strict=True) if number}


def online_now(client: Any, now: datetime, most: int) -> dict[str, datetime]:
    """Return who is online and when they were seen last, the latest first; of very many the latest `most`."""
    since, until = _bounds(now)
    found = client.zrevrangebyscore(_ONLINE, until, since, start=0, num=most, withscores=True)
    return {uid.decode(): _moment(score) for uid, score in found}


def prune(client: Any, *, silent_before: datetime) -> int:
    """Forget who fell silent before a moment; the rest expires by itself."""
    return int(client.zremrangebyscore(_ONLINE, "-inf", _milliseconds(silent_before)))
