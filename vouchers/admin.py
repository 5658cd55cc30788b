"""Hotels and batches in the admin; vouchers and offers are registered by `bookings.admin`."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from events.admin_journal import JournalledAdmin
from portal.admin import HotelFilter, ReadOnlyAdmin, is_superuser, moment_of
from vouchers.models import Batch, Hotel


@admin.register(Hotel)
class HotelAdmin(JournalledAdmin):
    """Hotels; who belongs to one, and which hotels there are, is decided by superusers."""

    hotel_lookup = "pk"
    journal_noun = "hotel"
    list_display = ("name", "uid", "time_zone", "default_currency", "default_language", "email")
    list_filter = ("default_language", "default_currency")
    search_fields = ("name", "uid", "address", "email")
    ordering = ("name",)
    autocomplete_fields = ("staff",)
    fieldsets = (
        (None, {"fields": ("uid", "name", "staff")}),
        (_("Time, language and money"), {"fields": ("time_zone", "default_language", "default_currency")}),
        (_("Contact"), {"fields": ("address", "email", "phone")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Hotel | None = None) -> tuple[str, ...]:
        """Keep the uid for ever, and the staff to superusers: who is staff sees what guests wrote."""
        fixed = ("uid",) if obj else ()
        return fixed if is_superuser(request) else (*fixed, "staff")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers add hotels: anyone else could not see what they added."""
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Let superusers delete a hotel; one that has offers or vouchers is protected."""
        return is_superuser(request)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    """Vouchers issued together, and how many of them nobody holds."""

    list_display = (
        "title",
        "hotel",
        "open_issued",
        "open_consumed",
        "open_cancelled",
        "open_expired",
        "until",
        "id",
    )
    list_filter = (("hotel", HotelFilter), ("created_at", admin.DateFieldListFilter))
    list_select_related = ("hotel",)
    search_fields = ("id", "title")
    search_ids: ClassVar[Any] = {"vb-": "pk"}
    search_words = ("title",)
    search_help_text = _("An id or its beginning, or words of the title.")
    ordering = ("-id",)
    until = moment_of("valid_until", _("valid until"))
    since = moment_of("valid_from", _("valid from"))
    created = moment_of("created_at", _("created"))
    fields = readonly_fields = (
        "id",
        "title",
        "description",
        "hotel",
        "offer",
        "service_type",
        "duration_minutes",
        "price_amount",
        "price_currency",
        "transferable",
        "terms",
        "since",
        "until",
        "created",
        "open_issued",
        "open_consumed",
        "open_cancelled",
        "open_expired",
    )
