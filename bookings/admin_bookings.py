"""Bookings in the admin: by day, by the hotel's clock; cancelling and marking who did not come."""

from collections.abc import Iterable
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin_filters import DayFilter
from bookings.admin_move import MovingAdmin, is_movable
from bookings.admin_pages import slot_words
from bookings.domain import cancel_booking, mark_no_show
from bookings.models import Booking, BookingStatus
from bookings.outbox import owe_booking_mail
from events.queries import journal_of
from portal.admin import HotelFilter, acting, hotels_of, is_superuser, moment_of
from portal.admin_actions import APPLY, ReasonForm, ask_first, run_each
from portal.errors import Conflict
from vouchers.models import Hotel
from vouchers.states import Status

_UTC = ZoneInfo("UTC")


class BookingAdmin(MovingAdmin):
    """Bookings; cancelling and marking need the permission to change."""

    change_form_template = "admin/record_change_form.html"
    change_list_template = "admin/bookings/booking/change_list.html"
    list_display = ("slot", "what", "hotel", "guest_name", "here", "state", "id")
    list_filter = (DayFilter, ("hotel", HotelFilter), "status")
    list_select_related = ("hotel", "voucher")
    search_fields = ("id", "voucher__id", "guest_name", "guest_email", "holder_uid")
    search_ids: ClassVar[Any] = {"b-": "pk", "v-": "voucher__id"}
    search_values = ("holder_uid",)
    search_words = ("guest_name", "guest_email")
    search_help_text = gettext_lazy(
        "Id of the booking or its voucher, or its beginning; words of the name or e-mail address; "
        "a whole holder."
    )
    indexed_ordering = ("id", "pk", "slot_start")
    actions = ("cancel", "move", "send_again", "no_show")
    created = moment_of("created_at", gettext_lazy("created"))
    cancelled = moment_of("cancelled_at", gettext_lazy("cancelled"))
    marked = moment_of("no_show_at", gettext_lazy("marked as not come"))
    here = moment_of("arrived_at", gettext_lazy("arrived"))
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "slot", "state", "hotel", "offer", "voucher", "voucher_key", "slot_key")}),
        (
            gettext_lazy("Guest"),
            {"fields": ("guest_name", "guest_email", "guest_note", "holder_uid", "language")},
        ),
        (
            gettext_lazy("What happened"),
            {"fields": ("status", "created", "here", "cancelled", "cancel_reason", "marked", "revision")},
        ),
    )
    readonly_fields = (
        "slot",
        "state",
        "voucher_key",
        "slot_key",
        "created",
        "here",
        "cancelled",
        "marked",
        "revision",
    )

    @admin.display(description=gettext_lazy("slot"), ordering="slot_start")
    def slot(self, booking: Booking) -> str:
        """Return the slot by the hotel's clock."""
        return slot_words(booking)

    @admin.display(description=gettext_lazy("id of the voucher"), ordering="voucher_id")
    def voucher_key(self, booking: Booking) -> str:
        """Return the id of the booked voucher."""
        return booking.voucher_id

    @admin.display(description=gettext_lazy("id of the slot"), ordering="slot_start")
    def slot_key(self, booking: Booking) -> str:
        """Return the slot's id as the portal's addresses have it."""
        return booking.slot_id

    @admin.display(description=gettext_lazy("what"))
    def what(self, booking: Booking) -> str:
        """Return what is booked."""
        return booking.voucher.title

    @admin.display(description=gettext_lazy("state"))
    def state(self, booking: Booking) -> str:
        """Return what has become of the booking: of the slot, the voucher and the guest."""
        if not booking.is_standing:
            return str(BookingStatus.CANCELLED.label)
        if booking.no_show_at and booking.voucher.status != Status.CONSUMED:
            return _("Not come")
        return str(booking.voucher.shown(timezone.now()).label)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may cancel and mark bookings."""
        return request.user.has_perm("bookings.change_booking")

    @admin.action(description=gettext_lazy("Cancel…"), permissions=["operate"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then cancel the chosen bookings."""
        form = ReasonForm(request.POST if APPLY in request.POST else None)
        if not form.is_valid():
            return ask_first(
                self,
                request,
                rows,
                action="cancel",
                title=_("Cancel bookings"),
                button=_("Cancel the bookings"),
                lines=_consequences,
                form=form,
            )
        by, reason = acting(request), form.cleaned_data["reason"]

        def verb(key: str) -> None:
            now = timezone.now()
            if cancel_booking(booking_id=key, by=by, now=now, reason=reason).cancelled_at != now:
                raise Conflict("booking_cancelled", gettext_lazy("This booking has been cancelled."))

        return run_each(self, request, rows, verb, _cancelled_words)

    @admin.action(description=gettext_lazy("Send the e-mail again…"), permissions=["operate"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then owe the guests of the chosen bookings the e-mail that tells how things stand."""
        if APPLY not in request.POST:
            return ask_first(
                self,
                request,
                rows,
                action="send_again",
                title=_("Send e-mails again"),
                button=_("Send the e-mails"),
                lines=_mails,
                form=forms.Form(),
            )
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: owe_booking_mail(booking_id=key, by=by, now=timezone.now()),
            lambda number: (
                ngettext("%(number)d e-mail is sent again.", "%(number)d e-mails are sent again.", number)
                % {"number": number}
            ),
        )

    @admin.action(description=gettext_lazy("Mark as not come"), permissions=["operate"])
    def no_show(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Mark that the guests of the chosen bookings did not come."""
        by = acting(request)

        def verb(key: str) -> None:
            now = timezone.now()
            if mark_no_show(booking_id=key, by=by, now=now).no_show_at != now:
                raise Conflict("booking_marked", gettext_lazy("This booking is marked already."))

        return run_each(self, request, rows, verb, _marked_words)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Put what comes next first where the list is of what is to come."""
        if request.GET.get(DayFilter.parameter_name) in DayFilter.COMING:
            return ("slot_start", "id")
        return ("-slot_start", "-id")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list with days as the clock of the chosen hotel, or of the user's only one, has them."""
        zone = self.zone_of_days(request)
        context = {"subtitle": _("Days by the clock of %(zone)s") % {"zone": zone.key}}
        with timezone.override(zone):
            response = super().changelist_view(request, {**context, **(extra_context or {})})
            # Days are told apart while the page is written, so that has to happen here.
            return response.render() if isinstance(response, TemplateResponse) else response

    def zone_of_days(self, request: HttpRequest) -> ZoneInfo:
        """Return the clock of the chosen hotel, or of the user's only one; UTC for several."""
        hotels = Hotel.objects.all() if is_superuser(request) else hotels_of(request)
        chosen = request.GET.get("hotel__uid__exact")
        if chosen:
            hotels = hotels.filter(pk=chosen)
        zones = list(hotels.order_by().values_list("time_zone", flat=True).distinct()[:2])
        return ZoneInfo(zones[0]) if len(zones) == 1 else _UTC

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what can be done with the booking, and the journal of it and its voucher."""
        booking = context.get("original")
        if booking is not None:
            context["journal"] = journal_of(booking.pk, booking.voucher_id)
            context["zone"] = booking.hotel.zone
            allowed = self.get_actions(request)
            context["page_actions"] = [
                (name, label) for name, label in _page_actions(booking) if name in allowed
            ]
            if "move" in allowed and is_movable(booking):
                address = reverse("admin:bookings_booking_move", args=(booking.pk,))
                context["page_links"] = [(address, _("Move…"))]
        return super().render_change_form(request, context, *args, **kwargs)


def _page_actions(booking: Booking) -> list[tuple[str, str]]:
    now = timezone.now()
    found = []
    if booking.is_standing and booking.voucher.shown(now) == Status.BOOKED:
        found.append(("cancel", _("Cancel…")))
    if booking.guest_email:
        found.append(("send_again", _("Send the e-mail again…")))
    consumed = booking.voucher.status == Status.CONSUMED
    if booking.is_standing and not booking.no_show_at and not consumed and booking.slot_start <= now:
        found.append(("no_show", _("Mark as not come")))
    return found


def _cancelled_words(number: int) -> str:
    words = ngettext("%(number)d booking cancelled.", "%(number)d bookings cancelled.", number)
    return words % {"number": number}


def _marked_words(number: int) -> str:
    words = ngettext(
        "%(number)d booking marked as not come.", "%(number)d bookings marked as not come.", number
    )
    return words % {"number": number}


def _mails(bookings: list[Any]) -> Iterable[str]:
    """Say of each booking which e-mail is sent, and to whom."""
    for booking in bookings:
        named = f"{booking.voucher.title}, {slot_words(booking)}"
        if not booking.guest_email:
            yield _("%(booking)s: the guest left no e-mail address.") % {"booking": named}
        elif booking.is_standing:
            values = {"booking": named, "address": booking.guest_email}
            yield _("%(booking)s: the confirmation goes to %(address)s.") % values
        else:
            values = {"booking": named, "address": booking.guest_email}
            yield _("%(booking)s: the note of the cancellation goes to %(address)s.") % values


def _consequences(bookings: list[Any]) -> Iterable[str]:
    """Say of each booking what cancelling changes."""
    now = timezone.now()
    for booking in bookings:
        named = f"{booking.voucher.title}, {slot_words(booking)}"
        if booking.guest_name:
            named = f"{named}, {booking.guest_name}"
        if not booking.is_standing or booking.voucher.shown(now) != Status.BOOKED:
            yield _("%(booking)s stays as it is.") % {"booking": named}
        elif booking.guest_email:
            yield _("%(booking)s: the place is free again, and the guest is told by e-mail.") % {
                "booking": named
            }
        else:
            yield _("%(booking)s: the place is free again; the guest left no e-mail address.") % {
                "booking": named
            }
