"""Vouchers in the admin: issue, redeem, undo, hand to a guest. `bookings.admin` adds withdrawing."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from events.queries import journal_of
from portal.admin import HotelFilter, acting, moment_of
from portal.admin_actions import run_each
from portal.errors import Rejected
from vouchers import states
from vouchers.admin_claims import ClaimLinkAdmin
from vouchers.admin_filters import ServiceFilter, ShownStatusFilter, ValidityFilter, title_holds
from vouchers.admin_forms import IssueOneForm
from vouchers.domain import UNDO_WINDOW, issue_vouchers, redeem_voucher, undo_redemption
from vouchers.models import Hotel, Offer, Voucher
from vouchers.states import Status


class VoucherAdmin(ClaimLinkAdmin):
    """Vouchers as guests see them; whatever changes one is a verb of the domain.

    Issuing needs the permission to add, redeeming, undoing and handing out that to change,
    withdrawing that to delete.
    """

    change_form_template = "admin/record_change_form.html"
    list_display = ("title", "shown", "hotel", "service_type", "until", "holder_uid", "id")
    # No date hierarchy: with 300,000 vouchers it took five of the list's seconds on SQLite.
    list_filter = (
        ShownStatusFilter,
        ("hotel", HotelFilter),
        ServiceFilter,
        ValidityFilter,
        ("created_at", admin.DateFieldListFilter),
    )
    list_select_related = ("hotel",)
    search_fields = ("id", "holder_uid", "title")
    search_ids: ClassVar[Any] = {"v-": "pk", "vb-": "batch__id"}
    search_values = ("holder_uid",)
    search_help_text = gettext_lazy("An id or its beginning, a whole holder, or words of the title.")
    ordering = ("-id",)
    actions: Sequence[str] = ("redeem", "undo")
    since = moment_of("valid_from", gettext_lazy("valid from"))
    until = moment_of("valid_until", gettext_lazy("valid until"))
    expires = moment_of("expires_at", gettext_lazy("expires"))
    redeemed = moment_of("redeemed_at", gettext_lazy("redeemed"))
    created = moment_of("created_at", gettext_lazy("created"))
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "shown", "title", "description", "hotel", "offer", "batch", "holder_uid")}),
        (
            gettext_lazy("What was promised"),
            {
                "fields": (
                    "service_type",
                    "duration_minutes",
                    "cancel_notice_minutes",
                    "price_amount",
                    "price_currency",
                    "transferable",
                    "terms",
                    "since",
                    "until",
                )
            },
        ),
        (
            gettext_lazy("State"),
            {"fields": ("status", "expires", "redeemed", "status_before", "created")},
        ),
    )
    readonly_fields = ("shown", "since", "until", "expires", "redeemed", "status_before", "created")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the status that everyone sees now."""
        rows: Any = super().get_queryset(request)
        shown: QuerySet[Any] = rows.with_shown_status(timezone.now())
        return shown

    def words_condition(self, _queryset: QuerySet[Any], words: list[str]) -> Q:
        """Look for words in the titles of batches, and of the vouchers that have none."""
        return title_holds(words)

    @admin.display(description=gettext_lazy("status"), ordering="shown_status")
    def shown(self, voucher: Any) -> str:
        """Return the status as the guest sees it."""
        return str(Status(voucher.shown_status).label)

    @admin.display(description=gettext_lazy("status before redeeming"))
    def status_before(self, voucher: Voucher) -> str:
        """Return the status that undoing the redemption goes back to."""
        return voucher.get_redeemed_from_display() or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may issue vouchers."""
        return request.user.has_perm("vouchers.add_voucher")

    @admin.action(description=gettext_lazy("Redeem"), permissions=["operate"])
    def redeem(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Redeem the chosen vouchers."""
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: redeem_voucher(voucher_id=key, by=by, now=timezone.now()),
            lambda number: (
                ngettext("%(number)d voucher redeemed.", "%(number)d vouchers redeemed.", number)
                % {"number": number}
            ),
        )

    @admin.action(description=gettext_lazy("Undo redemption"), permissions=["operate"])
    def undo(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Take the redemption of the chosen vouchers back, within five minutes."""
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: undo_redemption(voucher_id=key, by=by, now=timezone.now()),
            lambda number: (
                ngettext("%(number)d redemption undone.", "%(number)d redemptions undone.", number)
                % {"number": number}
            ),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Issue one voucher by the domain's verb; nothing is saved by a form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = IssueOneForm(
            request.POST if request.method == "POST" else None,
            hotels=self.admin_site.get_model_admin(Hotel).get_queryset(request),
            offers=self.admin_site.get_model_admin(Offer).get_queryset(request),
        )
        if request.method == "POST" and form.is_valid():
            voucher = self._issue(request, form)
            if voucher is not None:
                words = _("Voucher %(id)s issued.") % {"id": voucher.pk}
                self.message_user(request, words, messages.SUCCESS)
                if "_addanother" in request.POST:
                    return redirect("admin:vouchers_voucher_add")
                if not self.has_view_permission(request):
                    return redirect("admin:index")
                return redirect("admin:vouchers_voucher_change", voucher.pk)
        page = helpers.AdminForm(
            cast(Any, form), [(None, {"fields": list(form.fields)})], {}, (), model_admin=self
        )
        context = {
            **self.admin_site.each_context(request),
            "title": _("Issue a voucher"),
            "adminform": page,
            "object_id": None,
            "original": None,
            "is_popup": False,
            "to_field": None,
            "media": self.media + page.media,
            "inline_admin_formsets": [],
            "errors": form.errors,
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        return self.render_change_form(request, context, add=True, change=False, form_url=form_url)

    def _issue(self, request: HttpRequest, form: IssueOneForm) -> Voucher | None:
        """Issue what the form says; None, with the sentence in the form, when it is refused."""
        now = timezone.now()
        data = form.cleaned_data
        try:
            return issue_vouchers(
                hotel=data["issuer_uid"],
                offer=data["offer"],
                terms=form.issue_terms(now),
                holder_uid=data["holder_uid"],
                by=acting(request),
                now=now,
            )[0]
        except Rejected as error:
            form.add_error(None, error.message)
            return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what can be done with the voucher, and its journal."""
        voucher = context.get("original")
        if voucher is not None:
            context["journal"] = journal_of(voucher.pk)
            context["zone"] = voucher.hotel.zone
            allowed = self.get_actions(request)
            context["page_actions"] = [
                (name, label) for name, label in self.page_actions(voucher) if name in allowed
            ]
            context["page_links"] = self.claim_links(request, voucher)
        return super().render_change_form(request, context, *args, **kwargs)

    def page_actions(self, voucher: Any) -> list[tuple[str, str]]:
        """Return the actions that a voucher's state allows, with their labels."""
        now = timezone.now()
        found = []
        if voucher.shown_status in states.sources("redeem"):
            found.append(("redeem", _("Redeem")))
        if voucher.redeemed_at is not None and now - voucher.redeemed_at <= UNDO_WINDOW:
            found.append(("undo", _("Undo redemption")))
        return found
