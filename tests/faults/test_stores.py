"""Stores that go away and come back: PostgreSQL, Redis, the disk."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.engines import Postgresql, Sqlite
from tests.faults.reading import Readers
from tests.faults.site import PROCESSES, Fault, Outcome, Site, running
from tests.patience import until
from tests.races.truth import Truth
from tests.servers import Browser, Cluster, free_port, postgresql, redis

Survives = Callable[[str, Site, Fault], Outcome]
IMPATIENT = "tests.faults.impatient"
_AWAY_SECONDS = 1.5
_DISK_BYTES = 96 * 1024 * 1024


@pytest.mark.parametrize("pool", ["0", "3"])
def test_a_database_server_that_is_cut_off_loses_nothing(
    pool: str, postgresql_folder: Path, tmp_path: Path, survives: Survives
) -> None:
    env = {"DATABASE_POOL_SIZE": pool}
    with postgresql(postgresql_folder) as cluster, running(Postgresql(cluster), "f", tmp_path, **env) as site:
        processes = site.portal.workers()

        def cut_off(site: Site) -> float:
            # At once: "pg_ctl stop -m immediate", and the log is replayed at the start.
            cluster.stop()
            # With a pool that takes five seconds: for as long a connection of it is waited for.
            site.wait_until_somebody_asks_again("database_away")
            cluster.start()
            return time.monotonic()

        name = "postgresql: stopped at once" + (", with a pool" if pool != "0" else "")
        outcome = survives(name, site, cut_off)
        # Who came meanwhile was told to come again (a 503 without Retry-After would have been wrong).
        assert outcome.again["database_away"]
        assert site.portal.workers() == processes


def test_a_replica_that_is_cut_off_costs_nobody_an_answer(
    postgresql_folder: Path, static_files: None, tmp_path: Path, survives: Survives
) -> None:
    with postgresql(postgresql_folder) as primary, ExitStack() as stack:
        engine = Postgresql(primary)
        replica = primary.replica()
        stack.callback(replica.remove)
        replica.start()
        env = {"DATABASE_REPLICA_URL": replica.url("faults"), "DJANGO_SETTINGS_MODULE": IMPATIENT}
        site = stack.enter_context(running(engine, "faults", tmp_path, **env))
        keys = [site.clerk.ask("key") for _number in range(2)]

        def cut_off(site: Site) -> float:
            with said_by_all(site, "The replica is asked again"):
                with said_by_all(site, "The replica is not asked"):
                    replica.stop()
                replica.start()
                return time.monotonic()

        with Readers([site.system(key) for key in keys], Browser(site.portal)) as readers:
            wait_until_all_ask(replica)
            outcome = survives("postgresql: a replica stopped at once", site, cut_off)
        assert set(readers.answers) == {"list 200", "page 200"}
        stored = Truth(site.database_url).read(site.offers)
        assert readers.wrong(outcome.acknowledged, set(stored.bookings)) == []
        assert readers.seen
        assert outcome.again == {}
        # Once for each process and each time; at the very start no worker may have shown its life yet.
        told = [line for line in site.log().splitlines() if "The replica is not asked" in line]
        assert len([line for line in told if "_BehindError" not in line]) == PROCESSES * outcome.rounds


def wait_until_all_ask(replica: Cluster) -> None:
    """Wait until more threads have a connection to the replica than one process has threads."""
    query = (
        "SELECT COUNT(*) FROM pg_stat_activity "
        "WHERE datname = 'faults' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(replica.url("faults"), autocommit=True) as connection:
        until(lambda: connection.execute(query).fetchone() > (4,), what="lists from the replica")


@contextmanager
def said_by_all(site: Site, words: str) -> Iterator[None]:
    """Wait until every web process has said it once more than before."""
    wanted = site.log().count(words) + PROCESSES
    yield
    until(lambda: site.log().count(words) >= wanted, progress=lambda: site.log().count(words), what=words)


@pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.sample), "postgresql"])
def test_redis_that_dies_and_comes_back_is_missed_by_nobody(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, survives: Survives
) -> None:
    port = free_port()
    with ExitStack() as stack:
        if kind == "postgresql":
            cluster = stack.enter_context(postgresql(request.getfixturevalue("postgresql_folder")))
            engine: Postgresql | Sqlite = Postgresql(cluster)
        else:
            engine = Sqlite(tmp_path)
        url, server = stack.enter_context(redis(port))
        env = {"REDIS_URL": url, "DJANGO_SETTINGS_MODULE": IMPATIENT}
        site = stack.enter_context(running(engine, "faults", tmp_path, **env))

        def kill(site: Site) -> float:
            nonlocal server
            # When all ask it again, the next round takes it away from all.
            with said_by_all(site, "Redis is back"):
                with said_by_all(site, "Redis is away"):
                    os.kill(server.pid, signal.SIGKILL)
                    server.wait()
                _url, server = stack.enter_context(redis(port))
                return time.monotonic()

        outcome = survives(f"{kind}: redis killed and started", site, kill)
        assert outcome.again == {}
        # Once for each process and each time, not once for each request.
        assert site.log().count("Redis is away") == PROCESSES * outcome.rounds


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of a few megabytes of its own; only root can."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (only root can)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_politely_and_loses_nothing(tmp_path: Path, survives: Survives) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = Sqlite(disk).new_database("portal_faults")
        with running(Sqlite(tmp_path), "faults", tmp_path, database=url) as site:

            def fill(_site: Site) -> float:
                ballast = disk / "ballast"
                with ballast.open("wb", buffering=0) as file:
                    try:
                        while file.write(b"\0" * 65536):
                            pass
                    except OSError:
                        pass  # The disk is full.
                time.sleep(_AWAY_SECONDS)
                ballast.unlink()
                return time.monotonic()

            survives("sqlite: the disk full for a while", site, fill)
