"""How a page of the admin starts a job: a small one is done at once, a large one by the worker."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import ngettext

from bulk.domain import make_job
from bulk.models import Job, Kind, State
from bulk.runs import run
from portal.admin import acting

# What takes a second at most; nobody waits for a worker then.
AT_ONCE_VOUCHERS = 1000
AT_ONCE_BYTES = 64 * 1024


def may_issue(request: HttpRequest) -> bool:
    """Tell whether the user may issue vouchers."""
    return request.user.has_perm("vouchers.add_voucher")


def may_work(request: HttpRequest) -> bool:
    """Tell whether the user may issue vouchers from files and lists."""
    return may_issue(request) and request.user.has_perm("bulk.add_job")


def start(request: HttpRequest, kind: Kind, *, size: int = 0, **fields: Any) -> Job:
    """Make a job from a form, and do at once what is small; `size` is the file's in bytes.

    Raises what `make_job` raises.
    """
    is_small = fields.get("count", 0) <= AT_ONCE_VOUCHERS and size <= AT_ONCE_BYTES
    job = make_job(
        kind=kind,
        by=acting(request),
        now=timezone.now(),
        language=getattr(request, "LANGUAGE_CODE", "en"),
        is_queued=not is_small,
        **fields,
    )
    if is_small:
        run(job.pk)
        job.refresh_from_db()
    return job


def lead_on(model_admin: admin.ModelAdmin[Any], request: HttpRequest, job: Job) -> HttpResponse:
    """Go on from a form: to the vouchers that were issued, else to the job's page."""
    if job.state == State.DONE:
        words = ngettext(
            "%(number)d voucher of “%(title)s” issued.",
            "%(number)d vouchers of “%(title)s” issued.",
            job.vouchers_number,
        )
        title = job.offer.title if job.offer else job.file_name
        values = {"number": job.vouchers_number, "title": title}
        model_admin.message_user(request, words % values, messages.SUCCESS)
        return redirect(vouchers_url(job))
    if not request.user.has_perm("bulk.view_job"):
        return redirect("admin:index")
    return redirect("admin:bulk_job_change", job.pk)


def vouchers_url(job: Job) -> str:
    """Return the address of the list of the vouchers that a job has issued."""
    if job.batch_id:
        query = urlencode({"batch__id__exact": job.batch_id})
    else:
        at = job.issued_at.isoformat() if job.issued_at else ""
        query = urlencode({"hotel__uid__exact": job.hotel_id, "created_at__exact": at})
    return f"{reverse('admin:vouchers_voucher_changelist')}?{query}"
