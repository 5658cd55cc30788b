"""200 guests wait for 20 places that become free, while many processes free, sweep and answer."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.patience import until
from tests.races.chance import tell_seed
from tests.races.conftest import Clerk, Hotel
from tests.races.truth import Truth
from tests.servers import ROOT, WAIT_SECONDS, environment

GUESTS, PLACES = 200, 20
HANDS = ("free", "sweep", "sweep", "answer", "answer", "jump")
_HAND = "import django; django.setup(); from tests.races.hands import main; main()"


STEPS = ("accept", "pass", "leave", "lapse")


def work(hotel: Hotel, offer: str, end: Path) -> dict[str, Counter[str]]:
    """Let all hands work at once until all is freed and every step was taken; returns what came of it."""
    seed = str(tell_seed())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _HAND, role, offer, str(end), str(PLACES), seed],
            cwd=ROOT,
            env=environment(hotel.database_url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for role in HANDS
    ]

    def is_enough() -> bool:
        steps = hotel.clerk.ask("line_steps", offer=offer)
        is_freed = processes[0].poll() is not None
        has_failed = any(process.poll() for process in processes)
        return has_failed or (is_freed and steps["offer"] > PLACES and all(steps[step] for step in STEPS))

    try:
        until(is_enough, progress=lambda: hotel.clerk.ask("line_steps", offer=offer), what="every step")
    finally:
        end.touch()
    done: dict[str, Counter[str]] = {role: Counter() for role in HANDS}
    for role, process in zip(HANDS, processes, strict=True):
        output, errors = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, errors
        done[role] += Counter(json.loads(output))
    return done


def replay(events: list[dict[str, Any]]) -> Counter[str]:
    """Walk the journal of a line: who is offered a place is always the first of those whom it fits.

    And nobody waits behind an offer that has lapsed: at every offer, those whose time is over have ended.
    Returns how often each step happened.
    """
    waiting: dict[str, tuple[str, str]] = {}
    offered: dict[str, tuple[str, str]] = {}
    passed: set[tuple[str, str]] = set()
    steps: Counter[str] = Counter()
    for event in events:
        key, meta, verb = event["subject_id"], event["meta"], event["type"].removeprefix("waiting.")
        steps[verb] += 1
        if verb == "join":
            waiting[key] = (meta["joined_at"], key)
        elif verb == "offer":
            slot = meta["offered"]
            fits = [
                place
                for other, place in waiting.items()
                if meta["day"] in slot and (other, slot) not in passed
            ]
            assert waiting.pop(key) == min(fits), f"{key} was offered {slot} out of turn"
            late = [other for other, (_slot, until) in offered.items() if until <= event["created_at"]]
            assert not late, f"{key} was offered {slot} while {late} had let theirs lapse"
            offered[key] = (slot, meta["offered_until"])
        else:
            slot, _until = offered.pop(key, ("", ""))
            assert slot or verb == "leave", f"{verb} of {key}, who had no offer"
            if verb == "pass":
                passed.add((key, slot))
                waiting[key] = (meta["joined_at"], key)
            else:
                waiting.pop(key, None)
    return steps


def test_200_guests_who_wait_for_20_places_are_offered_them_in_their_order(
    hotel: Hotel, tmp_path: Path
) -> None:
    line = hotel.clerk.ask("line", guests=GUESTS, places=PLACES, start=hotel.slot().isoformat())
    done = work(hotel, line["offer"], tmp_path / "end")
    end = hotel.clerk.ask("line_end", offer=line["offer"])

    steps = replay(end["events"])
    assert steps["join"] == GUESTS
    # All places were freed, and offered, and more than once where guests passed or did not answer.
    assert done["free"]["freed"] == PLACES, done
    assert steps["offer"] > PLACES
    assert min(steps[step] for step in STEPS) > 0
    # Nobody is offered a place that is gone: accepting is refused only when the offer is over.
    answers = {"accept_offer", "pass_offer", "leave_waiting"}
    assert set(done["answer"]) <= {*answers, "nothing", "silent", "offer_over"}
    stored = Truth(hotel.database_url).read([line["offer"]])
    assert stored.faults() == []
    assert stored.most_at_once(line["offer"]) <= PLACES
    # Each acceptance is one booking, of the guest who accepted.
    accepted = {row["id"]: row for row in end["entries"] if row["state"] == "accepted"}
    assert len(accepted) == steps["accept"]
    for row in accepted.values():
        assert stored.bookings[row["booking_id"]]["holder_uid"] == row["guest_uid"]
    # What is offered at the end is held, and nothing is free while somebody waits for it.
    assert end["unserved"] == []
    assert end["taken"] <= PLACES


# SQLite has one writer at a time: there, nobody waits for a lock with a clock that was read before.
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.sample
def test_who_accepts_in_time_and_waits_for_others_beyond_the_end_is_told_that_the_offer_is_over(
    hotel: Hotel,
) -> None:
    line = hotel.clerk.ask("line", guests=2, places=1, start=hotel.slot().isoformat())
    entry = hotel.clerk.ask("offer_a_place", offer=line["offer"])
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with (
        ExitStack() as stack,
        psycopg.connect(hotel.database_url) as first,
        psycopg.connect(hotel.database_url, autocommit=True) as watch,
        ThreadPoolExecutor(1) as pool,
    ):
        other = Clerk(hotel.database_url)
        stack.callback(other.stop)
        # Whoever books one of a batch writes its counter before the offer is locked.
        first.execute("SELECT 1 FROM vouchers_batch WHERE id = %s FOR UPDATE", [line["batches"][0]])
        told = pool.submit(hotel.clerk.ask, "accept_in_time", entry=entry)
        until(lambda: watch.execute(waiting).fetchone() or told.done(), what="the guest to wait")
        assert not told.done()
        # The end passes, and a stranger has the place before anybody has noted it.
        stranger = other.ask("hold_after_the_end", entry=entry)
        first.rollback()
        assert told.result() == "offer_over"
    stored = Truth(hotel.database_url).read([line["offer"]])
    assert stored.standing == []
    assert stored.faults() == []
    assert hotel.clerk.ask("holders", offer=line["offer"])[-1] == stranger
