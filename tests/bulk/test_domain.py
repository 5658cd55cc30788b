"""Bulk jobs: checked, confirmed, issued all at once or not at all, and never twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import IntegrityError

from bulk import runs
from bulk.domain import (
    DECIDE_WITHIN,
    KEEP_DROPPED,
    confirm_job,
    drop_job,
    make_job,
    prune_jobs,
    take_up_again,
    twin_of,
)
from bulk.models import Job, Kind, Orders, Part, State
from events.models import Event
from portal.actors import Actor
from tests.bulk.files import HEADING, ROW, csv_of, pieces, xlsx_of
from tests.checks import assert_batches_count_true, conflicting, refused
from tests.make import CLERK, GUEST, GUEST_UID, NOW, OTHER_UID, make_hotel, make_offer
from tests.worker import work
from vouchers.models import Batch, Offer, Voucher
from vouchers.terms import terms_of

pytestmark = pytest.mark.django_db
KEY = UUID("11111111-2222-4333-8444-555555555555")


@pytest.fixture(autouse=True)
def clock() -> Any:
    make_hotel()
    with time_machine.travel(NOW, tick=False) as moving:
        yield moving


def work_on(job: Job) -> Job:
    work_all()
    return Job.objects.get(pk=job.pk)


def work_all() -> None:
    work(queue="bulk")


def hand_in(content: bytes, **fields: Any) -> Job:
    return make_job(kind=Kind.FILE, hotel=make_hotel(), by=CLERK, now=NOW, content=pieces(content), **fields)


def of_offer(count: int = 3, offer: Offer | None = None, **fields: Any) -> Job:
    offer = offer or make_offer()
    usual = {"kind": Kind.NUMBER, "by": CLERK, "now": NOW, "terms": terms_of(offer, now=NOW), "count": count}
    return make_job(hotel=offer.hotel, offer=offer, **{**usual, **fields})


def list_of(*lines: str, offer: Offer | None = None, **fields: Any) -> Job:
    content = "\n".join(lines).encode()
    return of_offer(0, offer, kind=Kind.HOLDERS, content=pieces(content), **fields)


def confirm(job: Job, **fields: Any) -> Job:
    return confirm_job(job_id=job.pk, by=CLERK, now=NOW, **fields)


def types(job: Job) -> set[str]:
    return set(Event.objects.filter(subject_id=job.pk).values_list("type", flat=True))


# Files


@pytest.mark.parametrize("write", [csv_of, xlsx_of])
def test_a_file_is_checked_confirmed_and_issued(write: Any) -> None:
    job = work_on(hand_in(write(ROW, ("hotel-a", "Dinner", "2026-11-30")), file_name="spring.csv"))
    assert (job.state, job.rows_number, job.vouchers_number, job.refused_number) == ("ready", 2, 2, 0)
    assert not Voucher.objects.exists()
    assert [order["terms"]["title"] for order in job.sample] == ["Spa hour", "Dinner"]
    job = work_on(confirm(job))
    assert (job.state, job.vouchers_number, job.issued_at) == ("done", 2, NOW)
    assert sorted(Voucher.objects.values_list("title", flat=True)) == ["Dinner", "Spa hour"]
    assert set(Voucher.objects.values_list("created_at", flat=True)) == {NOW}
    assert_batches_count_true()
    assert Event.objects.filter(type="voucher.issue", actor_id=CLERK.id).count() == 2
    assert types(job) == {"job.create", "job.check", "job.confirm", "job.issue"}
    event = Event.objects.get(subject_id=job.pk, type="job.issue")
    assert (event.actor_id, event.issuer_uid, event.meta["after"]["vouchers"]) == (CLERK.id, "hotel-a", 2)


def test_nothing_is_kept_of_a_file_when_its_job_has_ended() -> None:
    job = work_on(hand_in(csv_of(ROW)))
    assert not Part.objects.exists()
    assert Orders.objects.exists()
    work_on(confirm(job))
    assert not Orders.objects.exists()


def test_every_refused_row_is_named_with_its_column_and_nothing_can_be_issued() -> None:
    rows = [ROW, ("hotel-b", "Spa", "2026-12-31"), ("hotel-a", "", "never"), ROW]
    job = work_on(hand_in(csv_of(*rows)))
    assert (job.state, job.rows_number, job.refused_number) == ("refused", 4, 3)
    assert [(each["number"], each["field"]) for each in job.problems] == [
        (3, "issuer_uid"),
        (4, "valid_until"),
        (4, "title"),
        (5, ""),
    ]
    assert "the same as row 2" in job.problems[-1]["reason"]
    assert not Part.objects.exists()
    assert not Orders.objects.exists()
    with conflicting("job_not_ready"):
        confirm(job)


@pytest.mark.parametrize("uid", ["hotel-b", "nowhere"])
def test_a_row_of_another_hotel_reads_the_same_whether_that_exists_or_not(uid: str) -> None:
    make_hotel("hotel-b")
    job = work_on(hand_in(csv_of((uid, "Spa", "2026-12-31"))))
    assert [each["reason"] for each in job.problems] == ["This job is for hotel-a alone."]


def test_an_offer_of_another_hotel_is_refused() -> None:
    make_offer(make_hotel("hotel-b"))
    job = work_on(hand_in(csv_of(("hotel-a", "o-0"), heading=("issuer_uid", "offer"))))
    assert job.problems[0]["code"] == "offer_foreign"


def test_a_file_without_the_column_of_the_hotel_is_of_the_jobs_hotel() -> None:
    job = work_on(hand_in(csv_of(("Spa", "2026-12-31"), heading=("title", "valid_until"))))
    work_on(confirm(job))
    assert Voucher.objects.get().hotel_id == "hotel-a"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no rows"),
        (csv_of(), "no rows"),
        (b"titel,valid_until\n", "Unknown columns"),
        (b"PK\x03\x04 and so on", "no workbook"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
    ids=["empty", "heading", "column", "zip", "bytes"],
)  # fmt: skip
def test_a_file_that_is_no_such_table_is_refused_with_the_reason(content: bytes, words: str) -> None:
    job = work_on(hand_in(content))
    assert job.state == "refused"
    assert words in job.reason


def test_more_vouchers_than_a_job_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_VOUCHERS", 3)
    heading = (*HEADING, "count")
    job = work_on(hand_in(csv_of((*ROW, "2"), ("hotel-a", "Dinner", "2026-12-31", "2"), heading=heading)))
    assert (job.state, job.reason) == ("refused", "One job issues 3 vouchers at most.")
    rows = [("hotel-a", f"Number {number}", "2026-12-31") for number in range(4)]
    assert work_on(hand_in(csv_of(*rows))).state == "refused"


def test_what_is_too_large_is_not_even_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk.domain.MOST_UPLOADED", 1500)
    with refused("file_too_large"):
        hand_in(b"x" * 1501)
    assert not Job.objects.exists()
    assert not Part.objects.exists()


def test_refusals_are_kept_in_the_language_of_whoever_asked() -> None:
    job = work_on(hand_in(csv_of(("hotel-a", "", "2026-12-31")), language="de"))
    assert "Gutschein" in job.problems[0]["reason"]


def test_what_was_shown_is_issued_though_the_offer_has_changed_since() -> None:
    offer = make_offer()
    job = work_on(hand_in(csv_of(("hotel-a", offer.pk), heading=("issuer_uid", "offer"))))
    Offer.objects.update(title="Other")
    work_on(confirm(job))
    assert Voucher.objects.get().title == "Spa hour"


def test_an_offer_that_was_switched_off_since_fails_the_whole_and_can_be_tried_again() -> None:
    offer = make_offer()
    job = work_on(hand_in(csv_of((*ROW, ""), ("hotel-a", "", "", offer.pk), heading=(*HEADING, "offer"))))
    Offer.objects.update(is_active=False)
    job = work_on(confirm(job))
    assert (job.state, job.reason) == ("failed", "This offer is not active.")
    assert not Voucher.objects.exists()
    assert not Batch.objects.exists()
    Offer.objects.update(is_active=True)
    job = work_on(confirm(job))
    assert (job.state, job.reason, Voucher.objects.count()) == ("done", "", 2)


# The same again


@pytest.mark.parametrize("write", [csv_of, xlsx_of])
def test_the_same_rows_are_issued_again_only_by_choice(write: Any) -> None:
    work_on(confirm(work_on(hand_in(csv_of(ROW)))))
    again = work_on(hand_in(write(ROW)))
    assert twin_of(again) is not None
    with conflicting("file_issued_before"):
        confirm(again)
    assert Job.objects.get(pk=again.pk).state == "ready"
    work_on(confirm(again, is_meant_again=True))
    assert Voucher.objects.count() == 2


def test_of_two_jobs_with_the_same_rows_the_second_is_told_even_before_the_first_is_done() -> None:
    one, two = (work_on(hand_in(csv_of(ROW))) for _number in range(2))
    confirm(one)
    with conflicting("file_issued_before"):
        confirm(two)


def test_a_second_press_makes_no_second_job() -> None:
    offer = make_offer()
    first, second = (of_offer(2, offer, form_key=KEY) for _number in range(2))
    assert first.pk == second.pk
    work_on(first)
    assert of_offer(2, offer, form_key=KEY).pk == first.pk
    work_all()
    assert Voucher.objects.count() == 2


def test_a_clash_that_is_not_of_the_key_is_no_second_press(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_values: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr("bulk.domain.note", broken)
    with pytest.raises(IntegrityError):
        of_offer(form_key=uuid4())


def test_a_second_confirmation_changes_nothing() -> None:
    job = work_on(hand_in(csv_of(ROW)))
    confirm(job)
    with conflicting("job_not_ready"):
        confirm(job)
    work_all()
    with conflicting("job_not_ready"):
        confirm(job)
    assert Voucher.objects.count() == 1


# Numbers and lists


def test_a_number_of_an_offer_is_one_batch() -> None:
    job = work_on(of_offer(1500))
    assert (job.state, Voucher.objects.count()) == ("done", 1500)
    assert Batch.objects.get().open_issued == 1500
    assert job.batch == Batch.objects.get()
    assert_batches_count_true()


def test_each_holder_of_a_list_gets_one_voucher_and_repeated_lines_are_told() -> None:
    job = work_on(list_of("holder_uid", GUEST_UID, "", OTHER_UID, f" {GUEST_UID} "))
    assert (job.state, job.rows_number, job.vouchers_number) == ("ready", 3, 2)
    assert (job.repeated_number, job.repeated) == (1, [[5, 2]])
    work_on(confirm(job))
    assert sorted(Voucher.objects.values_list("holder_uid", flat=True)) == sorted([GUEST_UID, OTHER_UID])
    assert not Batch.objects.exists()


def test_a_holder_that_cannot_be_stored_refuses_the_list() -> None:
    job = work_on(list_of(GUEST_UID, "x" * 65))
    assert (job.state, job.refused_number) == ("refused", 1)
    assert (job.problems[0]["number"], job.problems[0]["code"]) == (2, "voucher_invalid")


@pytest.mark.parametrize("count", [-1, 50_001])
def test_a_number_out_of_range_makes_no_job(count: int) -> None:
    offer = make_offer()
    with refused("count_out_of_range"):
        of_offer(count, offer)
    assert not Job.objects.exists()


def test_guests_make_and_confirm_no_jobs() -> None:
    offer = make_offer()
    with refused("issuer_not_allowed"):
        of_offer(1, offer, by=GUEST)
    job = work_on(hand_in(csv_of(ROW)))
    with refused("issuer_not_allowed"):
        confirm_job(job_id=job.pk, by=GUEST, now=NOW)


# Giving up, and dying


def test_a_job_that_is_given_up_leaves_nothing() -> None:
    job = work_on(hand_in(csv_of(ROW)))
    drop_job(job_id=job.pk, by=CLERK, now=NOW)
    assert not Orders.objects.exists()
    with conflicting("job_ended"):
        drop_job(job_id=job.pk, by=CLERK, now=NOW)
    with conflicting("job_not_ready"):
        confirm(job)
    assert types(job) == {"job.create", "job.check", "job.drop"}


def test_what_is_issued_cannot_be_given_up() -> None:
    job = work_on(of_offer())
    with conflicting("job_ended"):
        drop_job(job_id=job.pk, by=CLERK, now=NOW)


def test_a_job_that_is_stopped_while_it_is_issued_issues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = of_offer(1500)
    monkeypatch.setattr(runs, "BEAT_SECONDS", -1)
    beat = runs._Beat.__call__

    def stopped(self: Any, done: int) -> None:
        if done == 1000:
            drop_job(job_id=job.pk, by=CLERK, now=NOW)
        beat(self, done)

    monkeypatch.setattr(runs._Beat, "__call__", stopped)
    assert work_on(job).state == "dropped"
    assert not Voucher.objects.exists()
    assert not Event.objects.filter(type="voucher.issue").exists()


def test_a_run_whose_job_another_has_taken_over_issues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job, other = of_offer(1500), uuid4()

    def taken(_beat: Any, _done: int) -> None:
        # So late that the lease is over, and without a beat that would tell.
        Job.objects.update(run=other)

    monkeypatch.setattr(runs._Beat, "__call__", taken)
    job = work_on(job)
    assert (job.state, job.run) == ("issuing", other)
    assert not Voucher.objects.exists()
    assert not Batch.objects.exists()
    assert not Event.objects.filter(type="voucher.issue").exists()


def test_a_job_that_somebody_has_in_hand_is_left_alone() -> None:
    job = of_offer(2)
    Job.objects.update(run=uuid4(), lease_until=NOW + timedelta(seconds=5))
    runs.run(job.pk)
    assert not Voucher.objects.exists()
    assert take_up_again(NOW) == 0


def test_the_job_of_a_dead_worker_is_taken_up_again() -> None:
    job = of_offer(2)
    Job.objects.update(run=uuid4(), lease_until=NOW + timedelta(seconds=5))
    work_all()
    later = NOW + timedelta(seconds=6)
    with time_machine.travel(later, tick=False):
        assert take_up_again(later) == 1
        assert work_on(job).state == "done"
        assert take_up_again(later) == 0
    assert Voucher.objects.count() == 2


def test_a_job_whose_caller_died_before_it_ran_is_taken_up() -> None:
    job = of_offer(2, is_queued=False)
    assert take_up_again(NOW) == 1
    assert work_on(job).state == "done"
    checked = work_on(hand_in(csv_of(ROW)))
    confirm(checked, is_queued=False)
    assert take_up_again(NOW) == 1
    assert work_on(checked).state == "done"


def test_a_job_that_breaks_off_again_and_again_fails_at_last() -> None:
    job = of_offer(2)
    Job.objects.update(attempts=runs.MOST_ATTEMPTS)
    job = work_on(job)
    assert (job.state, job.reason) == ("failed", "The work broke off again and again.")
    assert work_on(confirm(job)).state == "done"


def test_a_check_that_was_broken_off_begins_anew() -> None:
    rows = [("hotel-a", f"Number {number}", "2026-12-31") for number in range(450)]
    job = hand_in(csv_of(*rows))
    Orders.objects.create(job=job, run=uuid4(), number=0, orders=[{"broken": "off"}])
    work_on(confirm(work_on(job)))
    assert Voucher.objects.count() == 450


def test_jobs_that_nobody_decides_about_are_given_up_and_forgotten() -> None:
    job, done = work_on(hand_in(csv_of(ROW))), work_on(of_offer())
    assert prune_jobs(NOW + DECIDE_WITHIN) == 0
    later = NOW + DECIDE_WITHIN + timedelta(seconds=1)
    assert prune_jobs(later) == 1
    assert Job.objects.get(pk=job.pk).state == State.DROPPED
    assert Event.objects.get(subject_id=job.pk, type="job.drop").actor_id == "clock"
    assert prune_jobs(later + KEEP_DROPPED + timedelta(seconds=1)) == 0
    assert list(Job.objects.all()) == [done]


def test_a_hotels_own_system_can_have_a_job_too() -> None:
    by = Actor(runs.ActorKind.SYSTEM, "system:pms")
    work_on(of_offer(1, by=by))
    assert Event.objects.get(type="voucher.issue").actor_id == "system:pms"


def test_the_worker_of_the_tests_leaves_bulk_work_to_its_own_queue() -> None:
    of_offer(1)
    work()
    assert not Voucher.objects.exists()
