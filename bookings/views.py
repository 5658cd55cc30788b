"""A guest's bookings over HTTP: see, move, cancel, take along."""

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from bookings.arrivals import mark_arrived, unmark_arrived
from bookings.codes import qr_svg, voucher_code
from bookings.domain import cancel_booking, move_booking
from bookings.forms import CalendarForm, CancelForm, LinkRequestForm, MoveForm
from bookings.models import Booking, Mail
from bookings.places import MovePlace
from bookings.queries import (
    GuestBookings,
    booking_of_guest,
    bookings_of,
)
from bookings.rules import arrivable_from, changeable_until
from bookings.slots import Slot
from bookings.structured import reservation_data
from portal.actors import guest
from portal.errors import Rejected
from portal.metrics import note_refusal
from presence.browser import forget_guest_of, guest_uid_of, remember_guest
from presence.domain import digest_of, make_guest_link_token, read_guest_link_token, revoke_guest_links
from vouchers.structured import as_script

MOVE_FRAGMENTS = {
    "slot-calendar": "bookings/_slot_calendar.html",
    "month-grid": "bookings/_slot_calendar.html",
    "day-slots": "bookings/_day_slots.html",
    "booking-panel": "bookings/_booking_panel.html",
}
private = cache_control(private=True, no_cache=True)


def _own_booking(request: HttpRequest, booking_id: str) -> Booking:
    """Return this guest's booking; 404 for one that does not exist or is somebody else's."""
    booking = booking_of_guest(booking_id, guest_uid_of(request))
    if booking is None:
        raise Http404
    return booking


