"""A PostgreSQL with a streaming replica: lists come from the one, whoever wrote reads the other."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.engines import Postgresql
from tests.patience import until
from tests.races.conftest import Hotel, opened, standing_clock
from tests.races.systems import System
from tests.servers import ROOT, Browser, Cluster, environment, postgresql

TITLE = "Slow replica hour"
_BEAT = (
    "import django; django.setup()\nfrom django.utils import timezone\n"
    "from operations.domain import Heart\nHeart().beat(timezone.now())"
)


class Pair:
    """A hotel over a primary and its replica."""

    def __init__(self, hotel: Hotel, primary: Cluster, replica: Cluster, database: str) -> None:
        self.hotel, self.primary, self.replica = hotel, primary, replica
        self._url = replica.url(database)

    def beat(self) -> None:
        """Let a worker show that it lives, and wait until the replica knows."""
        subprocess.run(
            [sys.executable, "-c", _BEAT], cwd=ROOT, env=environment(self.hotel.database_url), check=True
        )
        self.catch_up()

    def of_replica(self, query: str) -> object:
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
            return row and row[0]

    @contextmanager
    def without_replica(self) -> Iterator[None]:
        """Stop the replica for a while."""
        self.replica.stop()
        try:
            yield
        finally:
            self.replica.start()

    def catch_up(self) -> None:
        """Wait until the replica has what the primary has."""
        with psycopg.connect(self.hotel.database_url) as connection:
            row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        until(lambda: self.of_replica(f"SELECT pg_last_wal_replay_lsn() >= '{row[0]}'::pg_lsn"))


@pytest.fixture(scope="module")
def pair(postgresql_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with postgresql(postgresql_folder) as primary, ExitStack() as stack:
        engine = Postgresql(primary)
        replica = primary.replica()
        stack.callback(replica.remove)
        replica.start()
        env = {"DATABASE_REPLICA_URL": replica.url("portal_pair"), **standing_clock()}
        # One process, so that one process' memory of the replica is all there is.
        hotel = stack.enter_context(opened(engine, "portal_pair", log, workers=1, **env))
        until(lambda: _has(replica, "portal_pair"), what="the replica's copy")
        yield Pair(hotel, primary, replica, "portal_pair")


def _has(replica: Cluster, database: str) -> bool:
    with psycopg.connect(replica.url(), autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return connection.execute(query, [database]).fetchone() is not None


def titles(browser: Browser) -> str:
    answer = browser.get("/")
    assert answer.status == 200
    return answer.body


@pytest.mark.sample
def test_others_lists_come_from_the_replica_and_whoever_wrote_reads_the_primary(pair: Pair) -> None:
    hotel = pair.hotel
    first = hotel.offer(vouchers=1, capacity=9)
    writer, reader = (
        System(hotel.portal.port, hotel.clerk.ask("key")),
        System(hotel.portal.port, hotel.clerk.ask("key")),
    )
    pair.beat()
    pair.catch_up()
    guest, other = Browser(hotel.portal), Browser(hotel.portal)
    form = guest.booking_form(first["vouchers"][0][0], hotel.slot())
    pair.of_replica("SELECT pg_wal_replay_pause()")
    try:
        assert guest.press(form).status == 303
        second = hotel.offer(vouchers=1, capacity=9, title=TITLE)
        issued = writer.post(
            "voucher/issue", {"offer": second["offer"], "holder_uid": "thinker-0123456789ab"}
        ).content["voucher"]["id"]
        assert TITLE not in titles(other)
        assert TITLE in titles(guest)
        assert issued not in str(reader.get("voucher/list?limit=100").content)
        assert issued in str(writer.get("voucher/list?limit=100").content)
        # What is decided is decided by the primary: the other guest books what the list does not show yet.
        booked = other.press(other.booking_form(second["vouchers"][0][0], hotel.slot()))
        assert booked.status == 303
    finally:
        pair.of_replica("SELECT pg_wal_replay_resume()")
    pair.catch_up()
    assert issued in str(reader.get("voucher/list?limit=100").content)


def test_a_replica_that_is_behind_is_not_asked_and_one_that_is_away_costs_nobody_an_answer(
    pair: Pair,
) -> None:
    hotel = pair.hotel
    hotel.offer(vouchers=1, capacity=9, title="Seen at once")
    # Long without a sign of life: for the replica, the workers stand still.
    with psycopg.connect(hotel.database_url) as connection:
        connection.execute("UPDATE operations_workerbeat SET at = now() - interval '2 hours'")
    pair.catch_up()
    assert "Seen at once" in titles(Browser(hotel.portal))
    told = re.findall("The replica is not asked for a while: .*", hotel.portal.log())
    assert told == ["The replica is not asked for a while: _BehindError"]

    with pair.without_replica():
        statuses = [Browser(hotel.portal).get("/").status for _number in range(20)]
    assert statuses == [200] * 20
    assert len(re.findall("The replica is not asked", hotel.portal.log())) == 1
    assert "Traceback" not in hotel.portal.log()


def test_a_replica_that_breaks_in_mid_sentence_costs_nobody_an_answer(pair: Pair, tmp_path: Path) -> None:
    from tests.servers import portal

    pair.beat()
    env = {"DATABASE_REPLICA_URL": pair.replica.url("portal_pair"), **standing_clock()}
    with portal(pair.hotel.database_url, tmp_path / "web.log", workers=1, **env) as server:
        assert Browser(server).get("/").status == 200
        assert "The replica" not in server.log()
        with pair.without_replica():
            assert [Browser(server).get("/").status for _number in range(12)] == [200] * 12
        assert len(re.findall("The replica is not asked", server.log())) == 1
        assert "Traceback" not in server.log()
