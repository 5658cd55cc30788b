"""Webhooks while workers work side by side, and one of them is killed in mid-delivery."""

import subprocess
import sys
import time
from pathlib import Path

from tests.engines import Engine
from tests.patience import until
from tests.servers import ROOT, environment
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
import random, sys, time, django; django.setup()
from django.db import transaction
from django.utils import timezone
from events.domain import Change, record
from tests.make import CLERK
for number in range({number}):
    with transaction.atomic():
        change = Change("voucher.issue", "voucher", f"v-{name}-{{number}}", "hotel-races", {{}}, {{}})
        record([change], by=CLERK, now=timezone.now())
        time.sleep(random.random() * {held_seconds})
"""
_READ = """
import django; django.setup()
from events.models import Event
from webhooks.models import Delivery
for key in Event.objects.filter(type="voucher.issue").values_list("pk", flat=True): print(key)
print("open", Delivery.objects.open().count(), "of", Delivery.objects.count())
"""


def python(database_url: str, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(database_url, **_NETWORKS),
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, _err = process.communicate(timeout=120)
    assert process.returncode == 0
    return out


def test_events_that_workers_deliver_while_one_is_killed_arrive_and_none_is_lost(
    engine: Engine, tmp_path: Path
) -> None:
    database_url = engine.new_database("portal_webhooks")
    with receiving() as receiver, working(database_url, tmp_path / "work.log", 2, **_NETWORKS) as workers:
        said(python(database_url, _SUBSCRIBE.format(url=receiver.url)))
        receiver.wait_seconds = 0.3
        # SQLite has one writer: holding its lock for long would only make the others wait.
        held = 0.2 if engine.name == "postgresql" else 0.01
        writers = [
            python(database_url, _WRITE.format(name=name, number=40, held_seconds=held)) for name in "abc"
        ]
        until(lambda: receiver.under_way > 0 and len(receiver.got) > 10, what="a delivery")
        workers.kill_one()
        receiver.wait_seconds = 0.0
        for writer in writers:
            said(writer)
        written: set[str] = set()

        def all_ended() -> bool:
            *ids, counts = said(python(database_url, _READ)).splitlines()
            written.update(ids)
            return counts.startswith("open 0 of") and written <= set(receiver.ids)

        deadline = time.monotonic() + 120
        while not all_ended():
            assert time.monotonic() < deadline, f"{len(written - set(receiver.ids))} missing\n{workers.log()}"
            time.sleep(2)
        assert workers.stop() == [0], workers.log()
        assert len(written) == 120
        assert set(receiver.ids) == written
        # What was on its way when its worker died came twice, by the same id; nothing else did.
        assert len(receiver.ids) - len(written) <= 4
        assert "Traceback" not in workers.log()


def test_a_receiver_that_hangs_holds_up_neither_the_others_nor_the_end(
    engine: Engine, tmp_path: Path
) -> None:
    database_url = engine.new_database("portal_hanging")
    with (
        receiving() as slow,
        receiving() as quick,
        working(database_url, tmp_path / "work.log", 1, **_NETWORKS) as workers,
    ):
        slow.wait_seconds = 4
        for url in (slow.url, quick.url):
            said(python(database_url, _SUBSCRIBE.format(url=url)))
        said(python(database_url, _WRITE.format(name="a", number=1, held_seconds=0)))
        until(lambda: slow.got and quick.got, what="the first event")
        # That it is slow is known after its first answers, which may be on their way side by side.
        until(lambda: len(slow.got) == 2 and not slow.under_way, what="the slow answers")
        time.sleep(1)
        slow.most_under_way = 0
        said(python(database_url, _WRITE.format(name="b", number=20, held_seconds=0)))
        until(lambda: len(set(quick.ids)) == 21, what="all events for the quick one")
        until(lambda: len(slow.got) >= 4, what="two more for the slow one")
        assert slow.most_under_way == 1
        assert workers.stop() == [0], workers.log()
