"""Guests in the admin: to be seen by the operator."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from portal.admin import ReadOnlyAdmin, is_superuser
from presence.models import Guest


@admin.register(Guest)
class GuestAdmin(ReadOnlyAdmin):
    """Guests who have switched their links off; they belong to no hotel, so only superusers see them."""

    hotel_lookup = ""
    list_display = ("uid", "link_epoch")
    search_fields = ("uid",)
    ordering = ("uid",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Let superusers see them."""
        return is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app to superusers."""
        return is_superuser(request)
