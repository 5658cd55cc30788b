"""What can be done with bulk jobs; with runs.py the only writer of the app's tables."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from bulk.models import ENDED, Job, Kind, Orders, Part, State
from bulk.notes import forget, note
from bulk.orders import terms_as_json
from bulk.tasks import run_job
from portal.actors import CLOCK, Actor
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from vouchers.files import MOST_BYTES
from vouchers.many import Order, refuse_order
from vouchers.models import Hotel, Offer
from vouchers.terms import Terms

# What is uploaded goes through a web process; who has more uses the command.
MOST_UPLOADED = 16 * 1024 * 1024
PART_BYTES = 256 * 1024
# How long a job waits for somebody to decide.
DECIDE_WITHIN = timedelta(days=1)
KEEP_DROPPED = timedelta(days=30)


def make_job(
    *,
    kind: Kind,
    hotel: Hotel,
    by: Actor,
    now: datetime,
    form_key: UUID | None = None,
    language: str = "en",
    offer: Offer | None = None,
    terms: Terms | None = None,
    count: int = 0,
    file_name: str = "",
    content: Iterable[bytes] = (),
    is_queued: bool = True,
) -> Job:
    """Make a job: a number of an offer is to be issued, what comes from a file is to be checked.

    A second call with the same `form_key` returns the job of the first. Without `is_queued` the
    caller runs it itself.

    Raises Rejected("issuer_not_allowed"), what `issue_vouchers` raises for a number that cannot
    be issued, Rejected("file_too_large") above MOST_UPLOADED.
    """
    if not by.acts_for_hotel:
        raise Rejected("issuer_not_allowed", _("Only the hotel can issue vouchers."))
    if terms is not None:
        refuse_order(Order(hotel=hotel, offer=offer, terms=terms, count=count or 1), by=by, now=now)
    is_checked = kind == Kind.NUMBER
    key = form_key or uuid4()
    job = Job(
        id=new_id("j", now),
        hotel=hotel,
        offer=offer,
        kind=kind,
        state=State.ISSUING if is_checked else State.CHECKING,
        form_key=key,
        asked_by=by.id,
        confirmed_by=by.id if is_checked else "",
        language=language,
        created_at=now,
        file_name=file_name[-200:],
        terms=terms_as_json(terms) if terms is not None else {},
        vouchers_number=count,
        lease_until=_lease(now, is_queued=is_queued),
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            _keep(job, content)
            note(job, None, by=by, now=now)
            if is_queued:
                run_job.enqueue(job.pk)
    except IntegrityError:
        known = Job.objects.filter(form_key=key).first()
        if known is None:
            raise
        return known
    return job


def confirm_job(
    *, job_id: str, by: Actor, now: datetime, is_meant_again: bool = False, is_queued: bool = True
) -> Job:
    """Let the vouchers of a checked job be issued; one that failed can be tried again.

    Raises Rejected("issuer_not_allowed"), Conflict("job_not_ready"), and
    Conflict("file_issued_before") for a table that was issued before, unless `is_meant_again`.
    """
    if not by.acts_for_hotel:
        raise Rejected("issuer_not_allowed", _("Only the hotel can issue vouchers."))
    with transaction.atomic():
        job = Job.objects.get(pk=job_id)
        # Of two jobs with the same table that are confirmed at one moment, one sees the other.
        Hotel.objects.select_for_update(no_key=True).get(pk=job.hotel_id)
        if not is_meant_again and twin_of(job) is not None:
            raise Conflict("file_issued_before", _("The same rows were issued before."))
        lease = _lease(now, is_queued=is_queued)
        more = {"confirmed_by": by.id, "attempts": 0, "lease_until": lease}
        _move(job, (State.READY, State.FAILED), State.ISSUING, by=by, now=now, **more)
        if is_queued:
            run_job.enqueue(job.pk)
    return job


def twin_of(job: Job) -> Job | None:
    """Return the latest other job of the hotel with the same rows that was, or is being, issued."""
    same = Job.objects.filter(hotel=job.hotel_id, digest=job.digest, state__in=(State.ISSUING, State.DONE))
    return same.exclude(pk=job.pk).first() if job.digest else None


@transaction.atomic
def drop_job(*, job_id: str, by: Actor, now: datetime) -> Job:
    """Give a job up whose vouchers are not issued: what it had prepared is gone.

    Raises Conflict("job_ended") for one that has issued its vouchers, or was given up.
    """
    job = Job.objects.get(pk=job_id)
    _move(job, tuple(set(State) - {State.DONE, State.DROPPED}), State.DROPPED, by=by, now=now, ended_at=now)
    forget(job)
    return job


def prune_jobs(now: datetime) -> int:
    """Give up the jobs that nobody decided about for a day, and delete those given up long ago.

    Returns how many were given up.
    """
    undecided = (State.READY, State.FAILED)
    old = Job.objects.filter(state__in=undecided, created_at__lt=now - DECIDE_WITHIN)
    number = 0
    for job_id in list(old.values_list("pk", flat=True)):
        try:
            drop_job(job_id=job_id, by=CLOCK, now=now)
            number += 1
        except Conflict:
            # Somebody decided at this moment.
            continue
    for kept in (Part, Orders):
        kept.objects.filter(job__state__in=ENDED).delete()
    Job.objects.filter(state=State.DROPPED, ended_at__lt=now - KEEP_DROPPED).delete()
    return number


def take_up_again(now: datetime) -> int:
    """Queue the jobs whose worker died; returns how many. Queueing one twice does no harm."""
    dead = Job.objects.takeable(now).filter(lease_until__lte=now)
    ids = list(dead.values_list("pk", flat=True))
    for job_id in ids:
        run_job.enqueue(job_id)
    return len(ids)


def _move(
    job: Job, sources: tuple[State, ...], target: State, *, by: Actor, now: datetime, **fields: Any
) -> None:
    """Move a job in the caller's transaction; the row decides whether it may."""
    before = job.state
    blank = {"run": None, "lease_until": None, "done_number": 0, "reason": "", "ended_at": None}
    values = {**blank, "state": target, **fields}
    if before not in sources or not Job.objects.filter(pk=job.pk, state=before).update(**values):
        if target == State.DROPPED:
            raise Conflict("job_ended", _("This job has ended."))
        raise Conflict("job_not_ready", _("This job is not ready to be issued."))
    for name, value in values.items():
        setattr(job, name, value)
    note(job, before, by=by, now=now)


def _lease(now: datetime, *, is_queued: bool) -> datetime | None:
    """Return the lease of a job that nobody has in hand yet.

    One that stands in no queue has a lease that is over: should its caller die, it is taken up.
    """
    return None if is_queued else now


def _keep(job: Job, content: Iterable[bytes]) -> None:
    """Store what was handed in, in pieces."""
    size = 0
    for number, data in enumerate(content):
        size += len(data)
        if size > min(MOST_UPLOADED, MOST_BYTES):
            raise Rejected(
                "file_too_large",
                _("The file is larger than %(most)d MB."),
                most=MOST_UPLOADED // 1024 // 1024,
            )
        Part.objects.create(job=job, number=number, data=data)
