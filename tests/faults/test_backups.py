"""A backup made under load is restored into an empty database, and the portal goes on from it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bookings.slot_ids import slot_id
from tests.engines import Engine
from tests.faults.site import Fault, Outcome, Site, running
from tests.races.systems import System
from tests.races.truth import Truth
from tests.servers import manage, portal


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Site]:
    with running(engine, f"faults_{tmp_path.name}"[:60], tmp_path) as site:
        yield site


def test_what_a_backup_under_load_restores_holds_all_that_was_stored_before_and_serves(
    site: Site, tmp_path: Path, survives: Callable[[str, Site, Fault], Outcome]
) -> None:
    numbers = count()
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)

    def back_up_and_restore(site: Site) -> float:
        before = set(Truth(site.database_url).read(site.offers).bookings)
        folder = tmp_path / f"backup-{next(numbers)}"
        file = manage(site.database_url, "backup", "--output", str(folder)).strip()
        bare = site.engine.bare_database(f"{folder.name.replace('-', '_')}_{site.engine.name}")
        assert "Verified" in manage(bare, "restore", file, "--verify")
        restored = Truth(bare).read(site.offers)
        assert restored.faults() == []
        assert before <= set(restored.bookings)
        with portal(bare, folder / "gunicorn.log", workers=1, **site.env) as server:
            body = {"voucher_id": site.spare, "slot_id": slot_id(start), "holder_uid": "thinker-0123456789ab"}
            booked = System(server.port, site.key).post("voucher/book", {**body, "name": "Ann"})
            assert booked.status == 200, booked.body
        after = Truth(bare).read(site.offers)
        assert after.faults() == []
        assert set(after.bookings) == {*restored.bookings, booked.content["booking"]["id"]}
        return time.monotonic()

    outcome = survives(f"{site.engine.name}: a backup made, restored, served", site, back_up_and_restore)
    assert outcome.again == {}
