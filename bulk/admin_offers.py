"""Issuing from an offer in the admin: a number to any guest, or one each to a list of holders."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bulk.admin_work import lead_on, may_issue, may_work, start
from bulk.forms import HoldersForm, form_key_of
from bulk.models import Kind
from portal.admin import ScopedAdmin
from portal.admin_actions import ask_page
from portal.errors import Rejected
from portal.ids import is_id
from vouchers.admin_forms import OfferIssueForm
from vouchers.models import Offer


class OfferIssuing(ScopedAdmin):
    """Offers with the pages that issue vouchers of them."""

    def has_issue_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may issue vouchers."""
        return may_issue(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that issue."""
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/issue/", wrap(self.issue), name="vouchers_offer_issue"),
            path("<path:object_id>/issue-to/", wrap(self.issue_to), name="vouchers_offer_issue_to"),
            *super().get_urls(),
        ]

    @admin.action(description=gettext_lazy("Issue vouchers…"), permissions=["issue"])
    def issue_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Go to the page that issues vouchers of the one chosen offer."""
        keys = list(rows.values_list("pk", flat=True)[:2])
        if len(keys) == 1:
            return redirect("admin:vouchers_offer_issue", keys[0])
        self.message_user(request, _("Choose one offer to issue vouchers of."), messages.ERROR)
        return None

    def issue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how many vouchers, issue them all or none, then show the list of them."""
        offer = self._offer(request, object_id, is_allowed=may_issue(request))
        if offer is None:
            return redirect("admin:vouchers_offer_changelist")
        form = OfferIssueForm(_typed(request), zone=offer.hotel.zone)
        if request.method == "POST" and form.is_valid():
            try:
                return self._start(request, offer, form, Kind.NUMBER, count=form.cleaned_data["count"])
            except Rejected as error:
                form.add_error(None, error.message)
        words = _("They are open: any guest can book them. Times are in %(zone)s.")
        title = _("Issue vouchers of “%(title)s”")
        return self._ask(request, offer, form, title, words)

    def issue_to(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the holders, then show what would be issued to whom."""
        offer = self._offer(request, object_id, is_allowed=may_work(request))
        if offer is None:
            return redirect("admin:vouchers_offer_changelist")
        form = HoldersForm(_typed(request), _files(request), zone=offer.hotel.zone)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            size = file.size if file else len(form.cleaned_data["holders"])
            more = {"size": size, "content": form.content(), "file_name": file.name if file else ""}
            try:
                return self._start(request, offer, form, Kind.HOLDERS, **more)
            except Rejected as error:
                form.add_error(None, error.message)
        words = _("Each holder gets one voucher, which is theirs alone. Times are in %(zone)s.")
        return self._ask(request, offer, form, _("Issue “%(title)s” to a list of holders"), words)

    def _start(
        self, request: HttpRequest, offer: Offer, form: OfferIssueForm, kind: Kind, **fields: Any
    ) -> HttpResponse:
        job = start(
            request,
            kind,
            hotel=offer.hotel,
            offer=offer,
            terms=form.terms(offer, timezone.now()),
            form_key=form_key_of(request.POST),
            **fields,
        )
        return lead_on(self, request, job)

    def _offer(self, request: HttpRequest, object_id: str, *, is_allowed: bool) -> Offer | None:
        """Return an offer of the user's own; None, with a message, for any other."""
        if not is_allowed:
            raise PermissionDenied
        offers = self.get_queryset(request).select_related("hotel")
        offer: Offer | None = offers.filter(pk=object_id).first() if is_id(object_id) else None
        if offer is None:
            self.message_user(request, _("There is no such offer."), messages.ERROR)
        return offer

    def _ask(
        self, request: HttpRequest, offer: Offer, form: OfferIssueForm, title: str, words: str
    ) -> HttpResponse:
        key = request.POST.get("form_key") or str(uuid4())
        return ask_page(
            self,
            request,
            title=title % {"title": offer.title},
            button=_("Check") if isinstance(form, HoldersForm) else _("Issue"),
            back=reverse("admin:vouchers_offer_change", args=(offer.pk,)),
            form=form,
            lines=[words % {"zone": offer.hotel.zone.key}],
            hidden=[("form_key", key)],
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the ways to issue."""
        offer = context.get("original")
        if offer is not None:
            context["page_links"] = [
                (reverse(f"admin:vouchers_offer_{name}", args=(offer.pk,)), label)
                for name, label, is_allowed in (
                    ("issue", _("Issue vouchers"), may_issue(request)),
                    ("issue_to", _("Issue to a list"), may_work(request)),
                )
                if is_allowed
            ]
        return super().render_change_form(request, context, *args, **kwargs)


def _typed(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _files(request: HttpRequest) -> Any:
    return request.FILES if request.method == "POST" else None
