"""The commands that set up, fill and keep the house."""

import io
import itertools
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import InterfaceError, OperationalError
from django.test import TestCase
from django_tasks_db.models import DBTaskResult

from bookings.models import Booking, Mail
from events.models import Event
from portal.management.commands import work
from tests.checks import assert_batches_count_true, unchanged
from tests.make import NOW, make_booking, make_offer, make_voucher
from tests.patience import until
from tests.web import all_tables, browser_of, text_of, words_of
from vouchers.models import Hotel, Offer, Voucher
from waiting.models import Entry


def demo() -> str:
    """Run the demo at the tests' moment; returns what it said."""
    out = io.StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("demo", stdout=out)
    return out.getvalue()


class TestDemo(TestCase):
    """What one run of the demo makes."""

    said: str

    @classmethod
    def setUpTestData(cls) -> None:
        cls.said = demo()

    def test_three_hotels_in_three_zones_with_five_offers_each(self) -> None:
        assert len({hotel.time_zone for hotel in Hotel.objects.all()}) == 3
        assert Hotel.objects.count() == 3
        assert Offer.objects.count() == 15

    def test_vouchers_in_every_status(self) -> None:
        shown = {voucher.shown(NOW) for voucher in Voucher.objects.all()}
        assert shown == {"issued", "booked", "consumed", "cancelled", "expired"}
        assert_batches_count_true()

    def test_bookings_in_the_coming_weeks(self) -> None:
        coming = Booking.objects.standing().filter(
            slot_start__gt=NOW, slot_start__lt=NOW + timedelta(days=28)
        )
        assert coming.count() > 50
        assert {booking.hotel_id for booking in coming} == {hotel.pk for hotel in Hotel.objects.all()}

    def test_every_change_is_in_the_journal_and_none_lies_in_the_future(self) -> None:
        assert Event.objects.filter(type="voucher.issue").count() == Voucher.objects.count()
        assert not Event.objects.filter(created_at__gt=NOW).exists()
        # Parties and lines are guests' own doing; all else is the demo's.
        own = Event.objects.exclude(actor_id="system:demo")
        assert set(own.values_list("type", flat=True)) == {"voucher.book", "waiting.join"}
        guests = {*Booking.objects.values_list("holder_uid", flat=True)}
        guests |= {*Entry.objects.values_list("guest_uid", flat=True)}
        assert {event.actor_id for event in own} <= guests

    def test_nobody_is_sent_a_mail(self) -> None:
        assert not Mail.objects.exists()
        assert not DBTaskResult.objects.exists()

    def test_the_staffs_password_is_printed_and_works(self) -> None:
        (line,) = [line for line in self.said.splitlines() if "password: " in line]
        password = line.split("password: ")[1]
        assert len(password) >= 12
        assert User.objects.get(username="staff").check_password(password)

    def test_the_guests_link_is_printed_and_leads_to_a_booking(self) -> None:
        (line,) = [line for line in self.said.splitlines() if "Guest:" in line]
        path = line.split("127.0.0.1:8000")[1].strip()
        with time_machine.travel(NOW, tick=False):
            assert "1 upcoming booking." in words_of(browser_of().get(path))

    def test_the_portal_shows_it(self) -> None:
        with time_machine.travel(NOW, tick=False):
            page = text_of(browser_of().get("/"))
        for title in ("Spa hour", "Canal tour"):
            assert title in page

    def test_a_second_run_changes_nothing_and_tells_no_password(self) -> None:
        before = all_tables()
        said = demo()
        assert all_tables() == before
        assert "nothing was changed" in said
        assert "password" not in said


@pytest.mark.django_db
def test_a_demo_that_is_interrupted_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import demo as plans

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plans, "_make_own_vouchers", interrupted)
    monkeypatch.setattr(plans, "PLANS", plans.PLANS[:1])
    before = all_tables()
    with pytest.raises(KeyboardInterrupt):
        demo()
    assert all_tables() == before


@pytest.mark.django_db
def test_the_demo_leaves_a_member_of_staff_that_is_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import demo as plans

    monkeypatch.setattr(plans, "PLANS", ())
    monkeypatch.setattr(plans, "_make_own_vouchers", lambda now: None)
    User.objects.create_user("staff", password="as it was")
    assert "password" not in demo()
    staff = User.objects.get(username="staff")
    assert staff.check_password("as it was")
    assert not staff.is_superuser


# Upkeep


