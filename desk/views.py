"""The front desk over HTTP: a day, a search, one tap for each thing that is done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.arrivals import mark_arrived
from bookings.domain import book_any, booking_as_shown, booking_not_shown, cancel_booking, mark_no_show
from bookings.forms import BookingForm
from bookings.models import Booking
from bookings.places import CalendarPlace
from bookings.queries import pressed_before
from desk.forms import CancelForm, DayForm, ShownForm, VoucherForm, WalkInAddress, WalkInForm
from desk.queries import Line, etag_of, find, line_of, lines_of_day
from portal.admin import acting
from portal.errors import Rejected
from portal.metrics import note_refusal
from presence.domain import new_guest_uid
from vouchers.domain import redeem_voucher, undo_redemption
from vouchers.models import Batch, Hotel
from vouchers.states import Status

private = cache_control(private=True, no_cache=True)
SEE, BOOK, CHANGE = "bookings.view_booking", "bookings.add_booking", "bookings.change_booking"
REDEEM = "vouchers.change_voucher"
_DAY = timedelta(days=1)
MOST_BATCHES = 100


def _hotels_for(request: HttpRequest, permission: str) -> list[Hotel]:
    """Return the hotels whose desk this is.

    Raises PermissionDenied for who may not do that, or works for no hotel.
    """
    if not request.user.has_perm(permission):
        raise PermissionDenied
    hotels = list(Hotel.objects.of_staff(request.user))
    if not hotels:
        raise PermissionDenied
    return hotels


def _chosen(hotels: list[Hotel], key: str) -> Hotel:
    """Return the hotel that an address names, the first one where it names none."""
    if not key:
        return hotels[0]
    found = next((hotel for hotel in hotels if hotel.pk == key), None)
    if found is None:
        raise Http404
    return found


@private
@require_safe
def day(request: HttpRequest) -> HttpResponse:
    """Show a day by time, or what was looked for."""
    hotels = _hotels_for(request, SEE)
    form = DayForm(request.GET)
    form.is_valid()
    place = form.cleaned_data
    hotel, now = _chosen(hotels, place.get("hotel") or ""), timezone.now()
    today = now.astimezone(hotel.zone).date()
    chosen_day = place.get("day") or today
    if _is_poll(request) and place.get("shown") not in (None, chosen_day):
        # The page of today has been left open over midnight.
        response = HttpResponse(status=204)
        response.headers["HX-Refresh"] = "true"
        return response
    text, message, status = place.get("q") or "", "", 200
    lines: list[Line] = []
    if text:
        try:
            lines = find(text, [one.pk for one in hotels], now)
        except Rejected as error:
            note_refusal(error.code)
            message, status = error.message, error.status
    else:
        lines = lines_of_day(hotel, chosen_day, now)
    context = {
        "hotels": hotels,
        "hotel": hotel,
        "day": chosen_day,
        "before": chosen_day - _DAY,
        "after": chosen_day + _DAY,
        "today": today,
        "lines": lines,
        "text": text,
        "message": message,
        "here": _address(hotel, day=str(chosen_day)),
        "poll": _address(hotel, **{"day" if place.get("day") else "shown": str(chosen_day)}),
        "is_list": not text,
    }
    return _with_tag(request, context, status)


def _is_poll(request: HttpRequest) -> bool:
    """Tell whether a page asks for its list again."""
    htmx: Any = getattr(request, "htmx", False)
    return bool(htmx) and htmx.target == "desk-list"


def _with_tag(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    """Answer with the page, or with the list alone while a page asks for it again and again."""
    if not _is_poll(request):
        response = render(request, "desk/day_page.html", context, status=status)
    else:
        tag = etag_of(context["lines"])
        same = get_conditional_response(request, etag=tag)
        response = same or render(request, "desk/_desk_list.html", context, status=status)
        response.headers["ETag"] = tag
    patch_vary_headers(response, ("HX-Request", "HX-Target", "Cookie"))
    return response


@dataclass(frozen=True, slots=True)
class _Pressed:
    """The line that a press is about, and the booking that it showed; None where a page does not say."""

    line: Line
    shown: str | None

    @property
    def booking_id(self) -> str:
        """Whose guest it is about; raises Http404 for a line without a booking."""
        found = self.shown
        if found is None and self.line.booking is not None:
            found = self.line.booking.pk
        if not found:
            raise Http404
        return found


def _pressed(request: HttpRequest, permission: str) -> _Pressed:
    """Return what a press is about."""
    hotels = _hotels_for(request, permission)
    form = VoucherForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    line = line_of(form.cleaned_data["voucher"], [hotel.pk for hotel in hotels], timezone.now())
    if line is None:
        raise Http404
    return _Pressed(line, form.shown())


def _press(
    request: HttpRequest, permission: str, verb: Callable[[_Pressed, datetime], object]
) -> HttpResponse:
    """Do something with one line, and answer with the line as it is then; a refusal says why on it."""
    pressed = _pressed(request, permission)
    line, message, status = pressed.line, "", 200
    try:
        with booking_as_shown(voucher_id=line.key, booking_id=pressed.shown):
            verb(pressed, timezone.now())
    except Rejected as error:
        message, status = error.message, error.status
        if not getattr(request, "htmx", False):
            raise
        note_refusal(error.code)
    fresh = line_of(line.key, [line.hotel.pk], timezone.now())
    if getattr(request, "htmx", False):
        context = {"line": fresh, "message": message, "is_pressed": True}
        return render(request, "desk/_desk_line.html", context, status=status)
    return redirect(_back_to(line))


def _back_to(line: Line) -> str:
    place = {"q": line.key}
    if line.booking is not None:
        place = {"day": str(line.booking.slot_start.astimezone(line.hotel.zone).date())}
    return f"{_address(line.hotel, **place)}#line-{line.key}"


def _address(hotel: Hotel, **place: str) -> str:
    return f"{reverse('desk:day')}?{urlencode({'hotel': hotel.pk, **place})}"


@require_POST
def redeem(request: HttpRequest) -> HttpResponse:
    """Redeem a voucher: the guest is here and uses it."""
    by = acting(request)
    return _press(request, REDEEM, lambda one, now: redeem_voucher(voucher_id=one.line.key, by=by, now=now))


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take a redemption back, within five minutes."""
    by = acting(request)
    return _press(request, REDEEM, lambda one, now: undo_redemption(voucher_id=one.line.key, by=by, now=now))


