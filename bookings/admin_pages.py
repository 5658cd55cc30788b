"""Further pages of bookings in the admin: a calendar, and who is online."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.admin_calendar import CalendarPlaceForm, span_of
from bookings.models import Booking
from bookings.online import guests_online
from portal import formats
from portal.admin import ReadOnlyAdmin
from vouchers.models import Hotel

_UTC = ZoneInfo("UTC")


def slot_words(booking: Booking) -> str:
    """Return a booking's slot by its hotel's clock, with year and zone."""
    return span_words(booking.slot_start, booking.slot_end, booking.hotel.zone)


def span_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return a slot by a clock whose zone is named, with its year."""
    day = formats.day_words(start.astimezone(zone).date(), with_year=True)
    return f"{day}, {formats.time_words(start, zone)}–{formats.time_words(end, zone)} ({zone.key})"


class BookingPages(ReadOnlyAdmin):
    """The pages that bookings have beside their list."""

    def get_urls(self) -> list[Any]:
        """Add the calendar, and the page that says who is online."""
        wrap = self.admin_site.admin_view
        return [
            path("online/", wrap(self.online_page), name="bookings_booking_online"),
            path("calendar/", wrap(self.calendar_page), name="bookings_booking_calendar"),
            *super().get_urls(),
        ]

    def _hotels(self, request: HttpRequest) -> QuerySet[Hotel]:
        """Return the user's hotels; raises PermissionDenied for who may not see bookings."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return Hotel.objects.of_staff(request.user)

    def calendar_page(self, request: HttpRequest) -> HttpResponse:
        """Show a day or a week of bookings."""
        hotels, now = self._hotels(request), timezone.now()
        form = CalendarPlaceForm(request.GET)
        form.is_valid()
        place = form.cleaned_data
        chosen = hotels.filter(pk=place["hotel"]).first() if place.get("hotel") else None
        today = now.astimezone(chosen.zone if chosen else _UTC).date()
        shown = hotels.filter(pk=chosen.pk) if chosen else hotels
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Calendar of bookings"),
            "span": span_of(shown, place.get("view") or "", place.get("day") or today, now),
            "hotels": hotels,
            "hotel": chosen,
            "today": today,
            "has_hotel_names": chosen is None and hotels.count() > 1,
        }
        return TemplateResponse(request, "admin/bookings/booking/calendar.html", context)

    def online_page(self, request: HttpRequest) -> HttpResponse:
        """Show which guests of the user's hotels are online now, with what they have booked today."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Who is online now"),
            "guests": guests_online(self._hotels(request), timezone.now()),
        }
        return TemplateResponse(request, "admin/bookings/booking/online.html", context)
