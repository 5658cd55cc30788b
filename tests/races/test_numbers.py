"""The numbers of all web processes together, whichever of them is asked, and whoever has died."""

import fcntl
import os
import re
from pathlib import Path

import pytest

from portal import metrics_files
from tests.engines import Sqlite
from tests.patience import until
from tests.servers import Browser, Portal, portal


def shown(server: Portal) -> float:
    """Return how many pages were counted."""
    told = Browser(server).get("/metrics").body
    pattern = r'^portal_request_seconds_count\{.*status="2xx",view="manifest"\} ([\d.]+)$'
    found = re.search(pattern, told, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.sample
def test_what_a_dead_process_counted_is_kept_and_no_number_goes_back(tmp_path: Path) -> None:
    url = Sqlite(tmp_path).new_database("portal_numbers")
    with portal(url, tmp_path / "log", workers=2) as server:
        for _number in range(24):
            assert Browser(server).get("/").status == 200
        assert {shown(server) for _number in range(6)} == {24}
        for _round in range(2):
            renew_a_worker(server)
            assert {shown(server) for _number in range(6)} == {24}
        assert Browser(server).get("/").status == 200
        assert shown(server) == 25


def renew_a_worker(server: Portal) -> None:
    """Kill one, and return when another serves in its place."""
    dead = server.kill_a_worker()
    until(lambda: dead not in server.workers() and len(server.workers()) == 2)
    until(server.answers)


def test_the_server_outlives_a_damaged_file_of_numbers(tmp_path: Path) -> None:
    url = Sqlite(tmp_path).new_database("portal_numbers")
    place = tmp_path / "numbers"
    variable = {metrics_files.VARIABLE: str(place)}
    with portal(url, tmp_path / "log", workers=2, **variable) as server:
        for path in place.glob(f"*_{min(server.workers())}.db"):
            os.truncate(path, 0)
        renew_a_worker(server)
        room = set(metrics_files.ROOM.values())
        until(lambda: {path.stat().st_size for path in place.glob("*.db")} >= room, what="new files")
        assert Browser(server).get("/metrics").status == 200
        assert "is damaged" in server.log()


def test_the_server_renews_workers_while_somebody_reads_the_numbers(tmp_path: Path) -> None:
    url = Sqlite(tmp_path).new_database("portal_numbers")
    place = tmp_path / "numbers"
    variable = {metrics_files.VARIABLE: str(place)}
    with portal(url, tmp_path / "log", workers=2, **variable) as server:
        for _number in range(6):
            assert Browser(server).get("/").status == 200
        with (place / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            renew_a_worker(server)
            assert shown(server) == 6
        renew_a_worker(server)
        # The new one takes room after it was born, and what the dead one left is cleared away.
        owners = {*(str(pid) for pid in server.workers()), "dead"}
        until(
            lambda: {path.stem.rpartition("_")[2] for path in place.glob("*.db")} == owners,
            what="files of those who live, and of all dead together",
        )
        assert shown(server) == 6
