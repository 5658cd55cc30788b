"""Many systems at once, processes that die, and a database that goes away: each wish is done once."""

import http.client
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bookings.slot_ids import slot_id
from tests.engines import Engine, Postgresql
from tests.patience import until
from tests.races.conftest import Hotel, opened
from tests.races.systems import Reply, System
from tests.races.truth import Truth
from tests.servers import Cluster, at_once, portal, postgresql

MANY = {"API_WRITES_PER_MINUTE": "1000000", "API_READS_PER_MINUTE": "1000000"}


@pytest.fixture(scope="module")
def hotel(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    """A portal whose processes die when they are asked to."""
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    settings = {"DJANGO_SETTINGS_MODULE": "tests.races.killing"}
    with opened(engine, "portal_api", log, **MANY, **settings) as hotel:
        yield hotel


@pytest.fixture(scope="module")
def system(hotel: Hotel) -> System:
    return System(hotel.portal.port, hotel.clerk.ask("key"))


def wish(hotel: Hotel, voucher: str, hour: int = 10) -> dict[str, str]:
    return {"voucher_id": voucher, "slot_id": slot_id(hotel.slot(hour)), "holder_uid": "guest-1"}


def code_of(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.content.get("code", "")


@pytest.mark.sample
def test_fifty_twins_make_one_booking_and_are_answered_alike(hotel: Hotel, system: System) -> None:
    voucher = hotel.offer(vouchers=1, capacity=50)["vouchers"][0][0]
    body = wish(hotel, voucher)
    replies = at_once([lambda: system.post("voucher/book", body, Idempotency_Key="twins")] * 50)
    assert Counter(reply.status for reply in replies) == {200: 50}
    assert len({reply.body for reply in replies}) == 1
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 49
    assert hotel.clerk.ask("count", voucher=voucher) == 1
    other = system.post("voucher/book", wish(hotel, voucher, 11), Idempotency_Key="twins")
    assert code_of(other) == (422, "idempotency_key_reused")
    assert hotel.clerk.ask("count", voucher=voucher) == 1


def test_fifty_wishes_for_one_voucher_make_one_booking(hotel: Hotel, system: System) -> None:
    voucher = hotel.offer(vouchers=1, capacity=50)["vouchers"][0][0]

    def call(number: int) -> Callable[[], Reply]:
        body = wish(hotel, voucher, 8 + number % 10)
        return lambda: system.post("voucher/book", body, Idempotency_Key=f"own-{number}")

    replies = at_once([call(number) for number in range(50)])
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 49}
    assert hotel.clerk.ask("count", voucher=voucher) == 1
    # A refusal is an answer like any other: sent again, it is the same.
    loser = next(number for number, reply in enumerate(replies) if reply.status == 409)
    again = call(loser)()
    assert (again.status, again.body) == (409, replies[loser].body)


def test_twins_of_a_request_that_is_refused_are_told_the_same(hotel: Hotel, system: System) -> None:
    voucher = hotel.offer(vouchers=1, capacity=50)["vouchers"][0][0]
    assert system.post("voucher/book", wish(hotel, voucher, 8)).status == 200
    body = wish(hotel, voucher, 9)
    replies = at_once([lambda: system.post("voucher/book", body, Idempotency_Key="refused")] * 30)
    assert {(reply.status, reply.body) for reply in replies} == {(409, replies[0].body)}
    assert hotel.clerk.ask("count", voucher=voucher) == 1


def test_whoever_books_moves_cancels_and_withdraws_at_once_leaves_a_journal_that_adds_up(
    hotel: Hotel, system: System
) -> None:
    made = hotel.offer(vouchers=4, capacity=2)
    calls: list[Callable[[], Reply]] = []
    for voucher in made["vouchers"][0]:
        booked = system.post("voucher/book", wish(hotel, voucher, 9 + len(calls) // 20))
        booking = {"booking_id": booked.content["booking"]["id"]}
        wishes: list[tuple[str, Any]] = [
            ("move", {**booking, "slot_id": slot_id(hotel.slot(12))}),
            ("move", {**booking, "slot_id": slot_id(hotel.slot(13))}),
            ("cancel", booking),
            ("book", wish(hotel, voucher, 12)),
            ("withdraw", {"voucher_id": voucher}),
        ]
        for number in range(2):
            for verb, body in wishes:
                key = f"{verb}-{number}-{len(calls)}"
                calls.append(
                    lambda verb=verb, body=body, key=key: system.post(
                        f"voucher/{verb}", body, Idempotency_Key=key
                    )
                )
    replies = at_once(calls)
    assert {reply.status for reply in replies} <= {200, 409, 422}
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert {voucher["status"] for voucher in stored.vouchers.values()} == {"cancelled"}
    assert stored.faults() == []


def test_a_voucher_is_used_up_once_whoever_wants_it_away_at_that_moment(hotel: Hotel, system: System) -> None:
    body = {"voucher_id": hotel.offer(vouchers=1, capacity=1)["vouchers"][0][0]}
    calls = [lambda verb=verb: system.post(f"voucher/{verb}", body) for verb in ["redeem", "withdraw"] * 12]
    replies = at_once(calls)
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 23}
    won = next(reply for reply in replies if reply.status == 200)
    read = system.get(f"voucher/{body['voucher_id']}").content["voucher"]
    assert read["status"] == won.content["voucher"]["status"]


def test_a_process_killed_before_its_answer_is_answered_for_at_the_next_try(
    hotel: Hotel, system: System
) -> None:
    for number, voucher in enumerate(hotel.offer(vouchers=5, capacity=5)["vouchers"][0]):
        body = wish(hotel, voucher)
        with pytest.raises((http.client.HTTPException, OSError)):
            system.post("voucher/book", body, Idempotency_Key=f"die-{number}", X_Test_Die="1")
        # It was stored: only the answer has not arrived.
        assert hotel.clerk.ask("count", voucher=voucher) == 1
        until(hotel.portal.answers, what="a new worker")
        retry = system.post("voucher/book", body, Idempotency_Key=f"die-{number}")
        assert (retry.status, retry.headers.get("idempotent-replayed")) == (200, "true")
        read = system.get(f"voucher/{voucher}").content
        assert read["booking"] == retry.content["booking"]
        assert hotel.clerk.ask("count", voucher=voucher) == 1


_RESERVE = """
INSERT INTO access_givenanswer (key_id, idempotency_key, fingerprint, status, body, created_at)
SELECT id, %s, '', 0, '', now() FROM access_apikey
"""


def skip_on_sqlite(hotel: Hotel) -> None:
    if hotel.engine.name == "sqlite":
        pytest.skip("on SQLite everyone who writes waits for everyone, for the file's timeout")


def test_a_twin_waits_for_the_first(hotel: Hotel, system: System) -> None:
    skip_on_sqlite(hotel)
    voucher = hotel.offer(vouchers=1, capacity=1)["vouchers"][0][0]
    with ThreadPoolExecutor(1) as pool:
        with held(hotel, "held"):
            twin = pool.submit(system.post, "voucher/book", wish(hotel, voucher), Idempotency_Key="held")
            until(lambda: somebody_waits(hotel) or twin.done(), what="the twin to wait")
            assert not twin.done()
        # The first fails after all: nothing of it is kept, and its key is free again.
        assert code_of(twin.result()) == (200, "")
    assert hotel.clerk.ask("count", voucher=voucher) == 1


def test_a_twin_does_not_wait_for_ever(hotel: Hotel, tmp_path: Path) -> None:
    skip_on_sqlite(hotel)
    voucher = hotel.offer(vouchers=1, capacity=1)["vouchers"][0][0]
    with portal(hotel.database_url, tmp_path / "log", workers=1, **MANY) as server:
        system = System(server.port, hotel.clerk.ask("key"))

        def book() -> Reply:
            return system.post("voucher/book", wish(hotel, voucher), Idempotency_Key="kept")

        with held(hotel, "kept"):
            assert code_of(book()) == (409, "idempotency_key_in_flight")
        assert book().status == 200
    assert hotel.clerk.ask("count", voucher=voucher) == 1


@contextmanager
def held(hotel: Hotel, key: str) -> Iterator[None]:
    """Take an idempotency key as a first request that is at work, and in the end comes to nothing."""
    import psycopg

    with psycopg.connect(hotel.database_url) as first:
        first.execute(_RESERVE, [key])
        yield
        first.rollback()


def somebody_waits(hotel: Hotel) -> bool:
    """Tell whether a statement waits for another's lock."""
    import psycopg

    with psycopg.connect(hotel.database_url, autocommit=True) as watch:
        return watch.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None


# A database that goes away


@pytest.fixture(scope="module")
def cluster(postgresql_folder: Path) -> Iterator[Cluster]:
    """A PostgreSQL server of these tests alone: its sudden end is nobody else's."""
    with postgresql(postgresql_folder) as cluster:
        yield cluster


def test_while_the_database_is_away_the_api_says_so_and_then_goes_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    number = 24
    with opened(Postgresql(cluster), "portal_api_outage", tmp_path / "gunicorn.log", **MANY) as hotel:
        system = System(hotel.portal.port, hotel.clerk.ask("key"))
        made = hotel.offer(vouchers=number, capacity=number)

        def books() -> list[Callable[[], Reply]]:
            return [
                lambda voucher=voucher: system.post(
                    "voucher/book", wish(hotel, voucher), Idempotency_Key=f"away-{voucher}"
                )
                for voucher in made["vouchers"][0]
            ]

        *first, _stopped = at_once([*books(), cluster.stop])
        assert {reply.status for reply in first} <= {200, 503}
        wrong = System(hotel.portal.port, "hvp_wrong")
        away = [
            system.get("voucher/list"),
            books()[0](),
            wrong.get("voucher/list"),
            system.get("events"),
            system.get("nothing"),
            *(reply for reply in first if reply.status == 503),
        ]
        assert {code_of(reply) for reply in away} == {(503, "database_away")}
        assert all(int(reply.headers["retry-after"]) > 0 for reply in away)
        assert {reply.headers["content-type"] for reply in away} == {"application/json"}

        cluster.start()
        # Every thread of every worker finds that its connection is broken, and opens another.
        assert [system.get("voucher/list").status for _number in range(32)] == [200] * 32
        second: list[Reply] = at_once(books())
        assert {reply.status for reply in second} == {200}
        kept = [(old.body, new.body) for old, new in zip(first, second, strict=True) if old.status == 200]
        assert [old for old, _new in kept] == [new for _old, new in kept]
        # The journal of a database that broke off and came back adds up.
        stored = Truth(hotel.database_url).read([made["offer"]])
        assert stored.faults() == []
        assert len(stored.standing) == number
        assert "Traceback" not in hotel.portal.log()
