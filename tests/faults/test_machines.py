"""Two web machines behind nginx over one PostgreSQL: renewed one after the other, and one of them lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.engines import Postgresql
from tests.faults.site import Fault, Outcome, Site, running
from tests.patience import until
from tests.servers import Portal, postgresql

Survives = Callable[[str, Site, Fault], Outcome]
_AWAY_SECONDS = 1.5


@contextmanager
def two_machines(folder: Path, home: Path, *, holds_sockets: bool) -> Iterator[Site]:
    with (
        postgresql(folder) as cluster,
        running(Postgresql(cluster), "faults", home, machines=2, holds_sockets=holds_sockets) as site,
    ):
        yield site


@pytest.fixture
def site(postgresql_folder: Path, tmp_path: Path) -> Iterator[Site]:
    """Two machines as deploy/systemd makes them: the socket is systemd's."""
    with two_machines(postgresql_folder, tmp_path, holds_sockets=True) as site:
        yield site


@pytest.fixture
def bare_site(postgresql_folder: Path, tmp_path: Path) -> Iterator[Site]:
    """Two machines that take what they listen on along when they die."""
    with two_machines(postgresql_folder, tmp_path, holds_sockets=False) as site:
        yield site


def wait_for(machine: Portal) -> None:
    until(machine.answers, what="a machine's first answer")


@pytest.mark.sample
def test_machines_that_reload_one_after_the_other_fail_no_request(site: Site, survives: Survives) -> None:
    def reload(site: Site) -> float:
        for machine in site.machines:
            old = machine.workers()
            machine.reload()
            until(lambda m=machine, o=old: not o & m.workers(), what="new workers")
        return time.monotonic()

    outcome = survives("2 machines: reloaded one after the other", site, reload)
    assert outcome.again == {}


def test_machines_that_are_started_anew_one_after_the_other_fail_no_request(
    site: Site, survives: Survives
) -> None:
    with ExitStack() as stack:

        def start_anew(site: Site) -> float:
            for number, machine in enumerate(site.machines):
                machine.stop()
                site.start_again(stack, number)
                wait_for(site.machines[number])
            return time.monotonic()

        outcome = survives("2 machines: started anew one after the other", site, start_anew)
        assert outcome.again == {}


def test_a_machine_that_is_lost_is_missed_by_nobody_for_long(bare_site: Site, survives: Survives) -> None:
    with ExitStack() as stack:

        def lose(site: Site) -> float:
            other = site.machines[1].workers()
            site.machines[0].kill()
            lost_at = time.monotonic()
            time.sleep(_AWAY_SECONDS)
            site.start_again(stack)
            wait_for(site.machines[0])
            assert site.machines[1].workers() == other
            return lost_at

        outcome = survives("2 machines: one killed with all its processes", bare_site, lose)
        # Only what it had begun to answer is asked again; the others are sent to the other machine.
        assert set(outcome.again) <= {"502", "IncompleteRead", "idempotency_key_in_flight"}
