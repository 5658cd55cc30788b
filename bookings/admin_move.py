"""Moving a booking in the admin: a week of free slots to choose from."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin_calendar import CalendarPlaceForm
from bookings.admin_pages import BookingPages, slot_words
from bookings.calendars import calendar_of, taken_for
from bookings.domain import move_booking
from bookings.models import Booking
from bookings.slot_ids import parse_slot_id, slot_id
from bookings.slots import Day, days
from portal import formats
from portal.admin import acting
from portal.admin_actions import ask_page
from portal.errors import Rejected
from portal.ids import is_id
from vouchers.states import Status

_WEEK = timedelta(days=7)


class FreeSlotField(forms.ChoiceField):
    """One of the free slots that are shown; one that was taken meanwhile is the domain's to refuse."""

    def validate(self, value: Any) -> None:
        """Ask for a slot; which it is, the domain judges."""
        forms.Field.validate(self, value)


class MoveToForm(forms.Form):
    """The slot that a booking moves to, among free ones."""

    slot = FreeSlotField(label=gettext_lazy("New time"))

    def __init__(self, *args: Any, choices: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slot"].choices = choices  # type: ignore[attr-defined]

    def clean_slot(self) -> Any:
        """Return when the chosen slot starts."""
        start = parse_slot_id(self.cleaned_data["slot"])
        if start is None:
            raise forms.ValidationError(_("Choose a time."), code="slot_invalid")
        return start


class MovingAdmin(BookingPages):
    """Bookings with a page that moves one."""

    def get_urls(self) -> list[Any]:
        """Add the page that moves a booking."""
        view = self.admin_site.admin_view(self.move_page)
        return [path("<path:object_id>/move/", view, name="bookings_booking_move"), *super().get_urls()]

    @admin.action(description=gettext_lazy("Move…"), permissions=["operate"])
    def move(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Go to the page that moves the one chosen booking."""
        keys = list(rows.values_list("pk", flat=True)[:2])
        if len(keys) == 1:
            return redirect("admin:bookings_booking_move", keys[0])
        self.message_user(request, _("Choose one booking to move."), messages.ERROR)
        return None

    def move_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a free slot of a week, then move the booking there."""
        if not request.user.has_perm("bookings.change_booking"):
            raise PermissionDenied
        booking = self.get_object(request, object_id) if is_id(object_id) else None
        if booking is None:
            self.message_user(request, _("There is no such booking."), messages.ERROR)
            return redirect("admin:bookings_booking_changelist")
        back = reverse("admin:bookings_booking_change", args=(booking.pk,))
        if not is_movable(booking):
            self.message_user(request, _("This booking can no longer be moved."), messages.ERROR)
            return redirect(back)
        week = self._week(request, booking)
        choices = _choices(week, booking)
        form = MoveToForm(request.POST if request.method == "POST" else None, choices=choices)
        if form.is_valid() and self._move(request, booking, form):
            words = _("Moved: %(booking)s.") % {"booking": _named(booking)}
            self.message_user(request, words, messages.SUCCESS)
            return redirect(back)
        nothing = [] if choices else [_("Nothing is free in these days.")]
        return ask_page(
            self,
            request,
            title=_("Move a booking"),
            button=_("Move the booking") if choices else "",
            back=back,
            form=form if choices else None,
            lines=[_named(booking), *_consequences(booking), *nothing],
            links=_links(week),
        )

    def _week(self, request: HttpRequest, booking: Booking) -> list[Day]:
        """Return the seven days that the address names; else those from the booking's day, or today, on."""
        calendar, now = calendar_of(booking.voucher), timezone.now()
        form = CalendarPlaceForm(request.GET)
        form.is_valid()
        named: date | None = form.cleaned_data.get("day")
        first = named or max(calendar.day_of(booking.slot_start), calendar.day_of(now))
        last = first + _WEEK - timedelta(days=1)
        taken = taken_for(booking.voucher, calendar, first, last, now=now, guest_uid=booking.holder_uid)
        return days(calendar, first, last, now=now, taken=taken)

    def _move(self, request: HttpRequest, booking: Booking, form: MoveToForm) -> bool:
        """Move the booking; False, with the sentence in the form, when that is refused."""
        try:
            moved = move_booking(
                booking_id=booking.pk,
                start=form.cleaned_data["slot"],
                by=acting(request),
                now=timezone.now(),
            )
        except Rejected as error:
            form.add_error("slot", error.message)
            return False
        booking.slot_start, booking.slot_end = moved.slot_start, moved.slot_end
        return True


def is_movable(booking: Booking) -> bool:
    """Tell whether a booking stands and its voucher is neither used nor over."""
    return booking.is_standing and booking.voucher.shown(timezone.now()) == Status.BOOKED


def _named(booking: Booking) -> str:
    parts = (booking.voucher.title, slot_words(booking), booking.guest_name)
    return ", ".join(part for part in parts if part)


def _consequences(booking: Booking) -> list[str]:
    told = (
        _("The guest is told by e-mail (%(address)s).") % {"address": booking.guest_email}
        if booking.guest_email
        else _("The guest left no e-mail address, and is not told.")
    )
    return [_("The old time is free again as soon as the new one is taken."), told]


def _choices(week: list[Day], booking: Booking) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the free slots by day."""
    found = []
    for day in week:
        free = [slot for slot in day.slots if slot.left and slot.start != booking.slot_start]
        if free:
            zone = booking.hotel.zone
            options = [(slot_id(slot.start), formats.slot_words(slot.start, slot.end, zone)) for slot in free]
            found.append((formats.day_words(day.day, with_year=True), options))
    return found


def _links(week: list[Day]) -> list[tuple[str, str]]:
    first = week[0].day
    return [
        (f"?day={first - _WEEK:%Y-%m-%d}", _("Week before")),
        (f"?day={first + _WEEK:%Y-%m-%d}", _("Week after")),
    ]
