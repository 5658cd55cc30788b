"""Quotas that hold: across processes and servers, against made-up addresses, with Redis and without."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.races.conftest import Clerk, opened, standing_clock
from tests.races.systems import Reply, System
from tests.servers import at_once, portal, redis

QUOTA = 40
# All of a test's requests are in one minute of the servers' clock, however long they take.
RESET_SECONDS = 40
LIMITED = {
    "API_READS_PER_MINUTE": str(QUOTA),
    "API_WRITES_PER_MINUTE": str(QUOTA),
    **standing_clock(datetime.now(UTC).replace(second=60 - RESET_SECONDS, microsecond=0)),
}
THREADS = 8


@dataclass
class Limited:
    """A hotel with three web servers on its database: two behind a proxy of ours, one without."""

    clerk: Clerk
    first: int
    second: int
    open: int

    def system(self, port: int, key: str = "", **headers: str) -> System:
        """Return a system of the hotel's own, or with a key that is given."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return System(port, key or self.clerk.ask("key"), **named)


@pytest.fixture(scope="module")
def limited(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    logs = tmp_path_factory.mktemp("log")
    with (
        opened(engine, "portal_limits", logs / "a.log", TRUSTED_PROXIES="1", **LIMITED) as hotel,
        portal(hotel.database_url, logs / "b.log", workers=2, TRUSTED_PROXIES="1", **LIMITED) as second,
        portal(hotel.database_url, logs / "c.log", workers=4, **LIMITED) as unproxied,
    ):
        yield Limited(hotel.clerk, hotel.portal.port, second.port, unproxied.port)


def read(system: System) -> Reply:
    return system.get("voucher/list?limit=1")


def write(system: System) -> Reply:
    return system.post("voucher/cancel", {"booking_id": "b-nothing"})


def tries(
    systems: Sequence[System], number: int, ask: Callable[[System], Reply] = read, *more: Callable[[], Any]
) -> list[Reply]:
    """Ask so often with each system, all at once in a few threads for each, and do more beside that."""

    def some(system: System) -> list[Reply]:
        return [ask(system) for _number in range(number // THREADS)]

    calls = [lambda system=system: some(system) for system in systems for _thread in range(THREADS)]
    return [reply for replies in at_once([*calls, *more])[: len(calls)] for reply in replies]


def statuses(replies: Sequence[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


@pytest.mark.parametrize(("ask", "good", "kind"), [(read, 200, "read"), (write, 404, "write")])
def test_a_client_gets_its_quota_from_all_processes_together_and_not_one_more(
    limited: Limited, ask: Callable[[System], Reply], good: int, kind: str
) -> None:
    system = limited.system(limited.first, X_Forwarded_For=f"192.0.2.{len(kind)}")
    replies = tries([system], 3 * QUOTA, ask)
    assert statuses(replies) == {good: QUOTA, 429: 2 * QUOTA}
    # Each was told another number of what is left, down to nothing.
    left = sorted(int(reply.headers["ratelimit"].split(";")[1].removeprefix("r=")) for reply in replies)
    assert left == [0] * 2 * QUOTA + list(range(QUOTA))
    for reply in replies:
        assert reply.headers["ratelimit-policy"] == f'"{kind}";q={QUOTA};w=60'
        if reply.status == 429:
            assert reply.content["code"] == "limit_reached"
            assert reply.headers["retry-after"] == str(RESET_SECONDS)
            assert reply.headers["ratelimit"].endswith(f";t={RESET_SECONDS}")


@pytest.mark.sample
def test_two_servers_share_a_keys_quota_and_two_hotels_share_nothing(limited: Limited) -> None:
    key = limited.clerk.ask("key")
    both = [
        limited.system(port, key, X_Forwarded_For=f"198.51.100.{number}")
        for number, port in enumerate((limited.first, limited.second))
    ]
    other = limited.system(
        limited.second, limited.clerk.ask("key", hotel="hotel-other"), X_Forwarded_For="198.51.100.9"
    )
    replies = tries([*both, other], 3 * QUOTA)
    # In the order of the systems: 6 × the quota with the one key, then 3 × with the other hotel's.
    assert statuses(replies[: 6 * QUOTA]) == {200: QUOTA, 429: 5 * QUOTA}
    assert statuses(replies[6 * QUOTA :]) == {200: QUOTA, 429: 2 * QUOTA}


@pytest.mark.parametrize("kind", ["wrong keys", "no keys", "addresses where nothing is"])
def test_who_has_no_good_key_uses_its_address_up(limited: Limited, kind: str) -> None:
    address = f"203.0.113.{len(kind)}"
    stranger = limited.system(
        limited.first, "" if kind.startswith("no ") else "hvp_wrong", X_Forwarded_For=address
    )
    if kind == "no keys":
        stranger = System(limited.first, "", **{"X-Forwarded-For": address})
    path, refused = ("nothing", 404) if kind.startswith("addresses") else ("voucher/list", 401)
    right = limited.system(limited.second, X_Forwarded_For=f"9.9.9.9, {address}")
    key = limited.clerk.ask("key")
    replies = tries([stranger], 2 * QUOTA, lambda system: system.get(path))
    assert statuses(replies) == {refused: QUOTA, 429: QUOTA}
    # A right key is refused there and good elsewhere, whatever the client wrote in front.
    assert read(right).status == 429
    assert (
        read(limited.system(limited.second, key, X_Forwarded_For=f"{address}, 203.0.113.200")).status == 200
    )


def test_addresses_that_a_client_makes_up_change_nothing(limited: Limited) -> None:
    # Of a key each: what is shared is the address alone.
    keys = [limited.clerk.ask("key") for _number in range(4)]
    names = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "X_Forwarded_For")
    systems = [
        System(
            limited.open,
            key,
            **dict.fromkeys(names, f"for={number}.5.5.5" if number % 2 else f"{number}.5.5.5"),
        )
        for number, key in enumerate(keys, 1)
    ]
    assert statuses(tries(systems, QUOTA)) == {200: QUOTA, 429: 3 * QUOTA}


def test_redis_counts_for_two_servers_and_when_it_dies_in_the_middle_the_database_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    if engine.name == "postgresql":
        pytest.skip("the counting in Redis is the same whatever the database")
    with (
        redis() as (url, server),
        opened(engine, "portal_redis", tmp_path / "a.log", REDIS_URL=url, **LIMITED) as hotel,
        portal(hotel.database_url, tmp_path / "b.log", workers=2, REDIS_URL=url, **LIMITED) as second,
    ):
        key = hotel.clerk.ask("key")
        systems = [System(port, key) for port in (hotel.portal.port, second.port)]
        assert statuses(tries(systems, 2 * QUOTA)) == {200: QUOTA, 429: 3 * QUOTA}
        # The database has counted nothing of this minute yet.
        replies = tries(systems, 4 * QUOTA, read, server.kill)
        server.wait()
        assert statuses(replies + tries(systems, 2 * QUOTA)) == {200: QUOTA, 429: 11 * QUOTA}
        # Each worker says it once, and once more if an answer from before came in behind the bad news.
        for log, workers in ((hotel.portal.log(), 4), ((tmp_path / "b.log").read_text(), 2)):
            assert 1 <= log.count("Redis is away") - log.count("Redis is back") <= workers
            assert "Traceback" not in log
