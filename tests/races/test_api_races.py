"""Many systems at once, processes that die, and limits that hold across all of them."""

import contextlib
import http.client
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookings.slot_ids import slot_id
from tests.races.conftest import Engine, Hotel, opened
from tests.races.systems import Reply, System
from tests.requirements import skip_or_fail
from tests.servers import HOST, ROOT, at_once, free_port, portal, until

pytestmark = pytest.mark.races
MANY = {"API_WRITES_PER_MINUTE": "1000000", "API_READS_PER_MINUTE": "1000000"}
QUOTA = 40


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


def test_fifty_twins_make_one_booking_and_are_answered_alike(hotel: Hotel, system: System) -> None:
    voucher = hotel.offer(vouchers=1, capacity=50)["vouchers"][0][0]
    body = wish(hotel, voucher)
    replies = at_once([lambda: system.post("voucher/book", body, Idempotency_Key="twins")] * 50)
    assert Counter(reply.status for reply in replies) == {200: 50}
    assert len({reply.body for reply in replies}) == 1
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 49
    assert hotel.clerk.ask("count", voucher=voucher) == 1


def test_fifty_wishes_for_one_voucher_make_one_booking(hotel: Hotel, system: System) -> None:
    voucher = hotel.offer(vouchers=1, capacity=50)["vouchers"][0][0]

    def call(number: int) -> Callable[[], Reply]:
        body = wish(hotel, voucher, 8 + number % 10)
        return lambda: system.post("voucher/book", body, Idempotency_Key=f"own-{number}")

    replies = at_once([call(number) for number in range(50)])
    assert Counter(reply.status for reply in replies) == {200: 1, 409: 49}
    assert hotel.clerk.ask("count", voucher=voucher) == 1


def test_a_process_killed_before_its_answer_is_answered_for_at_the_next_try(
    hotel: Hotel, system: System
) -> None:
    for number, voucher in enumerate(hotel.offer(vouchers=5, capacity=5)["vouchers"][0]):
        body = wish(hotel, voucher)
        with pytest.raises((http.client.HTTPException, OSError)):
            system.post("voucher/book", body, Idempotency_Key=f"die-{number}", X_Test_Die="1")
        until(hotel.portal.answers, what="a new worker")
        retry = system.post("voucher/book", body, Idempotency_Key=f"die-{number}")
        assert (retry.status, retry.headers.get("idempotent-replayed")) == (200, "true")
        read = system.get(f"voucher/{voucher}").content
        assert read["booking"] == retry.content["booking"]
        assert hotel.clerk.ask("count", voucher=voucher) == 1


@contextlib.contextmanager
def redis() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a Redis server of its own."""
    program = shutil.which("redis-server")
    if program is None:
        skip_or_fail("Redis is not installed (no redis-server found)")
    port = free_port()
    command = [program, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            time.sleep(0.5)
            yield f"redis://{HOST}:{port}/0", server
        finally:
            server.kill()


def early_in_a_minute(seconds: float = 20) -> None:
    """Wait until so many seconds of the clock's minute are left."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left + 0.1)


def tries(systems: list[System], number: int, path: str = "voucher/list?limit=1") -> Counter[int]:
    """Ask so often with each system, all at once in a few threads for each."""

    def some(system: System) -> list[int]:
        return [system.get(path).status for _number in range(number // 8)]

    answers = at_once([lambda system=system: some(system) for system in systems for _thread in range(8)])
    return Counter(status for statuses in answers for status in statuses)


LIMITED = {"API_READS_PER_MINUTE": str(QUOTA), "API_WRITES_PER_MINUTE": str(QUOTA)}


def test_a_client_gets_its_quota_and_not_one_more(engine: Engine, tmp_path: Path) -> None:
    with (
        opened(engine, "portal_limits", tmp_path / "a.log", TRUSTED_PROXIES="1", **LIMITED) as hotel,
        portal(hotel.database_url, tmp_path / "b.log", workers=2, TRUSTED_PROXIES="1", **LIMITED) as second,
    ):
        keys = [hotel.clerk.ask("key") for _number in range(3)]
        early_in_a_minute()
        # One key at two web servers; what a client puts before its proxy's entry changes nothing.
        both = [
            System(port, keys[0], **{"X-Forwarded-For": f"{number}.6.6.6, 198.51.100.{number}"})
            for number, port in enumerate((hotel.portal.port, second.port))
        ]
        assert tries(both, 3 * QUOTA)[200] == QUOTA
        # Wrong keys use the address up, and then a right one is refused there.
        early_in_a_minute()
        wrong = System(second.port, "hvp_wrong", **{"X-Forwarded-For": "203.0.113.1"})
        assert tries([wrong], 2 * QUOTA) == {401: QUOTA, 429: QUOTA}
        right = System(second.port, keys[1], **{"X-Forwarded-For": "9.9.9.9, 203.0.113.1"})
        refused = right.get("voucher/list")
        assert (refused.status, refused.content["code"]) == (429, "limit_reached")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        elsewhere = System(second.port, keys[2], **{"X-Forwarded-For": "203.0.113.2"})
        assert elsewhere.get("voucher/list").status == 200


def test_redis_counts_exactly_and_when_it_is_gone_the_database_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    if engine.name == "postgresql":
        pytest.skip("the counting in Redis is the same whatever the database")
    with (
        redis() as (url, server),
        opened(engine, "portal_redis", tmp_path / "c.log", REDIS_URL=url, **LIMITED) as hotel,
    ):
        system = System(hotel.portal.port, hotel.clerk.ask("key"))
        early_in_a_minute()
        assert tries([system], 3 * QUOTA) == {200: QUOTA, 429: 2 * QUOTA}
        server.kill()
        server.wait()
        # The database has counted nothing of this minute yet.
        assert tries([system], 2 * QUOTA) == {200: QUOTA, 429: QUOTA}
        # Each of the four workers says it once.
        assert 1 <= hotel.portal.log().count("Redis is away") <= 4


def test_the_api_keeps_its_description(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, "portal_contract", tmp_path / "d.log", workers=2, **MANY) as hotel:
        hotel.offer(vouchers=20, batches=2, capacity=3)
        key = hotel.clerk.ask("key", hotel=None if engine.name == "postgresql" else "hotel-races")
        command = ["-m", "schemathesis.cli", "--config-file", str(ROOT / "tests/schemathesis.toml"), "run"]
        options = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "-n", "15"]
        done = subprocess.run(
            [
                *(sys.executable, *command, f"{hotel.portal.url}/api/openapi.json"),
                *("-H", f"X-TS-APIKEY: {key}", *options, "--no-color", "--generation-database", "none"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        told = re.search(r"(\d+) generated", done.stdout)
        assert told is not None, done.stdout[-2000:]
        assert int(told[1]) > 300
        assert "Stateful" in done.stdout
