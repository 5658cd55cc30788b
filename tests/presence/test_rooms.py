"""Being here: online for a minute, rooms for those who share a code, and nothing kept for long."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from events.models import Event
from portal import redis_link
from portal.errors import Rejected
from presence import store
from presence.models import Presence, Room, RoomMember
from presence.pair_codes import new_pair_code, read_pair_code
from presence.rooms import close_empty_rooms, heartbeat, match, prune_presence, verify
from tests.make import GUEST_UID, NOW, OTHER_UID

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_in")]
THIRD_UID = "thinker-000000000003"
CODE = "K7MQ-4T9X-2BWR"
SECOND = timedelta(seconds=1)


def room(uid: str = GUEST_UID, code: str = CODE, now: Any = NOW) -> str | None:
    return match(uid=uid, pair_code=code, now=now).room_id


def online(*uids: str, now: Any = NOW) -> set[str]:
    return set(store.online_of(uids or (GUEST_UID, OTHER_UID, THIRD_UID), now))


# Online


def test_a_heartbeat_keeps_a_guest_online_for_sixty_seconds() -> None:
    heartbeat(uid=GUEST_UID, now=NOW)
    assert online(now=NOW + 59 * SECOND) == {GUEST_UID}
    assert online(now=NOW + 60 * SECOND) == set()


def test_offline_is_offline_at_once() -> None:
    heartbeat(uid=GUEST_UID, now=NOW)
    heartbeat(uid=GUEST_UID, now=NOW + SECOND, is_online=False)
    assert online(now=NOW + 2 * SECOND) == set()
    assert store.online_now(NOW + 2 * SECOND) == {}


def test_a_sign_of_life_from_a_clock_that_was_far_ahead_counts_for_nothing() -> None:
    heartbeat(uid=GUEST_UID, now=NOW + timedelta(hours=3))
    assert online(now=NOW) == set()
    assert heartbeat(uid=GUEST_UID, now=NOW).used == 1
    assert online(now=NOW) == {GUEST_UID}


def test_who_is_online_comes_latest_first_and_in_bounded_number() -> None:
    for number, uid in enumerate((GUEST_UID, OTHER_UID, THIRD_UID)):
        heartbeat(uid=uid, now=NOW + number * SECOND)
    assert list(store.online_now(NOW + 3 * SECOND)) == [THIRD_UID, OTHER_UID, GUEST_UID]
    assert list(store.online_now(NOW + 3 * SECOND, most=1)) == [THIRD_UID]


def test_an_empty_code_leaves_the_one_that_there_is() -> None:
    heartbeat(uid=GUEST_UID, pair_code=CODE, now=NOW)
    heartbeat(uid=GUEST_UID, now=NOW + SECOND)
    assert store.look(GUEST_UID, "", NOW)[0].pair_code == CODE


@pytest.mark.parametrize("code", ["x" * 65, "a\x00b", "\ud800", "a\nb", "\u202e"])
def test_what_can_be_nobodys_code_is_refused(code: str) -> None:
    for ask in (heartbeat, match):
        with pytest.raises(Rejected) as refusal:
            ask(uid=GUEST_UID, pair_code=code, now=NOW)
        assert refusal.value.code == "pair_code_invalid"
    assert online() == set()


def test_match_needs_a_code() -> None:
    with pytest.raises(Rejected) as refusal:
        match(uid=GUEST_UID, pair_code="", now=NOW)
    assert refusal.value.code == "pair_code_invalid"


# Limits


def test_a_guest_has_so_many_heartbeats_in_a_minute_and_again_in_the_next(settings: Any) -> None:
    settings.PRESENCE_PER_MINUTE = 3
    used = [heartbeat(uid=GUEST_UID, now=NOW + number * SECOND).used for number in range(3)]
    assert used == [1, 2, 3]
    with pytest.raises(Rejected) as refusal:
        heartbeat(uid=GUEST_UID, now=NOW + 30 * SECOND, is_online=False)
    assert refusal.value.code == "limit_reached"
    assert refusal.value.values["seconds"] == 30
    # Nothing was noted of the one too many.
    assert online(now=NOW + 31 * SECOND) == {GUEST_UID}
    assert heartbeat(uid=GUEST_UID, now=NOW + 60 * SECOND).used == 1
    assert heartbeat(uid=OTHER_UID, now=NOW + 30 * SECOND).used == 1


def test_trying_codes_one_after_the_other_is_dear() -> None:
    for number in range(10):
        match(uid=GUEST_UID, pair_code=f"guess-{number}", now=NOW)
    with pytest.raises(Rejected) as refusal:
        match(uid=GUEST_UID, pair_code="guess-10", now=NOW)
    assert refusal.value.code == "limit_reached"


def test_the_same_code_again_and_again_costs_no_more_than_a_look() -> None:
    used = [
        match(uid=GUEST_UID, pair_code=CODE, now=NOW + 5 * number * SECOND).allowance.used
        for number in range(6)
    ]
    assert used == [1, 1, 1, 1, 2, 2]


# Rooms


def test_alone_there_is_no_room() -> None:
    assert [room(), room(), room(now=NOW + 5 * SECOND)] == [None] * 3
    assert not Room.objects.exists()


def test_two_with_one_code_share_a_room_and_a_third_joins_it() -> None:
    room()
    shared = room(OTHER_UID)
    assert re.fullmatch(rf"room-{CODE}-[0-9a-z]{{12}}", shared or "")
    assert {room(), room(OTHER_UID), room(THIRD_UID)} == {shared}
    assert set(RoomMember.objects.values_list("uid", flat=True)) == {GUEST_UID, OTHER_UID, THIRD_UID}


def test_another_code_is_another_room() -> None:
    uids = [f"thinker-{number:012x}" for number in range(4)]
    for number, uid in enumerate(uids):
        room(uid, f"code-{number % 2}")
    found = [room(uid, f"code-{number % 2}") for number, uid in enumerate(uids)]
    assert found[0] == found[2] != found[1] == found[3]


def test_a_partner_who_is_silent_for_a_minute_is_not_there() -> None:
    room()
    assert room(OTHER_UID, now=NOW + 59 * SECOND)
    assert room(OTHER_UID, now=NOW + 60 * SECOND) is None


def test_a_partner_who_went_or_took_another_code_is_not_there() -> None:
    room()
    room(OTHER_UID)
    heartbeat(uid=GUEST_UID, is_online=False, now=NOW + SECOND)
    assert room(OTHER_UID, now=NOW + 2 * SECOND) is None
    first = room(now=NOW + 3 * SECOND)
    assert first == room(OTHER_UID, now=NOW + 4 * SECOND)
    heartbeat(uid=GUEST_UID, pair_code="another", now=NOW + 5 * SECOND)
    assert room(OTHER_UID, now=NOW + 6 * SECOND) is None


def test_who_leaves_is_offline_and_in_no_party() -> None:
    room()
    room(OTHER_UID)
    store.leave(GUEST_UID, NOW + SECOND)
    assert online(now=NOW + SECOND) == {OTHER_UID}
    assert room(OTHER_UID, now=NOW + 2 * SECOND) is None
    heartbeat(uid=GUEST_UID, now=NOW + 3 * SECOND)
    assert room(OTHER_UID, now=NOW + 4 * SECOND) is None


def test_matches_and_verifications_are_journalled_once_and_heartbeats_never() -> None:
    verify(token="a token", ts=None, signature=None, now=NOW)
    for number in range(3):
        now = NOW + number * SECOND
        heartbeat(uid=GUEST_UID, pair_code=CODE, now=now)
        room(OTHER_UID, now=now)
        room(now=now)
    told = list(Event.objects.order_by("id").values_list("type", "subject_id"))
    assert [kind for kind, _subject in told] == ["presence.verify", "presence.match", "presence.match"]
    assert {subject for _kind, subject in told[1:]} == {GUEST_UID, OTHER_UID}
    # The journal tells no code that a stranger could come in by.
    assert CODE not in str(list(Event.objects.values()))


def test_a_heartbeat_is_one_statement_and_so_is_a_match_that_goes_on(
    django_assert_max_num_queries: Any,
) -> None:
    room()
    room(OTHER_UID)
    room()
    with django_assert_max_num_queries(1):
        heartbeat(uid=GUEST_UID, pair_code=CODE, now=NOW)
    with django_assert_max_num_queries(1):
        room()
    # Alone, and going on: a look is all there is.
    room(THIRD_UID, "nobody's")
    with django_assert_max_num_queries(1):
        room(THIRD_UID, "nobody's")


# Kept for a while


def test_a_room_is_closed_when_it_was_empty_for_ten_minutes_and_a_new_one_opens() -> None:
    room()
    first = room(OTHER_UID)
    later = NOW + 2 * timedelta(minutes=1)
    assert close_empty_rooms(later) == 0
    assert close_empty_rooms(later + timedelta(minutes=9)) == 0
    # Somebody came back for a moment: the ten minutes begin anew.
    room(now=later + timedelta(minutes=9))
    assert close_empty_rooms(later + timedelta(minutes=9)) == 0
    gone = later + timedelta(minutes=11)
    assert close_empty_rooms(gone) == 0
    assert close_empty_rooms(gone + timedelta(minutes=10)) == 1
    assert close_empty_rooms(gone + timedelta(minutes=11)) == 0
    assert Event.objects.filter(type="room.close").count() == 1
    again = gone + timedelta(minutes=12)
    room(now=again)
    assert room(OTHER_UID, now=again) not in (None, first)


def test_closed_rooms_are_deleted_after_a_week() -> None:
    room()
    room(OTHER_UID)
    for minutes in (2, 13):
        close_empty_rooms(NOW + timedelta(minutes=minutes))
    closed = NOW + timedelta(minutes=13)
    assert prune_presence(closed + timedelta(days=7)).rooms_deleted == 0
    assert prune_presence(closed + timedelta(days=7, seconds=1)).rooms_deleted == 1
    assert not Room.objects.exists()
    assert not RoomMember.objects.exists()


def test_who_went_is_forgotten_after_ten_minutes_and_who_fell_silent_after_a_day(kept_in: str) -> None:
    heartbeat(uid=GUEST_UID, is_online=False, now=NOW)
    heartbeat(uid=OTHER_UID, now=NOW)
    prune_presence(NOW + timedelta(minutes=11))
    if kept_in == "database":
        assert list(Presence.objects.values_list("uid", flat=True)) == [OTHER_UID]
        assert prune_presence(NOW + timedelta(hours=24, seconds=1)).presences == 1
    else:
        prune_presence(NOW + timedelta(hours=24, seconds=1))
        assert not redis_link._client().zcard("portal:online")
        assert redis_link._client().ttl(f"portal:presence:{OTHER_UID}") > 0
    assert not Presence.objects.exists()


def test_the_command_says_what_it_did(capsys: Any) -> None:
    room()
    call_command("prune_presence")
    assert re.fullmatch(
        r"\d presences forgotten, 0 rooms closed, 0 rooms deleted\.\n", capsys.readouterr().out
    )


# Codes


def test_codes_are_long_and_never_the_same() -> None:
    codes = {new_pair_code() for _number in range(500)}
    assert len(codes) == 500
    assert all(re.fullmatch(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){2}", code) for code in codes)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("k7mq4t9x2bwr", CODE),
        (" K7MQ 4T9X 2BWR ", CODE),
        ("k7mq–4t9x–2bwr", CODE),
        ("our own words", "our own words"),
        ("K7MQ-4T9X-2BW0", "K7MQ-4T9X-2BW0"),
        ("", ""),
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str, code: str) -> None:
    assert read_pair_code(typed) == code


# Redis that goes away


@pytest.mark.parametrize("kept_in", ["redis"], indirect=True)
def test_while_redis_is_away_the_database_knows_who_is_here(caplog: Any) -> None:
    heartbeat(uid=GUEST_UID, pair_code=CODE, now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_link, "_outage", redis_link._Outage())
        patch.setattr(redis_link, "_client", _no_client)
        assert online() == set()
        room()
        assert room(OTHER_UID) is not None
        assert caplog.text.count("Redis is away") == 1
    assert online() == {GUEST_UID}


def _no_client() -> Any:
    import redis as client

    return client.Redis(port=1, socket_connect_timeout=0.2)
