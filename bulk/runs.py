"""The work of a bulk job: checking what was handed in, and issuing what was found right.

A run that is killed leaves nothing but pieces that no other run reads; whoever takes the job up
begins anew. Two runs of one job cannot both end it: the job's row says whose it is.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from bulk.models import Job, Kind, Orders, Part, State
from bulk.notes import forget, note
from bulk.orders import order_as_json, orders_of_job, terms_from_json
from portal.actors import Actor, ActorKind
from portal.errors import Rejected
from vouchers.domain import MAX_COUNT
from vouchers.files import holder_rows, voucher_rows
from vouchers.many import MOST_VOUCHERS, Order, issue_many, refuse_order
from vouchers.rows import Problem, orders_of

logger = logging.getLogger(__name__)
# Renewed at every beat; a run that is silent for longer is dead.
LEASE = timedelta(seconds=30)
BEAT_SECONDS = 1.0
MOST_ATTEMPTS = 5
MOST_SHOWN = 500
_SAMPLE = 5
_TOGETHER = 200


class LostError(Exception):
    """The job was given up, or another worker has it."""


def run(job_id: str) -> None:
    """Check or issue a job, whichever is next; nothing when it is not to be had."""
    job = _take(job_id)
    if job is None:
        return
    with translation.override(job.language):
        try:
            if job.attempts > MOST_ATTEMPTS:
                raise Rejected("job_broken_off", _("The work broke off again and again."))
            if job.state == State.CHECKING:
                _check(job)
            else:
                _issue(job)
        except LostError:
            logger.info("Job %s is no longer this worker's", job.pk)
        except Rejected as error:
            target = State.REFUSED if job.state == State.CHECKING else State.FAILED
            _end(job, target, reason=error.message[:500])


def _take(job_id: str) -> Job | None:
    now, mine = timezone.now(), uuid4()
    free = Job.objects.takeable(now).filter(pk=job_id)
    if not free.update(run=mine, lease_until=now + LEASE, attempts=F("attempts") + 1, done_number=0):
        return None
    return Job.objects.select_related("hotel", "offer__hotel").filter(pk=job_id, run=mine).first()


class _Beat:
    """Says now and then how far a run has come, and that it is alive."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        """Raise LostError when the job is no longer this run's."""
        if time.monotonic() - self._last < BEAT_SECONDS:
            return
        self._last = time.monotonic()
        mine = Job.objects.filter(pk=self._job.pk, run=self._job.run)
        if not mine.update(done_number=done, lease_until=timezone.now() + LEASE):
            raise LostError


# Checking


def _check(job: Job) -> None:
    others: Any = Orders.objects.filter(job=job)
    others.exclude(run=job.run).delete()
    found = _Found(job)
    beat = _Beat(job)
    with _handed_in(job) as file:
        for order in _judged(job, file, found):
            found.keep(order)
            beat(found.rows)
    found.flush()
    if not found.rows:
        raise Rejected("file_empty", _("There are no rows in it."))
    is_right = not found.refused
    if is_right and found.vouchers > MOST_VOUCHERS:
        raise Rejected("count_out_of_range", _too_many())
    _end(job, State.READY if is_right else State.REFUSED, **found.fields())


class _Found:
    """What a check has found so far: little of it in memory, however many rows there are."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._waiting: list[Any] = []
        self._pieces = 0
        self._digest = hashlib.sha256(f"{job.kind} {job.offer_id}".encode())
        self.rows = self.refused = self.repeated = self.vouchers = 0
        self.problems: list[Any] = []
        self.repeats: list[Any] = []
        self.sample: list[Any] = []

    def saw(self, row: Any) -> None:
        """Count a row, and reckon it into the digest."""
        self.rows += 1
        self._digest.update(json.dumps(row, sort_keys=True, ensure_ascii=True).encode() + b"\n")
        if self.rows > MOST_VOUCHERS:
            raise Rejected("file_too_long", _too_many())

    def refuse(self, problems: list[Problem]) -> None:
        """Note a row that is refused."""
        self.refused += 1
        if len(self.problems) < MOST_SHOWN:
            self.problems += [asdict(problem) for problem in problems]

    def repeat(self, number: int, first: int) -> None:
        """Note a line that says what an earlier one says."""
        self.repeated += 1
        if len(self.repeats) < MOST_SHOWN:
            self.repeats.append([number, first])

    def keep(self, order: Order | None) -> None:
        """Keep an order that is right."""
        if order is None or self.refused:
            return
        self.vouchers += order.count
        if len(self.sample) < _SAMPLE:
            self.sample.append(order_as_json(order))
        is_list = self._job.kind == Kind.HOLDERS
        self._waiting.append(order.holder_uid if is_list else order_as_json(order))
        if len(self._waiting) == _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Store what is kept in memory."""
        if self._waiting:
            run: Any = self._job.run
            Orders.objects.create(job=self._job, run=run, number=self._pieces, orders=self._waiting)
        self._pieces += 1
        self._waiting = []

    def fields(self) -> dict[str, Any]:
        """Return the job's fields that say what was found."""
        return {
            "rows_number": self.rows,
            "refused_number": self.refused,
            "repeated_number": self.repeated,
            "vouchers_number": 0 if self.refused else self.vouchers,
            "problems": self.problems,
            "repeated": self.repeats,
            "sample": self.sample,
            "digest": self._digest.hexdigest(),
            "checked_run": self._job.run,
        }


