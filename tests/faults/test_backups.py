"""A backup made under load is restored into an empty database, and the portal goes on from it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bookings.slot_ids import slot_id
from tests.engines import Engine
from tests.faults.site import Fault, Outcome, Site, running
from tests.races.systems import System
from tests.races.truth import Truth
from tests.servers import manage, portal

pytestmark = pytest.mark.faults


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Site]:
    with running(engine, f"faults_{tmp_path.name}"[:60], tmp_path) as site:
        yield site


def test_what_a_backup_under_load_restores_holds_all_that_was_stored_before_and_serves(
    site: Site, tmp_path: Path, survives: Callable[[str, Site, Fault], Outcome]
) -> None:
    backups: list[tuple[set[str], str]] = []

    def back_up(site: Site) -> float:
        before = set(Truth(site.database_url).read(site.offers).bookings)
        folder = tmp_path / f"backup-{len(backups)}"
        backups.append((before, manage(site.database_url, "backup", "--output", str(folder)).strip()))
        return time.monotonic()

    outcome = survives(f"{site.engine.name}: a backup made, restored, served", site, back_up)
    assert outcome.again == {}
    for before, file in backups:
        restore_and_serve(site, before, Path(file))


def restore_and_serve(site: Site, before: set[str], file: Path) -> None:
    """Restore a backup into an empty database, and book there; it holds all that was stored `before`."""
    bare = site.engine.bare_database(f"{file.parent.name.replace('-', '_')}_{site.engine.name}")
    assert "Verified" in manage(bare, "restore", str(file), "--verify")
    restored = Truth(bare).read(site.offers)
    assert restored.faults() == []
    assert before <= set(restored.bookings)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    with portal(bare, file.parent / "gunicorn.log", workers=1, **site.env) as server:
        body = {"voucher_id": site.spare, "slot_id": slot_id(start), "holder_uid": "thinker-0123456789ab"}
        booked = System(server.port, site.key).post("voucher/book", {**body, "name": "Ann"})
        assert booked.status == 200, booked.body
    after = Truth(bare).read(site.offers)
    assert after.faults() == []
    assert set(after.bookings) == {*restored.bookings, booked.content["booking"]["id"]}
