"""The table that is printed when all faults have been tried."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.faults.site import HEADING, Fault, Outcome, Site, try_fault
from tests.races.conftest import served
from tests.requirements import IS_SOAK

__all__ = ["served"]

# The gate takes a look that each still holds; `make soak` is the proof.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20" if IS_SOAK else "1"))


def tell(*lines: str) -> None:
    """Say something to whoever started the tests."""
    sys.stdout.write("\n".join(("", *lines, "")))
    sys.stdout.flush()


@pytest.fixture(scope="session")
def outcomes() -> Iterator[list[Outcome]]:
    """What became of each fault; printed as a table in the end."""
    found: list[Outcome] = []
    yield found
    tell(HEADING, *(outcome.row for outcome in found))


@pytest.fixture
def survives(outcomes: list[Outcome]) -> Callable[[str, Site, Fault], Outcome]:
    """Return what tries a fault and fails if anything was lost, double, or answered wrongly."""

    def check(name: str, site: Site, fault: Fault) -> Outcome:
        outcome = try_fault(name, site, fault, ROUNDS)
        outcomes.append(outcome)
        tell(HEADING, outcome.row)
        assert outcome.is_clean, f"{outcome.wrong[:5]} {outcome.faults[:5]}\n{site.log()[-3000:]}"
        assert "Traceback" not in site.log()
        assert "Traceback" not in site.workers.log()
        return outcome

    return check
