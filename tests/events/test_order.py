"""The order in which the journal is followed: nothing committed is ever missed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from events import order
from events.domain import Change, record
from events.models import Event, JournalEnd
from events.order import number_all_events, number_events
from events.queries import event_facts, events_after, position_of
from tests.make import CLERK, NOW
from tests.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.django_db


def write(*subjects: str, issuer_uid: str = "hotel-a", kind: str = "offer.change") -> None:
    record(
        [
            Change(kind, "offer", subject, issuer_uid, {"title": "Spa"}, {"title": "Bath"})
            for subject in subjects
        ],
        by=CLERK,
        now=NOW,
    )


def subjects_after(position: int = 0, **choice: Any) -> list[str]:
    wanted: dict[str, Any] = {"issuer_uid": None, "limit": 100, **choice}
    return [event.subject_id for event in events_after(position, **wanted)]


def test_an_id_tells_when_it_was_written_and_the_time_tells_when_it_was_asked() -> None:
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        write("o-late")
    with time_machine.travel(NOW, tick=False):
        write("o-early")
    assert list(Event.objects.order_by("pk").values_list("subject_id", flat=True)) == ["o-early", "o-late"]
    assert set(Event.objects.values_list("created_at", flat=True)) == {NOW}


def test_events_written_together_keep_the_order_in_which_they_were_given() -> None:
    names = [f"o-{number}" for number in range(30)]
    with time_machine.travel(NOW, tick=False):
        write(*names)
    number_events()
    assert subjects_after() == names


def test_what_is_not_numbered_is_not_followed() -> None:
    write("o-1")
    assert subjects_after() == []
    assert position_of(Event.objects.get().pk, None) is None
    assert number_events() == 1
    assert subjects_after() == ["o-1"]


def test_numbers_go_on_where_they_ended_and_stay() -> None:
    write("o-1", "o-2")
    number_events()
    first = list(Event.objects.order_by("position").values_list("pk", "position"))
    write("o-3")
    number_events()
    assert list(Event.objects.order_by("position").values_list("pk", "position"))[:2] == first
    assert sorted(Event.objects.values_list("position", flat=True)) == [1, 2, 3]
    assert JournalEnd.objects.get().position == 3


def test_numbering_takes_so_many_at_once_and_all_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MOST_AT_ONCE", 3)
    write(*(f"o-{number}" for number in range(7)))
    assert number_events() == 3
    assert number_all_events() == 7
    assert not Event.objects.filter(position=None).exists()


def test_with_nothing_to_number_one_look_is_all(django_assert_num_queries: Any) -> None:
    write("o-1")
    number_events()
    with django_assert_num_queries(1):
        assert number_events() == 0


def test_the_look_for_what_is_not_numbered_reads_the_small_index() -> None:
    # Enough rows that the choice is clear: of an empty table PostgreSQL may read any index.
    write(*(f"o-{number}" for number in range(2000)))
    number_all_events()
    write("o-new")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events_event")
    assert "events_unnumbered" in Event.objects.filter(position=None).order_by("pk").explain()


def test_following_every_hotel_reads_in_order_without_sorting() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = Event.objects.filter(position__gt=5).order_by("position")[:10].explain()
    assert "events_one_position" in plan
    assert "sort" not in plan.lower()


def test_an_empty_journal_ends_at_nothing() -> None:
    assert number_all_events() == 0


def test_the_journal_is_followed_by_hotel_type_and_subject() -> None:
    write("o-1", "o-2")
    number_events()
    write("o-3", issuer_uid="hotel-b")
    number_events()
    write("o-1", kind="offer.delete")
    number_events()
    assert subjects_after(issuer_uid="hotel-a") == ["o-1", "o-2", "o-1"]
    assert subjects_after(issuer_uid="hotel-b") == ["o-3"]
    assert subjects_after(types=("offer.delete",)) == ["o-1"]
    assert subjects_after(subject_id="o-2") == ["o-2"]
    assert subjects_after(1, limit=2) == ["o-2", "o-3"]


def test_an_event_of_another_hotel_has_no_position() -> None:
    write("o-1")
    number_events()
    event = Event.objects.get()
    assert position_of(event.pk, "hotel-a") == position_of(event.pk, None) == 1
    assert position_of(event.pk, "hotel-b") is None
    assert position_of("e-0-none", None) is None


def test_the_facts_of_an_event_are_whole_and_name_no_position() -> None:
    write("o-1")
    event = Event.objects.get()
    assert event_facts(event) == {
        "id": event.pk,
        "type": "offer.change",
        "actor_id": "staff:clerk",
        "subject_type": "offer",
        "subject_id": "o-1",
        "issuer_uid": "hotel-a",
        "meta": {"before": {"title": "Spa"}, "after": {"title": "Bath"}},
        "created_at": NOW,
    }


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: none commits late")
@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_late_is_not_missed() -> None:
    written, release = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                write("o-slow")
                written.set()
                until(release.is_set, what="the release")
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    until(written.is_set, what="the slow one's writing")
    write("o-quick")
    number_events()
    (quick,) = events_after(0, issuer_uid="hotel-a", limit=10)
    assert quick.subject_id == "o-quick"
    release.set()
    thread.join()
    number_events()
    assert quick.position is not None
    (slow_event,) = events_after(quick.position, issuer_uid="hotel-a", limit=10)
    assert slow_event.subject_id == "o-slow"
    # By id it would have been passed over.
    assert slow_event.pk < quick.pk


@pytest.mark.skipif(connection.vendor != "postgresql", reason="connections to one SQLite in memory")
@pytest.mark.django_db(transaction=True)
def test_processes_that_number_at_once_give_each_event_one_place() -> None:
    write(*(f"o-{number}" for number in range(200)))
    counted: list[int] = []
    barrier = threading.Barrier(6)

    def number() -> None:
        try:
            barrier.wait(PATIENCE_SECONDS)
            counted.append(number_events())
        finally:
            connection.close()

    threads = [threading.Thread(target=number) for _each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted) == 200
    assert sorted(Event.objects.values_list("position", flat=True)) == list(range(1, 201))