def _judged(job: Job, file: IO[bytes], found: _Found) -> Iterator[Order | None]:
    """Yield the order of each row; None for one that is none, which `found` is told why."""
    now = job.created_at
    if job.kind == Kind.HOLDERS:
        yield from _judged_holders(job, file, found, now)
        return
    rows = _noted(voucher_rows(file, issuer_uid=job.hotel_id), job, found)
    for _number, judged in orders_of(rows, by=actor_of(job), now=now, most=MAX_COUNT):
        if not isinstance(judged, Order):
            found.refuse(judged)
            yield None
        else:
            yield judged


def _noted(
    rows: Iterator[tuple[int, dict[str, str]]], job: Job, found: _Found
) -> Iterator[tuple[int, dict[str, str]]]:
    """Pass on the rows of the job's own hotel; a row of another is refused, whether that exists or not."""
    for number, row in rows:
        found.saw(row)
        if row["issuer_uid"] == job.hotel_id:
            yield number, row
        else:
            words = _("This job is for %(hotel)s alone.") % {"hotel": job.hotel_id}
            found.refuse([Problem(number, "issuer_uid", words, "hotel_foreign")])


def _judged_holders(job: Job, file: IO[bytes], found: _Found, now: datetime) -> Iterator[Order | None]:
    terms = terms_from_json(job.terms)
    seen: dict[str, int] = {}
    for number, uid in holder_rows(file):
        found.saw(uid)
        order = Order(hotel=job.hotel, offer=job.offer, terms=terms, holder_uid=uid)
        first = seen.setdefault(uid, number)
        try:
            if first == number:
                refuse_order(order, by=actor_of(job), now=now)
        except Rejected as error:
            found.refuse([Problem(number, "holder_uid", error.message, error.code)])
            yield None
            continue
        if first != number:
            found.repeat(number, first)
        yield order if first == number else None


@contextmanager
def _handed_in(job: Job) -> Iterator[IO[bytes]]:
    """Give the file that was handed in, put together on this machine's disk for as long as it is read."""
    with TemporaryFile() as file:
        for number in list(Part.objects.filter(job=job).order_by("number").values_list("number", flat=True)):
            file.write(Part.objects.get(job=job, number=number).data)
        file.seek(0)
        yield file


# Issuing


def _issue(job: Job) -> None:
    now = timezone.now()
    beat, done, batch_id = _Beat(job), 0, None

    def told(vouchers: Any) -> None:
        nonlocal done, batch_id
        done += len(vouchers)
        batch_id = vouchers[0].batch_id if job.kind == Kind.NUMBER else None
        beat(done)

    def settle(number: int) -> None:
        what = {"vouchers_number": number, "done_number": number, "batch_id": batch_id}
        _settle(job, State.DONE, now=now, issued_at=now, **what)

    issue_many(orders_of_job(job), by=actor_of(job), now=now, told=told, settle=settle)
    # After the commit: nobody has to wait for it. What is left, upkeep takes away.
    forget(job)


def actor_of(job: Job) -> Actor:
    """Return who a job's vouchers are issued by: whoever confirmed it, or asked for it."""
    actor = job.confirmed_by or job.asked_by
    kind = ActorKind.STAFF if actor.startswith("staff:") else ActorKind.SYSTEM
    return Actor(kind, actor)


@transaction.atomic
def _end(job: Job, target: State, **fields: Any) -> None:
    _settle(job, target, now=timezone.now(), **fields)
    if target in (State.REFUSED, State.READY):
        Part.objects.filter(job=job).delete()
    if target == State.REFUSED:
        Orders.objects.filter(job=job).delete()


def _settle(job: Job, target: State, *, now: datetime, **fields: Any) -> None:
    """End a run in the caller's transaction, if the job is still its own; raises LostError if not."""
    before = job.state
    values = {**fields, "state": target, "run": None, "lease_until": None}
    if target != State.READY:
        values["ended_at"] = now
    if not Job.objects.filter(pk=job.pk, run=job.run, state=before).update(**values):
        raise LostError
    after = Job.objects.get(pk=job.pk)
    note(after, before, by=actor_of(job), now=now)


def _too_many() -> str:
    return _("One job issues %(most)d vouchers at most.") % {"most": MOST_VOUCHERS}