@pytest.mark.django_db
def test_upkeep_stores_what_expired_takes_jobs_back_and_drops_old_results() -> None:
    voucher = make_voucher(make_offer(), valid_until=NOW + timedelta(days=1))
    with time_machine.travel(NOW, tick=False):
        for _number in range(2):
            make_booking(
                start=NOW + timedelta(days=20), email="ann@guest.example", holder_uid=f"thinker-{_number}"
            )
    left, old = DBTaskResult.objects.all()
    DBTaskResult.objects.filter(pk=left.pk).update(status="RUNNING", started_at=NOW)
    DBTaskResult.objects.filter(pk=old.pk).update(status="SUCCESSFUL", finished_at=NOW - timedelta(days=9))
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        work.keep_house()
        work.clear_out()
        assert Voucher.objects.get(pk=voucher.pk).status == "expired"
        assert DBTaskResult.objects.get().status == "READY"
        assert Event.objects.filter(type="voucher.expire", actor_id="clock").count() == 1
        with unchanged():
            work.keep_house()
            work.clear_out()


@pytest.mark.django_db
def test_upkeep_of_a_house_in_order_changes_nothing() -> None:
    with time_machine.travel(NOW, tick=False):
        make_booking(email="ann@guest.example")
        with unchanged():
            work.keep_house()


class Rounds:
    """A stop signal that counts the rounds of upkeep, and ends them after a few."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waited: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) >= self.most


@pytest.mark.parametrize("error", [OperationalError("locked"), InterfaceError("connection already closed")])
@pytest.mark.django_db
def test_upkeep_goes_on_when_the_database_was_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(work, "close_old_connections", lambda: None)
    rounds = []

    def away_once() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise error

    monkeypatch.setattr(work, "keep_house", away_once)
    stop: Any = Rounds(3)
    work._keep_house_for_ever(stop)
    assert len(rounds) == 3
    assert stop.waited == [work.EVERY_SECONDS] * 3
    assert f"Housekeeping has to wait: {type(error).__name__}" in caplog.text


@pytest.mark.django_db
def test_dispatching_goes_on_when_the_database_was_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(work, "close_old_connections", lambda: None)
    rounds = []

    def away_once(_now: object) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise OperationalError("gone")

    monkeypatch.setattr(work, "dispatch", away_once)
    stop: Any = Rounds(4)
    work._dispatch_for_ever(stop)
    second = work.DISPATCH_EVERY_SECONDS
    assert stop.waited == [second, work.AWAY_SECONDS, second, second]
    assert len(rounds) == 2
    assert "Webhooks have to wait: OperationalError" in caplog.text


@pytest.mark.parametrize(
    ("loop", "work_of_a_round"),
    [
        (work._keep_house_for_ever, "keep_house"),
        (work._dispatch_for_ever, "dispatch"),
        (work._serve_for_ever, "serve_all"),
    ],
)
def test_a_thread_that_waits_holds_no_connection_of_the_pool(
    monkeypatch: pytest.MonkeyPatch, loop: Any, work_of_a_round: str
) -> None:
    done: list[str] = []

    class Stop:
        def wait(self, _seconds: float) -> bool:
            done.append("wait")
            return len(done) > 5

    monkeypatch.setattr(work, "close_old_connections", lambda: done.append("give back"))
    monkeypatch.setattr(work, work_of_a_round, lambda *_now: done.append("work"))
    monkeypatch.setattr(work, "clear_out", lambda: None)
    monkeypatch.setattr(work.Heart, "beat", lambda *_now: None)
    stop: Any = Stop()
    loop(stop)
    before = [first for first, second in itertools.pairwise(done) if second == "wait"]
    assert "work" in done
    assert set(before) == {"give back"}


def test_a_thread_of_webhooks_goes_on_when_the_database_was_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = []

    class Queue:
        running = True

        def __init__(self, **options: Any) -> None:
            assert options["queue_names"] == ["webhooks"]

        def run(self) -> None:
            runs.append(1)
            if len(runs) == 1:
                raise InterfaceError("connection already closed")
            thread.ask_to_end()

    monkeypatch.setattr(work, "Worker", Queue)
    monkeypatch.setattr(work, "AWAY_SECONDS", 0)
    thread = work.QueueThread(threading.Event(), "webhooks")
    thread.start()
    thread.join()
    assert len(runs) == 2
    assert "The queue webhooks has to wait: InterfaceError" in caplog.text


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Set the handlers back that a worker sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("gone"), "The queue has to wait: OperationalError"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_the_queue_goes_on_whatever_went_wrong_and_is_told_to_stop_by_a_signal_at_any_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    runs = []

    class Queue:
        running = True

        def __init__(self, **options: Any) -> None:
            assert (options["queue_names"], options["excluded_queue_names"]) == (["*"], ["webhooks", "bulk"])

        def run(self) -> None:
            runs.append(1)
            if len(runs) == 2:
                # While a job runs, and twice: neither ends it.
                for _time in range(2):
                    os.kill(os.getpid(), signal.SIGTERM)
            raise error

    monkeypatch.setattr(work, "Worker", Queue)
    monkeypatch.setattr(work, "close_old_connections", lambda: None)
    monkeypatch.setattr(work, "AWAY_SECONDS", 0)
    work._run_queue()
    assert len(runs) == 2
    assert said in caplog.text


@pytest.mark.django_db
def test_a_step_of_housekeeping_that_fails_keeps_none_from_being_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken = []

    def fail(_now: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(work, "prune_access", fail)
    monkeypatch.setattr(work, "prune_requests", taken.append)
    work.keep_house()
    assert len(taken) == 1
    assert "Housekeeping (access) has to wait" in caplog.text
    assert "ValueError: odd" in caplog.text


@pytest.mark.parametrize(
    ("loop", "work_of_a_round"),
    [
        (work._keep_house_for_ever, "keep_house"),
        (work._dispatch_for_ever, "dispatch"),
        (work._serve_for_ever, "serve_all"),
    ],
)
def test_a_thread_outlives_whatever_goes_wrong_in_a_round(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, loop: Any, work_of_a_round: str
) -> None:
    def fail(*_now: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(work, "close_old_connections", lambda: None)
    monkeypatch.setattr(work, work_of_a_round, fail)
    loop(Rounds(4))
    assert caplog.text.count("ValueError: odd") >= 2


@pytest.mark.usefixtures("own_signals")
def test_the_worker_does_all_beside_the_queue_and_stops_with_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_THREADS = 3
    names = ("upkeep", "dispatch", "worker-1", "worker-2", "worker-3", "worker-4")
    began, ended = ({name: threading.Event() for name in names} for _side in range(2))

    def going_on(name: str) -> Any:
        def run(stop: threading.Event) -> None:
            began[name].set()
            stop.wait()
            ended[name].set()

        return run

    class Queue:
        number = 0

        def __init__(self, **options: Any) -> None:
            self.takes_all = options["queue_names"] == ["*"]
            Queue.number += not self.takes_all
            self.name = f"worker-{Queue.number}"
            self.stop = threading.Event()

        @property
        def running(self) -> bool:
            return not self.stop.is_set()

        @running.setter
        def running(self, _value: bool) -> None:
            self.stop.set()

        def run(self) -> None:
            if not self.takes_all:
                going_on(self.name)(self.stop)
                return
            until(lambda: all(each.is_set() for each in began.values()), what="all to begin")
            assert not any(each.is_set() for each in ended.values())
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(work, "_keep_house_for_ever", going_on("upkeep"))
    monkeypatch.setattr(work, "_dispatch_for_ever", going_on("dispatch"))
    monkeypatch.setattr(work, "Worker", Queue)
    call_command("work")
    until(lambda: all(each.is_set() for each in ended.values()), what="all to end")


# Setting up

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Vouchers"
msgstr "Gutscheine"

#, fuzzy
msgid "Unsure"
msgstr "Vielleicht"
"""


