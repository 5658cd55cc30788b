"""Bulk work on a queue of its own: it holds up no mail and no webhook."""

from django_tasks import task

from bulk.runs import run

QUEUE = "bulk"


@task(queue_name=QUEUE)  # type: ignore[untyped-decorator]
def run_job(job_id: str) -> None:
    """Do what is to be done for a job; nothing for one that has ended or that another worker has."""
    run(job_id)
