"""Guests in the admin: to be seen by the operator."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.admin import ReadOnlyAdmin, is_superuser
from presence.models import Guest, Room, RoomMember


class OperatorAdmin(ReadOnlyAdmin):
    """What belongs to no hotel: only superusers see it."""

    hotel_lookup = ""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Let superusers see it."""
        return is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app to superusers."""
        return is_superuser(request)


@admin.register(Guest)
class GuestAdmin(OperatorAdmin):
    """Guests who have switched their links off."""

    list_display = ("uid", "link_epoch")
    search_fields = ("uid",)
    search_ids: ClassVar[Any] = {"": "uid"}
    search_help_text = _("A uid or its beginning.")
    indexed_ordering = ("uid", "pk")
    ordering = ("uid",)


@admin.register(Room)
class RoomAdmin(OperatorAdmin):
    """Rooms that guests share, and those that were closed in the last week."""

    list_display = ("id", "created_at", "empty_since", "closed_at")
    fields = readonly_fields = ("id", "created_at", "empty_since", "closed_at", "members_told")
    search_fields = ("id", "members__uid")
    search_ids: ClassVar[Any] = {"r-": "pk"}
    search_help_text = _("The id of a room or its beginning, or a whole guest.")
    ordering = ("-id",)

    def words_condition(self, _queryset: QuerySet[Any], words: list[str]) -> Q:
        """Look for a guest among those who have been in a room."""
        return Q(pk__in=RoomMember.objects.filter(uid=" ".join(words)).values("room"))

    @admin.display(description=_("guests"))
    def members_told(self, room: Room) -> str:
        """Return who has been in it."""
        return ", ".join(room.members.order_by("joined_at").values_list("uid", flat=True))
