"""The journal in the admin: to be read."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from events.admin_filters import HotelUidFilter, TypeFilter
from events.models import Event
from events.queries import details, differences
from portal.actors import staff, system
from portal.admin import ReadOnlyAdmin, moment_words

_UTC = ZoneInfo("UTC")
# Where the admin shows what an event is about; the apps above are known by name alone.
_PAGES = {
    "voucher": "vouchers_voucher",
    "booking": "bookings_booking",
    "offer": "vouchers_offer",
    "hotel": "vouchers_hotel",
    "key": "access_apikey",
    "webhook": "webhooks_subscription",
    "staff": "auth_user",
    "room": "presence_room",
    "job": "bulk_job",
}


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Who changed what and when, with before and after."""

    hotel_lookup = "issuer_uid"
    list_display = ("created", "type", "subject_id", "actor_id", "issuer_uid", "changes")
    list_filter = (
        ("created_at", admin.DateFieldListFilter),
        ("type", TypeFilter),
        ("issuer_uid", HotelUidFilter),
    )
    search_fields = ("subject_id", "actor_id")
    search_help_text = gettext_lazy(
        "The whole id of a voucher, booking, offer or hotel, or the whole name of who did it."
    )
    ordering = ("-id",)
    sortable_by = ()
    fields = readonly_fields = (
        "created",
        "type",
        "subject_type",
        "subject",
        "actor_id",
        "issuer_uid",
        "before_and_after",
        "further",
        "id",
    )

    def words_condition(self, _queryset: QuerySet[Any], words: list[str]) -> Q:
        """Look for a subject, or for who did it, with and without the kind of actor before it."""
        text = " ".join(words)
        return Q(subject_id=text) | Q(actor_id__in=(text, staff(text).id, system(text).id))

    @admin.display(description=gettext_lazy("time"))
    def created(self, event: Event) -> str:
        """Return when it happened, in UTC: the journal is of many hotels."""
        at: datetime = event.created_at.astimezone(UTC)
        return moment_words(at, _UTC)

    @admin.display(description=gettext_lazy("subject"))
    def subject(self, event: Event) -> SafeString | str:
        """Return the subject's id, with the way to its page where it has one."""
        page = _PAGES.get(event.subject_type)
        if page is None:
            return event.subject_id
        address = reverse(f"admin:{page}_change", args=(event.subject_id,))
        return format_html('<a href="{}">{}</a>', address, event.subject_id)

    @admin.display(description=gettext_lazy("changes"))
    def changes(self, event: Event) -> str:
        """Return the changes in one line."""
        return "; ".join(f"{each.name}: {each.before} → {each.after}" for each in differences(event))

    @admin.display(description=gettext_lazy("before and after"))
    def before_and_after(self, event: Event) -> SafeString | str:
        """Return the changes as a table."""
        rows = [(each.name, each.before, each.after) for each in differences(event)]
        if not rows:
            return "–"
        return format_html(
            '<table><thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr>'
            "</thead><tbody>{}</tbody></table>",
            _("what"),
            _("before"),
            _("after"),
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows),
        )

    @admin.display(description=gettext_lazy("details"))
    def further(self, event: Event) -> SafeString | str:
        """Return what else the event says."""
        return format_html_join("", "<div>{}: {}</div>", details(event)) or "–"
