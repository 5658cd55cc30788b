"""Offers in the admin: calendars and places, a look at the coming week, issuing vouchers."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Field, QuerySet
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin_offer_forms import HoursFormSet, NamedFormSet, OfferForm
from bookings.admin_offer_preview import PreviewingAdmin
from events.queries import journal_of
from portal.admin import HotelFilter, acting
from portal.admin_actions import ask_page
from portal.errors import Rejected
from portal.ids import new_id
from vouchers.admin_forms import OfferIssueForm
from vouchers.domain import issue_vouchers
from vouchers.models import Closure, Offer, OpeningHours, Voucher

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Offer]
else:
    TabularInline = admin.TabularInline


class NamedInline(TabularInline):
    """Inline rows whose fields say their names to those who cannot see the table's heading."""

    extra = 1

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """Name the field."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and field.label:
            field.widget.attrs["aria-label"] = field.label
        return field


class HoursInline(NamedInline):
    """An offer's opening hours."""

    model = OpeningHours
    formset = HoursFormSet
    verbose_name_plural = gettext_lazy("opening hours, by the hotel's clock")


class ClosureInline(NamedInline):
    """An offer's closures."""

    model = Closure
    formset = NamedFormSet


class OfferAdmin(PreviewingAdmin):
    """Offers with their opening hours and closures."""

    form = OfferForm
    change_form_template = "admin/vouchers/offer/change_form.html"
    journal_noun = "offer"
    journal_lists = {
        "opening_hours": ("weekday", "opens", "closes"),
        "closures": ("first_day", "last_day", "reason"),
    }
    inlines = (HoursInline, ClosureInline)
    list_display = (
        "title",
        "hotel",
        "service_type",
        "duration_minutes",
        "capacity",
        "price_amount",
        "price_currency",
        "is_active",
    )
    list_filter = (("hotel", HotelFilter), "is_active", "transferable")
    list_select_related = ("hotel",)
    search_fields = ("title", "id", "service_type")
    ordering = ("hotel__name", "title")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("hotel", "title", "description", "service_type", "is_active")}),
        (
            gettext_lazy("Time and places"),
            {"fields": ("duration_minutes", "step_minutes", "capacity", "max_per_guest")},
        ),
        (
            gettext_lazy("Notice and validity"),
            {"fields": ("min_notice_minutes", "cancel_notice_minutes", "validity_days")},
        ),
        (
            gettext_lazy("Price and terms"),
            {
                "fields": ("price_amount", "price_currency", "transferable", "terms"),
                "description": gettext_lazy(
                    "Vouchers that are issued already keep what was promised with them."
                ),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Offer | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Keep the hotel for ever: vouchers of the offer are that hotel's."""
        return ("hotel",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:  # noqa: FBT001
        """Save the offer; a new one gets its id."""
        if not change:
            obj.pk = new_id("o", timezone.now())
        super().save_model(request, obj, form, change)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete an offer that never had a voucher; explain why any other stays."""
        offer = self.get_object(request, object_id)
        if offer is not None and self.has_delete_permission(request, offer):
            if Voucher.objects.filter(offer=offer).exists():
                return self._keep(request, offer)
            try:
                return super().delete_view(request, object_id, extra_context)
            except IntegrityError:
                # A voucher was issued while the offer was being deleted.
                return self._keep(request, offer)
        return super().delete_view(request, object_id, extra_context)

    def _keep(self, request: HttpRequest, offer: Offer) -> HttpResponse:
        words = _(
            "“%(title)s” cannot be deleted: vouchers of it were issued. Take the mark from “active”"
            " instead; then no more are issued, and those that guests have stay good."
        )
        self.message_user(request, words % {"title": offer.title}, messages.ERROR)
        return redirect("admin:vouchers_offer_change", offer.pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the coming week, the journal and the way to issue vouchers."""
        offer = context.get("original")
        context["can_type"] = self.has_change_permission(request, offer) if offer else True
        context.setdefault("week", self.saved_week(offer))
        if offer is not None:
            context["zone"] = offer.hotel.zone
            context["journal"] = journal_of(offer.pk)
            if self.has_issue_permission(request):
                context["issue_url"] = reverse("admin:vouchers_offer_issue", args=(offer.pk,))
            context["vouchers_url"] = _vouchers_url(offer=offer.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_issue_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may issue vouchers."""
        return request.user.has_perm("vouchers.add_voucher")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that issues vouchers."""
        view = self.admin_site.admin_view(self.issue)
        return [path("<path:object_id>/issue/", view, name="vouchers_offer_issue"), *super().get_urls()]

    actions = ("issue_selected",)

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
        if not self.has_issue_permission(request):
            raise PermissionDenied
        offer: Offer | None = self.get_queryset(request).select_related("hotel").filter(pk=object_id).first()
        if offer is None:
            self.message_user(request, _("There is no such offer."), messages.ERROR)
            return redirect("admin:vouchers_offer_changelist")
        form = OfferIssueForm(request.POST if request.method == "POST" else None, zone=offer.hotel.zone)
        if request.method == "POST" and form.is_valid():
            vouchers = self._issue(request, offer, form)
            if vouchers:
                words = ngettext(
                    "%(number)d voucher of “%(title)s” issued.",
                    "%(number)d vouchers of “%(title)s” issued.",
                    len(vouchers),
                )
                values = {"number": len(vouchers), "title": offer.title}
                self.message_user(request, words % values, messages.SUCCESS)
                return redirect(_vouchers_url(batch=vouchers[0].batch_id or ""))
        return ask_page(
            self,
            request,
            title=_("Issue vouchers of “%(title)s”") % {"title": offer.title},
            button=_("Issue"),
            back=reverse("admin:vouchers_offer_change", args=(offer.pk,)),
            form=form,
            lines=[
                _("They are open: any guest can book them. Times are in %(zone)s.")
                % {"zone": offer.hotel.zone.key}
            ],
        )

    def _issue(self, request: HttpRequest, offer: Offer, form: OfferIssueForm) -> list[Voucher]:
        """Issue what the form says; none, with the sentence in the form, when it is refused."""
        now = timezone.now()
        try:
            return issue_vouchers(
                hotel=offer.hotel,
                offer=offer,
                terms=form.terms(offer, now),
                count=form.cleaned_data["count"],
                by=acting(request),
                now=now,
            )
        except Rejected as error:
            form.add_error(None, error.message)
            return []


def _vouchers_url(**rows: str) -> str:
    """Return the address of the list of vouchers of an offer or a batch."""
    query = urlencode({f"{name}__id__exact": key for name, key in rows.items()})
    return f"{reverse('admin:vouchers_voucher_changelist')}?{query}"
