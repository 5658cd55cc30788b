"""What the admin shows of bookings, and of offers and vouchers, whose pages need calendars and bookings."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.admin_bookings import BookingAdmin
from bookings.admin_filters import DeliveryFilter
from bookings.admin_offers import OfferAdmin
from bookings.admin_pages import span_words
from bookings.admin_vouchers import BookableVoucherAdmin
from bookings.models import Booking, Hold, Mail
from bookings.outbox import owe_again
from portal.admin import HotelFilter, ReadOnlyAdmin, moment_words
from portal.admin_actions import run_each
from vouchers.models import Offer, Voucher

admin.site.register(Offer, OfferAdmin)
admin.site.register(Voucher, BookableVoucherAdmin)
admin.site.register(Booking, BookingAdmin)


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """Mails that are owed, sent and given up; sending again needs the permission to change."""

    list_display = ("created", "kind", "recipient", "booking", "attempts", "sent", "given_up", "last_error")
    list_filter = (DeliveryFilter, "kind")
    list_select_related = ("hotel", "booking")
    search_fields = ("recipient", "booking__id", "guest_uid")
    search_ids: ClassVar[Any] = {"b-": "booking__id"}
    search_values = ("recipient", "guest_uid")
    search_help_text = _("A whole e-mail address, the id of a booking or its beginning, or a whole guest.")
    ordering = ("-id",)
    actions = ("send_again",)
    fields = readonly_fields = (
        "kind",
        "booking",
        "recipient",
        "guest_uid",
        "created",
        "attempts",
        "sent",
        "given_up",
        "last_error",
    )

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, mail: Mail) -> str:
        """Return since when the mail is owed."""
        return moment_words(mail.created_at, mail.hotel.zone)

    @admin.display(description=_("sent"), ordering="sent_at")
    def sent(self, mail: Mail) -> str:
        """Return when the mail was sent."""
        return moment_words(mail.sent_at, mail.hotel.zone) if mail.sent_at else "–"

    @admin.display(description=_("given up"), ordering="failed_at")
    def given_up(self, mail: Mail) -> str:
        """Return when the mail was given up."""
        return moment_words(mail.failed_at, mail.hotel.zone) if mail.failed_at else "–"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may have mails sent again."""
        return request.user.has_perm("bookings.change_mail")

    @admin.action(description=_("Send again"), permissions=["operate"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Owe the chosen mails again."""
        return run_each(
            self,
            request,
            rows,
            lambda key: owe_again(int(key), now=timezone.now()),
            lambda number: (
                ngettext("%(number)d mail is sent again.", "%(number)d mails are sent again.", number)
                % {"number": number}
            ),
        )


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Places held for guests at this moment; those that have lapsed take none and are not shown."""

    hotel_lookup = "offer__hotel"
    list_display = ("slot", "offer", "hotel_name", "kind", "guest_uid", "until", "id")
    list_filter = ("kind", ("offer__hotel", HotelFilter))
    list_select_related = ("offer__hotel",)
    search_fields = ("id", "guest_uid", "offer__title")
    ordering = ("slot_start", "id")
    fields = readonly_fields = ("id", "slot", "offer", "hotel_name", "kind", "guest_uid", "taken", "until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keep what takes a place now."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(expires_at__gt=timezone.now())

    @admin.display(description=_("slot"), ordering="slot_start")
    def slot(self, hold: Hold) -> str:
        """Return the slot by the hotel's clock."""
        return span_words(hold.slot_start, hold.slot_end, hold.offer.hotel.zone)

    @admin.display(description=_("hotel"), ordering="offer__hotel__name")
    def hotel_name(self, hold: Hold) -> str:
        """Return whose offer it is."""
        return hold.offer.hotel.name

    @admin.display(description=_("taken"), ordering="taken_at")
    def taken(self, hold: Hold) -> str:
        """Return since when the place is held."""
        return moment_words(hold.taken_at, hold.offer.hotel.zone)

    @admin.display(description=_("held until"), ordering="expires_at")
    def until(self, hold: Hold) -> str:
        """Return until when the place is held."""
        return moment_words(hold.expires_at, hold.offer.hotel.zone)