@require_POST
def arrived(request: HttpRequest) -> HttpResponse:
    """Note that a guest is here, without using the voucher yet."""
    by = acting(request)
    return _press(request, CHANGE, lambda one, now: mark_arrived(booking_id=one.booking_id, by=by, now=now))


@require_POST
def no_show(request: HttpRequest) -> HttpResponse:
    """Mark that a guest did not come."""
    by = acting(request)
    return _press(request, CHANGE, lambda one, now: mark_no_show(booking_id=one.booking_id, by=by, now=now))


@private
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, voucher_id: str) -> HttpResponse:
    """Ask why, then cancel a booking."""
    hotels = _hotels_for(request, CHANGE)
    line = line_of(voucher_id, [hotel.pk for hotel in hotels], timezone.now())
    asked = ShownForm(request.POST if request.method == "POST" else request.GET)
    if line is None:
        raise Http404
    if not asked.is_valid():
        raise BadRequest
    shown = asked.shown()
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with booking_as_shown(voucher_id=line.key, booking_id=shown):
            cancel_booking(
                booking_id=_Pressed(line, shown).booking_id,
                by=acting(request),
                now=timezone.now(),
                reason=form.cleaned_data["reason"],
            )
        return redirect(_back_to(line))
    # The page asks about the guest whom the line showed, or not at all.
    if shown is not None and shown != (line.booking.pk if line.booking else ""):
        raise booking_not_shown()
    if line.booking is None:
        raise Http404
    context = {"line": line, "form": form, "back": _back_to(line)}
    return render(request, "desk/cancel_page.html", context, status=422 if form.errors else 200)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def walk_in(request: HttpRequest) -> HttpResponse:
    """Book for a guest who stands at the desk: what, when, and a name."""
    hotels = _hotels_for(request, BOOK)
    address = WalkInAddress(request.GET)
    address.is_valid()
    hotel = _chosen(hotels, address.cleaned_data.get("hotel") or "")
    new = {"form_key": BookingForm.new_key()}
    form = WalkInForm(request.POST if request.method == "POST" else None, initial=new)
    now = timezone.now()
    batches = Batch.objects.select_related("hotel", "offer").shown_as(Status.ISSUED, now).filter(hotel=hotel)
    key = address.cleaned_data.get("batch")
    batch = batches.filter(pk=key).first() if key else None
    if key and batch is None:
        raise Http404
    message, status = "", 422 if form.errors else 200
    if request.method == "POST" and batch is not None and form.is_valid():
        try:
            booking = _walk_in_booking(request, form, batch, now)
        except Rejected as error:
            note_refusal(error.code)
            message, status = error.message, error.status
        else:
            return redirect(_back_to(Line(booking.voucher, booking, Status.BOOKED, False, now)))  # noqa: FBT003
    context = {
        "hotels": hotels,
        "hotel": hotel,
        "batches": list(batches.order_by("title", "pk")[:MOST_BATCHES]),
        "chosen": _walk_in_place(batch, address, hotel, now) if batch else None,
        "form": form,
        "message": message,
        "query": request.GET,
    }
    return render(request, "desk/walk_in_page.html", context, status=status)


def _walk_in_booking(request: HttpRequest, form: WalkInForm, batch: Batch, now: datetime) -> Booking:
    """Book for the guest at the desk; a second press of the same button gives the first one's booking."""
    key = form.cleaned_data["form_key"]
    booking = pressed_before(key)
    if booking is None:
        try:
            booking = book_any(
                batch_id=batch.pk,
                start=form.cleaned_data["slot"],
                holder_uid=new_guest_uid(),
                by=acting(request),
                now=now,
                guest=form.details(batch.hotel.default_language),
            )
        except (IntegrityError, Rejected):
            # Two presses at once: the second may find its place taken by the first.
            booking = pressed_before(key)
            if booking is None:
                raise
    if booking.hotel_id != batch.hotel_id:
        raise Http404
    return booking


def _walk_in_place(batch: Batch, address: WalkInAddress, hotel: Hotel, now: datetime) -> CalendarPlace:
    """Return where the calendar stands; today, where the address says nothing."""
    place = {name: address.cleaned_data.get(name) for name in ("month", "day", "slot")}
    if not any(place.values()):
        place["day"] = now.astimezone(hotel.zone).date()
    return CalendarPlace(batch, place, now)
