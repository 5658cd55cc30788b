"""What the journal is told of bulk jobs, and what is forgotten of them."""

from datetime import datetime

from bulk.models import Job, Orders, Part, State
from events.domain import Change, record
from portal.actors import Actor

_VERBS = {
    State.CHECKING: "create",
    State.READY: "check",
    State.REFUSED: "refuse",
    State.ISSUING: "confirm",
    State.DONE: "issue",
    State.FAILED: "fail",
    State.DROPPED: "drop",
}


def forget(job: Job) -> None:
    """Delete what was kept for a job."""
    Part.objects.filter(job=job).delete()
    Orders.objects.filter(job=job).delete()


def note(job: Job, before: str | None, *, by: Actor, now: datetime) -> None:
    """Write into the journal what has become of a job: who, what, how many; never names of files."""
    facts = {"state": job.state, "vouchers": job.vouchers_number}
    extra = {"kind": job.kind, "offer_id": job.offer_id, "rows": job.rows_number}
    extra |= {"refused_rows": job.refused_number, "digest": job.digest[:16]}
    change = Change(
        type=f"job.{_VERBS[State(job.state)]}",
        subject_type="job",
        subject_id=job.pk,
        issuer_uid=job.hotel_id,
        before={"state": before} if before else {},
        after=facts,
        extra=extra,
    )
    record([change], by=by, now=now)
