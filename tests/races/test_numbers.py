"""The numbers of all web processes together, whichever of them is asked, and whoever has died."""

import re
from pathlib import Path

import pytest

from tests.engines import Sqlite
from tests.servers import Browser, Portal, portal, until

pytestmark = pytest.mark.races


def shown(server: Portal) -> float:
    """Return how many pages were counted."""
    told = Browser(server).get("/metrics").body
    pattern = r'^portal_request_seconds_count\{.*status="2xx",view="manifest"\} ([\d.]+)$'
    found = re.search(pattern, told, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_a_dead_process_counted_is_kept_and_no_number_goes_back(tmp_path: Path) -> None:
    url = Sqlite(tmp_path).new_database("portal_numbers")
    with portal(url, tmp_path / "log", workers=2) as server:
        for _number in range(24):
            assert Browser(server).get("/").status == 200
        assert {shown(server) for _number in range(6)} == {24}
        for _round in range(2):
            dead = server.kill_a_worker()
            until(lambda gone=dead: gone not in server.workers() and len(server.workers()) == 2)
            until(server.answers)
            assert {shown(server) for _number in range(6)} == {24}
        assert Browser(server).get("/").status == 200
        assert shown(server) == 25
