"""Upkeep of the queue: what dead workers left is done, what is old is dropped."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django_tasks_db.models import DBTaskResult

from bookings.models import Mail
from events.delivery import LEASE, TRY_FOR, prune_finished, requeue_abandoned
from tests.make import NOW, make_booking
from tests.worker import work

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
KEEP = timedelta(days=7)


@pytest.fixture
def job() -> DBTaskResult:
    """The job of a mail that a booking owes, enqueued at the tests' moment."""
    with time_machine.travel(NOW, tick=False):
        make_booking(email="ann@guest.example")
    return DBTaskResult.objects.get()


def leave(job: DBTaskResult, status: str, **fields: datetime) -> None:
    DBTaskResult.objects.filter(pk=job.pk).update(status=status, **fields)


def status_of(job: DBTaskResult) -> str:
    return str(DBTaskResult.objects.get(pk=job.pk).status)


def work_at(now: datetime) -> None:
    """Run what is ready at a moment."""
    with time_machine.travel(now, tick=False):
        work()


def test_a_job_that_a_dead_worker_left_is_ready_again_after_its_lease(job: DBTaskResult) -> None:
    leave(job, "RUNNING", started_at=NOW)
    assert requeue_abandoned(NOW + LEASE) == 0
    assert status_of(job) == "RUNNING"
    assert requeue_abandoned(NOW + LEASE + SECOND) == 1
    assert status_of(job) == "READY"
    assert DBTaskResult.objects.get().started_at is None


def test_a_job_that_a_clock_far_ahead_has_begun_is_ready_again(job: DBTaskResult) -> None:
    leave(job, "RUNNING", started_at=NOW + timedelta(days=1))
    assert requeue_abandoned(NOW) == 1


def test_a_job_that_was_taken_back_is_done(job: DBTaskResult) -> None:
    leave(job, "RUNNING", started_at=NOW)
    requeue_abandoned(NOW + timedelta(hours=1))
    work_at(NOW + timedelta(hours=1))
    assert status_of(job) == "SUCCESSFUL"
    assert [message.to for message in mail.outbox] == [["ann@guest.example"]]


def test_a_job_that_was_torn_from_its_work_is_ready_again(job: DBTaskResult) -> None:
    leave(job, "FAILED", started_at=NOW, finished_at=NOW)
    assert requeue_abandoned(NOW + LEASE) == 0
    assert requeue_abandoned(NOW + LEASE + SECOND) == 1
    work_at(NOW + LEASE + SECOND)
    assert Mail.objects.get().sent_at is not None
    assert len(mail.outbox) == 1


def test_a_worker_that_is_told_twice_to_stop_loses_no_mail(
    job: DBTaskResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_arguments: object) -> None:
        raise SystemExit(1)

    with monkeypatch.context() as mending:
        mending.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", stopped)
        work_at(NOW)
    assert status_of(job) == "FAILED"
    assert mail.outbox == []
    requeue_abandoned(NOW + timedelta(minutes=15))
    work_at(NOW + timedelta(minutes=15))
    assert len(mail.outbox) == 1


def test_a_job_that_breaks_off_for_days_is_left(job: DBTaskResult) -> None:
    leave(job, "FAILED", started_at=NOW, finished_at=NOW + TRY_FOR - timedelta(hours=1))
    assert requeue_abandoned(NOW + TRY_FOR) == 0
    assert status_of(job) == "FAILED"


@pytest.mark.parametrize("status", ["READY", "SUCCESSFUL"])
def test_other_jobs_are_left_alone(job: DBTaskResult, status: str) -> None:
    leave(job, status, started_at=NOW, finished_at=NOW)
    assert requeue_abandoned(NOW + timedelta(days=1)) == 0
    assert status_of(job) == status


@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILED"])
def test_results_are_kept_for_a_week(job: DBTaskResult, status: str) -> None:
    leave(job, status, finished_at=NOW)
    assert prune_finished(NOW + KEEP, keep=KEEP) == 0
    assert prune_finished(NOW + KEEP + SECOND, keep=KEEP) == 1
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("status", ["READY", "RUNNING"])
def test_a_job_that_is_not_done_is_never_dropped(job: DBTaskResult, status: str) -> None:
    leave(job, status, started_at=NOW)
    assert prune_finished(NOW + timedelta(days=99), keep=KEEP) == 0
    assert DBTaskResult.objects.exists()


def test_dropping_results_leaves_the_mails_themselves(job: DBTaskResult) -> None:
    leave(job, "SUCCESSFUL", finished_at=NOW)
    prune_finished(NOW + timedelta(days=99), keep=KEEP)
    assert Mail.objects.count() == 1
