"""Offers in the admin: calendars and places, a look at the coming week, issuing vouchers."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Field
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin_offer_forms import HoursFormSet, NamedFormSet, OfferForm
from bookings.admin_offer_preview import PreviewingAdmin
from events.queries import journal_of
from portal.admin import HotelFilter
from portal.ids import new_id
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
        """Add the coming week, the journal and the way to its vouchers."""
        offer = context.get("original")
        context["can_type"] = self.has_change_permission(request, offer) if offer else True
        context.setdefault("week", self.saved_week(offer))
        if offer is not None:
            context["zone"] = offer.hotel.zone
            context["journal"] = journal_of(offer.pk)
            context["vouchers_url"] = vouchers_url(offer=offer.pk)
        return super().render_change_form(request, context, *args, **kwargs)


def vouchers_url(**rows: str) -> str:
    """Return the address of the list of vouchers of an offer or a batch."""
    query = urlencode({f"{name}__id__exact": key for name, key in rows.items()})
    return f"{reverse('admin:vouchers_voucher_changelist')}?{query}"
