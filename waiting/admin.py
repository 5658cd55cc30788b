"""The waiting list in the admin: to be seen."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.admin_pages import span_words
from events.queries import journal_of
from portal.admin import HotelFilter, ReadOnlyAdmin, moment_of
from portal.formats import day_words, time_words
from waiting.models import Entry


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Who waits for what, in which order, and what became of it."""

    change_form_template = "admin/record_change_form.html"
    list_display = ("wish", "title", "hotel", "guest_name", "state", "joined", "offered", "until", "id")
    list_filter = ("state", ("hotel", HotelFilter))
    list_select_related = ("hotel",)
    search_fields = ("id", "title", "guest_name", "guest_email", "guest_uid")
    search_ids: ClassVar[Any] = {"q-": "pk"}
    search_values = ("guest_uid",)
    search_words = ("title", "guest_name", "guest_email")
    search_help_text = _(
        "An id or its beginning; words of the title, the name or e-mail address; the whole uid of a guest."
    )
    date_hierarchy = "day"
    ordering = ("day", "joined_at", "id")
    joined = moment_of("joined_at", _("joined"))
    until = moment_of("offered_until", _("offered until"))
    ended = moment_of("ended_at", _("ended"))
    fields = readonly_fields = (
        "id", "wish", "title", "hotel", "offer", "promise_key", "guest_name", "guest_email", "guest_uid",
        "language", "state", "joined", "offered", "until", "booking_id", "ended",
    )  # fmt: skip

    @admin.display(description=_("waits for"), ordering="day")
    def wish(self, entry: Entry) -> str:
        """Return the day, and the time where it is one slot alone."""
        day = day_words(entry.day, with_year=True)
        return f"{day}, {time_words(entry.slot_start, entry.hotel.zone)}" if entry.slot_start else day

    @admin.display(description=_("offered slot"), ordering="offered_start")
    def offered(self, entry: Entry) -> str:
        """Return the slot that is, or last was, offered."""
        slot = entry.slot_offered
        return span_words(slot.start, slot.end, entry.hotel.zone) if slot else "–"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the journal of the entry."""
        entry = context.get("original")
        if entry is not None:
            context["journal"] = journal_of(entry.pk)
            context["zone"] = entry.hotel.zone
        return super().render_change_form(request, context, *args, **kwargs)