@private
@require_safe
def booking_page(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Show a booking: when, where, the code for the desk, and what can be done with it."""
    booking = _own_booking(request, booking_id)
    now = timezone.now()
    status = booking.voucher.shown(now)
    code = voucher_code(booking.voucher_id)
    is_live = booking.is_live(now)
    until = changeable_until(booking)
    is_changeable = is_live and now <= until
    context = {
        "now": now,
        "booking": booking,
        "voucher": booking.voucher,
        "hotel": booking.hotel,
        "slot": Slot(booking.slot_start, booking.slot_end, 0),
        "status": status,
        "is_live": is_live,
        "is_changeable": is_changeable,
        "structured_data": as_script(reservation_data(booking, is_changeable=is_changeable)),
        "changeable_until": until,
        "code": code,
        "qr": qr_svg(code, label=_("Code for the front desk")) if is_live else "",
        "is_new": "new" in request.GET and is_live,
        "can_arrive": is_live and now >= arrivable_from(booking),
        "has_mail": Mail.objects.filter(booking=booking).exists(),
    }
    return _may_be_kept(render(request, "bookings/booking_page.html", context), booking.holder_uid)


@private
@require_safe
def calendar_download(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Send a booking as an iCalendar file."""
    from bookings.ics import calendar_file  # noqa: PLC0415 - iCalendar is loaded by who needs it

    booking = _own_booking(request, booking_id)
    response = HttpResponse(
        calendar_file(booking, now=timezone.now()), content_type="text/calendar; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{booking.pk}.ics"'
    return response


@private
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Choose another slot for a booking; POST moves it there."""
    booking = _own_booking(request, booking_id)
    message, status = "", 200
    if request.method == "POST":
        form = MoveForm(request.POST)
        if not form.is_valid():
            raise BadRequest
        by = guest(booking.holder_uid)
        start = form.cleaned_data["slot"]
        try:
            move_booking(booking_id=booking.pk, start=start, by=by, now=timezone.now())
        except Rejected as error:
            note_refusal(error.code)
            message, status = error.message, error.status
            booking = _own_booking(request, booking_id)
        else:
            return _to_booking(request, booking)
    address = CalendarForm(request.GET)
    address.is_valid()
    chosen = MovePlace(booking, address.cleaned_data, timezone.now())
    template = "bookings/move_page.html"
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.history_restore_request:
        template = MOVE_FRAGMENTS.get(htmx.target or "", template)
    context = {
        "chosen": chosen,
        "page": {"message": message},
        "booking": booking,
        "query": request.GET,
        "is_move": True,
    }
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target", "HX-History-Restore-Request", "Cookie"))
    return response


def _to_booking(request: HttpRequest, booking: Booking) -> HttpResponse:
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(redirect("bookings:booking", booking.pk).url)
    return redirect("bookings:booking", booking.pk)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Ask once whether to cancel a booking; POST cancels it."""
    booking = _own_booking(request, booking_id)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        cancel_booking(
            booking_id=booking.pk,
            by=guest(booking.holder_uid),
            now=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
        return _to_booking(request, booking)
    context = {
        "booking": booking,
        "voucher": booking.voucher,
        "hotel": booking.hotel,
        "slot": Slot(booking.slot_start, booking.slot_end, 0),
        "form": form,
        "until": changeable_until(booking),
        "is_late": timezone.now() > changeable_until(booking),
    }
    return render(request, "bookings/cancel_page.html", context, status=422 if form.errors else 200)


@require_POST
def arrived(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Tell the hotel that this guest is here, or take it back."""
    booking = _own_booking(request, booking_id)
    verb = mark_arrived if request.POST.get("is_here") else unmark_arrived
    verb(booking_id=booking.pk, by=guest(booking.holder_uid), now=timezone.now())
    return redirect("bookings:booking", booking.pk)


@private
@require_safe
def my_bookings(request: HttpRequest) -> HttpResponse:
    """Show everything this guest has booked, upcoming first."""
    context = {**_my_context(request), "is_revoked": "revoked" in request.GET}
    return _may_be_kept(render(request, "bookings/my_bookings.html", context), guest_uid_of(request))


def _may_be_kept(response: HttpResponse, uid: str) -> HttpResponse:
    """Let the guest's own browser keep a page for when there is no connection; of nobody it keeps none.

    The header tells one guest's pages from another's (static/js/worker.js), and names nobody.
    """
    if uid:
        response.headers["X-Keep-Offline"] = digest_of("offline", uid)[:16]
    return response


def _my_context(request: HttpRequest) -> dict[str, object]:
    uid = guest_uid_of(request)
    now = timezone.now()
    found = bookings_of(uid, now=now) if uid else GuestBookings([], [])
    return {
        "now": now,
        "upcoming": [(booking, booking.voucher.shown(now)) for booking in found.upcoming],
        "past": [(booking, booking.voucher.shown(now)) for booking in found.past],
        "is_guest": bool(uid),
        "link": request.build_absolute_uri(f"/guest/{make_guest_link_token(uid)}/") if uid else "",
        "link_form": LinkRequestForm(),
    }


@require_POST
def leave(_request: HttpRequest) -> HttpResponse:
    """Make this browser nobody's: for a device that others use too. The bookings stay."""
    response = redirect("manifest")
    forget_guest_of(response)
    return response


@require_POST
def links_revoke(request: HttpRequest) -> HttpResponse:
    """Switch off every guest link of this guest that was made so far."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    revoke_guest_links(uid)
    return redirect(f"{reverse('bookings:my')}?revoked")


@private
@require_http_methods(["GET", "HEAD", "POST"])
def guest_link(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether this browser shall be the link's guest; POST makes it so.

    A GET changes nothing: mail programs and messengers open links to preview them.
    """
    try:
        uid = read_guest_link_token(token)
    except Rejected as error:
        context = {"reason": error.message, "link_form": LinkRequestForm()}
        return render(request, "bookings/link_invalid.html", context, status=404)
    if request.method == "POST":
        response = redirect("bookings:my")
        remember_guest(response, uid)
        return response
    other = guest_uid_of(request)
    context = {
        "bookings": bookings_of(uid, now=timezone.now()),
        "is_same": other == uid,
        "is_other": bool(other) and other != uid,
    }
    return render(request, "bookings/guest_link.html", context)
