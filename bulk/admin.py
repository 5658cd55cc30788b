"""Bulk jobs in the admin: hand a file in, look at what it would issue, decide, follow it."""

from typing import Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models import Booking
from bulk.admin_exports import BookingExporting, EventExporting, VoucherExporting
from bulk.admin_offers import OfferIssuing
from bulk.admin_work import AT_ONCE_VOUCHERS, may_work, start, vouchers_url
from bulk.domain import confirm_job, drop_job, twin_of
from bulk.forms import ImportForm, form_key_of, pieces_of
from bulk.models import Job, Kind, State
from bulk.orders import terms_from_json
from bulk.runs import run
from events.models import Event
from events.queries import journal_of
from portal.admin import HotelFilter, ReadOnlyAdmin, ScopedAdmin, acting, moment_words
from portal.admin_actions import ask_page
from portal.errors import Rejected
from portal.ids import is_id
from vouchers.forms import VoucherRowForm
from vouchers.models import Hotel, Offer, Voucher


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs of the user's hotels; a new one begins with a file of vouchers."""

    list_display = (
        "created",
        "kind",
        "what",
        "hotel",
        "state",
        "vouchers_number",
        "refused_number",
        "asked_by",
    )
    list_filter = (("hotel", HotelFilter), "state", "kind")
    list_select_related = ("hotel", "offer")
    search_fields = ("id", "file_name", "asked_by")
    ordering = ("-id",)
    sortable_by = ()
    fields: ClassVar[Any] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may issue vouchers from files and lists."""
        return may_work(request)

    def get_urls(self) -> list[URLPattern]:
        """Add what can be decided about a job."""
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/confirm/", wrap(self.confirm), name="bulk_job_confirm"),
            path("<path:object_id>/drop/", wrap(self.drop), name="bulk_job_drop"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take a file of vouchers, and have it checked."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = ImportForm(
            request.POST if is_sent else None,
            request.FILES if is_sent else None,
            hotels=Hotel.objects.of_staff(request.user),
        )
        if is_sent and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                job = start(
                    request,
                    Kind.FILE,
                    size=file.size,
                    hotel=form.cleaned_data["hotel"],
                    form_key=form_key_of(request.POST),
                    file_name=file.name,
                    content=pieces_of(file),
                )
                return redirect("admin:bulk_job_change", job.pk)
            except Rejected as error:
                form.add_error(None, error.message)
        return ask_page(
            self,
            request,
            title=_("Issue vouchers from a file"),
            button=_("Check the file"),
            back=reverse("admin:bulk_job_changelist"),
            form=form,
            hidden=[("form_key", request.POST.get("form_key") or str(uuid4()))],
            intro=_(
                "One row for each voucher, or for several alike. The heading names the columns, of these:"
            ),
            lines=[
                ", ".join(VoucherRowForm.COLUMNS),
                _("Times are in UTC. With an offer, whatever a row leaves out is as the offer says."),
                _("If one row is wrong, none is issued."),
            ],
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how a job stands; while it is worked on, the page renews itself."""
        del form_url, extra_context
        job = self._job(request, object_id)
        if job is None:
            return redirect("admin:bulk_job_changelist")
        is_part = (
            request.headers.get("HX-Target") == "job" and "HX-History-Restore-Request" not in request.headers
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Job: %(job)s") % {"job": self.what(job)},
            "journal": None if is_part else journal_of(job.pk),
            "zone": job.hotel.zone,
            **self._shown(request, job),
        }
        template = "admin/bulk/_job.html" if is_part else "admin/bulk/job_page.html"
        response = TemplateResponse(request, template, context)
        patch_vary_headers(response, ("HX-Request", "HX-Target"))
        return response

    def _shown(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        """Return what the region of a job shows."""
        total = job.vouchers_number if job.state == State.ISSUING else job.rows_number
        twin = twin_of(job) if job.state in (State.READY, State.FAILED) else None
        return {
            "job": job,
            "total": total,
            "what": self.what(job),
            "is_allowed": may_work(request),
            "twin": twin,
            "twin_at": moment_words(twin.created_at, job.hotel.zone) if twin else "",
            "sample": [_sample(order, job.hotel.zone) for order in job.sample],
            "more_refused": max(0, job.refused_number - len({each["number"] for each in job.problems})),
            "vouchers_url": vouchers_url(job),
        }

    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Issue what was checked; a small job is done at once."""
        return self._decide(request, object_id, self._confirm)

    def drop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a job up."""
        return self._decide(request, object_id, self._drop)

    def _confirm(self, request: HttpRequest, job: Job) -> None:
        is_small = job.vouchers_number <= AT_ONCE_VOUCHERS
        confirm_job(
            job_id=job.pk,
            by=acting(request),
            now=timezone.now(),
            is_meant_again=request.POST.get("again") == "yes",
            is_queued=not is_small,
        )
        if is_small:
            run(job.pk)

    def _drop(self, request: HttpRequest, job: Job) -> None:
        drop_job(job_id=job.pk, by=acting(request), now=timezone.now())

    def _decide(self, request: HttpRequest, object_id: str, verb: Any) -> HttpResponse:
        if not may_work(request):
            raise PermissionDenied
        job = self._job(request, object_id)
        if job is None:
            return redirect("admin:bulk_job_changelist")
        if request.method == "POST":
            try:
                verb(request, job)
            except Rejected as error:
                self.message_user(request, error.message, messages.ERROR)
        return redirect("admin:bulk_job_change", job.pk)

    def _job(self, request: HttpRequest, object_id: str) -> Job | None:
        """Return a job of the user's hotels; None, with a message, for any other."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        jobs = self.get_queryset(request).select_related("hotel", "offer")
        job: Job | None = jobs.filter(pk=object_id).first() if is_id(object_id) else None
        if job is None:
            self.message_user(request, _("There is no such job."), messages.ERROR)
        return job

    @admin.display(description=gettext_lazy("created"))
    def created(self, job: Job) -> str:
        """Return when the job was made."""
        return moment_words(job.created_at, job.hotel.zone)

    @admin.display(description=gettext_lazy("what"))
    def what(self, job: Job) -> str:
        """Return the file or the offer that the vouchers are of."""
        return job.file_name or (job.offer.title if job.offer else job.pk)


def _sample(order: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return an order as the page shows it: times by the hotel's clock."""
    terms = terms_from_json(order["terms"])
    times = {"since": moment_words(terms.valid_from, zone), "until": moment_words(terms.valid_until, zone)}
    return {**order, **times, "terms": terms}


def _add(model: type[Model], more: type[ScopedAdmin], actions: tuple[str, ...]) -> None:
    """Add bulk work to the admin that the apps below have registered for a model."""
    known: Any = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    fields = {"actions": (*known.actions, *actions)}
    admin.site.register(model, type(known.__name__, (more, known), fields))


_add(Offer, OfferIssuing, ("issue_selected",))
_add(Voucher, VoucherExporting, ("export_csv", "export_xlsx"))
_add(Booking, BookingExporting, ("export_csv", "export_xlsx"))
_add(Event, EventExporting, ("export_csv", "export_xlsx"))
