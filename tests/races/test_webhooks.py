"""Webhooks while workers work side by side, and one of them is killed in mid-delivery."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import Engine
from tests.patience import until
from tests.races.chance import tell_seed
from tests.races.conftest import Clerk
from tests.servers import ROOT, WAIT_SECONDS, environment
from tests.webhooks.receiver import receiving
from tests.workers import working

_NETWORKS = {"WEBHOOK_PRIVATE_NETWORKS": "127.0.0.1/32"}
_SUBSCRIBE = """
import django; django.setup()
from django.utils import timezone
from tests.make import CLERK, make_hotel
from webhooks.domain import create_subscription
create_subscription(hotel=make_hotel("hotel-races"), url={url!r}, by=CLERK, now=timezone.now())
"""
# Each transaction is held open for a while that differs: they commit in another order than they wrote.
_WRITE = """
import random, time, django; django.setup()
from django.db import transaction
from django.utils import timezone
from events.domain import Change, record
from tests.make import CLERK
chance = random.Random("{seed} {name}")
for number in range({number}):
    with transaction.atomic():
        change = Change("voucher.issue", "voucher", f"v-{name}-{{number}}", "hotel-races", {{}}, {{}})
        record([change], by=CLERK, now=timezone.now())
        time.sleep(chance.random() * {held_seconds})
"""
# A receiver has as long as it takes, and nobody else is given what a worker has in hand.
_PATIENT = """
from datetime import timedelta
from webhooks import deliveries, dispatch, network
network.READ_SECONDS = network.WHOLE_SECONDS = 600
deliveries.RUN_LEASE = dispatch.RUN_LEASE = dispatch.QUEUE_LEASE = timedelta(hours=1)
"""
# Jobs that a worker has in hand at once, at most.
_THREADS = 4


def python(database_url: str, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(database_url, **_NETWORKS),
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, _err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
    return out


@pytest.fixture
def database_url(engine: Engine, tmp_path: Path) -> str:
    return engine.new_database(tmp_path.name.replace("-", "_"))


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    clerk = Clerk(database_url)
    yield clerk
    clerk.stop()


def writing(database_url: str, name: str, number: int, held_seconds: float) -> subprocess.Popen[str]:
    code = _WRITE.format(name=name, number=number, held_seconds=held_seconds, seed=tell_seed())
    return python(database_url, code)


@pytest.mark.sample
def test_events_that_workers_deliver_while_one_is_killed_arrive_and_none_is_lost(
    engine: Engine, database_url: str, clerk: Clerk, tmp_path: Path
) -> None:
    log = tmp_path / "work.log"
    with receiving() as receiver, working(database_url, log, 2, before=_PATIENT, **_NETWORKS) as workers:
        said(python(database_url, _SUBSCRIBE.format(url=receiver.url)))
        receiver.wait_seconds = 0.3
        # SQLite has one writer: holding its lock for long would only make the others wait.
        held = 0.2 if engine.name == "postgresql" else 0.01
        writers = [writing(database_url, name, 40, held) for name in "abc"]
        until(
            lambda: receiver.under_way > 0 and len(receiver.got) > 10,
            progress=lambda: len(receiver.got),
            what="a delivery",
        )
        workers.kill_one()
        receiver.wait_seconds = 0.0
        for writer in writers:
            said(writer)

        def stands() -> tuple[int, int]:
            told = clerk.ask("deliveries")
            return told["all"], told["open"]

        # The other one has delivered all but what the dead one had in hand, and ends.
        until(
            lambda: stands() in [(120, left) for left in range(_THREADS + 1)],
            progress=lambda: (stands(), len(receiver.got)),
            what="what the living worker delivers",
        )
        assert workers.stop() == [0], workers.log()
        # The lease of the dead one is over; another comes in its place.
        clerk.ask("take_back")
        workers.start()
        until(
            lambda: stands() == (120, 0),
            progress=lambda: (stands(), len(receiver.got)),
            what="what the dead worker had in hand",
        )
        assert workers.stop() == [0], workers.log()
    written = clerk.ask("deliveries")["events"]
    assert len(written) == 120
    assert set(receiver.ids) == set(written)
    # What was on its way when its worker died came twice, by the same id; nothing else did.
    assert len(receiver.ids) - len(written) <= _THREADS
    assert "Traceback" not in workers.log()


def test_a_receiver_that_hangs_holds_up_neither_the_others_nor_the_end(
    database_url: str, clerk: Clerk, tmp_path: Path
) -> None:
    log = tmp_path / "work.log"
    with (
        receiving() as slow,
        receiving() as quick,
        working(database_url, log, 1, before=_PATIENT, **_NETWORKS) as workers,
    ):
        # A second is slow.
        slow.wait_seconds = 1.5
        for url in (slow.url, quick.url):
            said(python(database_url, _SUBSCRIBE.format(url=url)))
        said(writing(database_url, "a", 1, 0))
        # That it is slow is noted after its first answers, which may be on their way side by side.
        until(
            lambda: len(slow.got) == 2 and quick.got and not clerk.ask("deliveries")["open"],
            progress=lambda: (len(slow.got), len(quick.got)),
            what="the first events",
        )
        slow.answers.clear()
        slow.most_under_way = 0
        said(writing(database_url, "b", 20, 0))
        until(
            lambda: len(set(quick.ids)) == 21 and slow.under_way,
            progress=lambda: len(quick.got),
            what="all events for the quick one",
        )
        # The quick one has all, while the slow one has answered nothing of it.
        assert len(slow.got) == 3
        slow.answers.set()
        until(lambda: len(slow.got) >= 5, progress=lambda: len(slow.got), what="more for the slow one")
        assert workers.stop() == [0], workers.log()
        assert slow.most_under_way == 1
