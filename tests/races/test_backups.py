"""A backup is made while guests book; an empty machine goes on from it."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.engines import Engine
from tests.patience import until
from tests.races.conftest import Hotel, opened
from tests.races.truth import Truth
from tests.servers import Browser, manage, portal

# More than are booked while a backup is made.
VOUCHERS = 1000
CLIENTS = 4


@pytest.fixture(scope="module")
def hotel(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with opened(engine, "portal_backed_up", log, workers=2) as hotel:
        yield hotel


class Load(threading.Thread):
    """A guest after the other books, and writes down what was acknowledged."""

    def __init__(
        self, hotel: Hotel, vouchers: list[str], offset: int, *, ends_with: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        # The answer that ends it; any other than a redirect to the booking is a failure.
        self._ends_with = ends_with
        self._hotel, self._vouchers, self._offset = hotel, vouchers, offset
        self.acknowledged: list[str] = []
        self.is_enough = threading.Event()

    def run(self) -> None:
        for number, voucher in enumerate(self._vouchers):
            if self.is_enough.is_set():
                return
            guest = Browser(self._hotel.portal)
            form = guest.booking_form(voucher, self._hotel.slot(number % 20), name=f"Guest{self._offset}")
            answer = guest.press(form)
            if answer.status == self._ends_with:
                return
            assert answer.status == 303, answer.status
            self.acknowledged.append(answer.booking_id)


def acknowledged(loads: list[Load]) -> set[str]:
    """Return the bookings that were acknowledged so far."""
    return {booking for load in loads for booking in load.acknowledged}


def wait_for_bookings(loads: list[Load], number: int) -> None:
    """Wait until every guest has so many bookings; at once, though, for one that has failed."""
    until(
        lambda: all(len(load.acknowledged) >= number or not load.is_alive() for load in loads),
        progress=lambda: len(acknowledged(loads)),
        what="bookings",
    )


@pytest.mark.sample
def test_a_backup_under_load_holds_all_that_was_acknowledged_before_and_the_portal_runs_on_it(
    engine: Engine, hotel: Hotel, tmp_path: Path
) -> None:
    made = hotel.offer(vouchers=VOUCHERS, capacity=VOUCHERS)
    vouchers = made["vouchers"][0]
    spare = vouchers.pop()
    loads = [Load(hotel, vouchers[client::CLIENTS], client) for client in range(CLIENTS)]
    for load in loads:
        load.start()
    try:
        wait_for_bookings(loads, 3)
        before = acknowledged(loads)
        # A backup that is made so fast that nobody books meanwhile is made again.
        folders = (tmp_path / str(number) for number in count())
        while True:
            folder = next(folders)
            at_first = acknowledged(loads)
            file = Path(manage(hotel.database_url, "backup", "--output", str(folder)).strip())
            if acknowledged(loads) > at_first:
                break
    finally:
        for load in loads:
            load.is_enough.set()
        for load in loads:
            load.join()

    bare = engine.bare_database("portal_restored")
    told = manage(bare, "restore", str(file), "--verify")
    assert "Verified" in told
    stored = Truth(bare).read([made["offer"]])
    assert stored.faults() == []
    assert before <= set(stored.bookings)
    assert {path.name for path in folder.iterdir()} == {file.name, f"{file.name}.json"}

    with portal(bare, tmp_path / "restored.log", workers=2) as restored:
        guest = Browser(restored)
        booked = guest.press(guest.booking_form(spare, hotel.slot(22)))
        assert booked.booking_id
    after = Truth(bare).read([made["offer"]])
    assert after.faults() == []
    assert set(after.bookings) == {*stored.bookings, booked.booking_id}