@pytest.fixture
def catalogue(tmp_path: Path, settings: Any) -> Path:
    """A German catalogue that has not been compiled."""
    path = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOGUE)
    settings.LOCALE_PATHS = [tmp_path]
    return path


def test_translations_are_compiled_without_gettext(catalogue: Path) -> None:
    import gettext

    call_command("compile_translations")
    with catalogue.with_suffix(".mo").open("rb") as file:
        found = gettext.GNUTranslations(file)
    assert found.gettext("Vouchers") == "Gutscheine"
    assert found.gettext("Unsure") == "Unsure"


def test_translations_are_compiled_anew_only_after_a_change(catalogue: Path) -> None:
    import os

    compiled = catalogue.with_suffix(".mo")
    call_command("compile_translations")
    os.utime(compiled, (10**9 + 5, 10**9 + 5))
    os.utime(catalogue, (10**9, 10**9))
    call_command("compile_translations")
    assert compiled.stat().st_mtime == 10**9 + 5
    os.utime(catalogue, (10**9 + 9, 10**9 + 9))
    call_command("compile_translations")
    assert compiled.stat().st_mtime > 10**9 + 9


def test_no_folder_of_translations_is_no_mistake(settings: Any, tmp_path: Path) -> None:
    settings.LOCALE_PATHS = [tmp_path / "missing"]
    call_command("compile_translations")


@pytest.mark.django_db
@pytest.mark.parametrize("is_demo", [False, True])
def test_preparing_does_everything_and_a_second_time_nothing(
    catalogue: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_demo: bool
) -> None:
    from portal import demo as plans

    monkeypatch.setattr(plans, "PLANS", plans.PLANS[:1])
    monkeypatch.setattr(plans, "_make_own_vouchers", lambda now: None)
    settings.STATIC_ROOT = str(tmp_path / "collected")
    arguments = ["--demo"] if is_demo else []
    out = io.StringIO()
    call_command("prepare", *arguments, stdout=out)
    assert catalogue.with_suffix(".mo").is_file()
    assert (tmp_path / "collected" / "css" / "portal.css").is_file()
    assert Hotel.objects.exists() is is_demo
    assert ("password: " in out.getvalue()) is is_demo
    before = all_tables()
    again = io.StringIO()
    call_command("prepare", *arguments, stdout=again)
    assert all_tables() == before
    assert "password: " not in again.getvalue()
