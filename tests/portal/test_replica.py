"""A replica that goes away and comes back: said once, whoever else was just asking."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from portal import replica
from portal.replica import from_replica


@pytest.fixture(autouse=True)
def pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that is fresh, and this process' memory of it empty."""
    monkeypatch.setattr(replica, "is_there", lambda: True)
    monkeypatch.setattr(replica, "_refuse_what_is_behind", lambda: None)
    monkeypatch.setattr(replica, "connections", {"replica": SimpleNamespace(close=lambda: None)})
    for name in ("away_since", "away_until", "fresh_until"):
        monkeypatch.setattr(replica._State, name, 0.0)
    replica.allow(is_allowed=True)


def place() -> str:
    """Read, and tell where."""
    return replica.ReplicaRouter().db_for_read(None)


def gone() -> str:
    """Read what the primary alone can give."""
    if place() == "replica":
        raise OperationalError
    return "default"


def slow(then: Callable[[], str]) -> Callable[[], str]:
    """Return a read that ends only when another thread has found the replica away."""

    def read() -> str:
        if place() == "replica":
            replica._State.note_failure(OperationalError())
        return then()

    return read


def test_an_outage_is_said_once_and_then_the_replica_is_left_alone(caplog: Any) -> None:
    assert from_replica(place) == "replica"
    assert from_replica(gone) == "default"
    assert from_replica(place) == "default"
    assert caplog.text.count("The replica is not asked") == 1


def test_after_a_while_it_is_asked_again_and_its_return_is_said_once(
    caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "_AWAY_SECONDS", 0)
    from_replica(gone)
    assert [from_replica(place), from_replica(place)] == ["replica"] * 2
    assert caplog.text.count("The replica is asked again") == 1


def test_of_several_that_find_it_away_at_once_one_says_so(caplog: Any) -> None:
    assert from_replica(slow(gone)) == "default"
    assert caplog.text.count("The replica is not asked") == 1


def test_an_answer_to_what_was_asked_before_the_outage_does_not_end_it(caplog: Any) -> None:
    assert from_replica(slow(place)) == "replica"
    assert from_replica(place) == "default"
    assert "The replica is asked again" not in caplog.text
