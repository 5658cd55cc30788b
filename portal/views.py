"""The manifest page over HTTP, and the pages for what goes wrong."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from access.limits import Kind, spend
from bookings.domain import book_any, book_slot
from bookings.forms import BookingForm
from bookings.holds import hold_slot, release_hold
from bookings.models import Booking, Hold
from bookings.queries import form_hold, pressed_before
from portal.actors import guest
from portal.addresses import client_address
from portal.errors import Conflict, Rejected
from portal.forms import ManifestForm
from portal.freshness import Mark, mark_at
from portal.manifest import Chosen, Manifest
from portal.metrics import note_refusal
from portal.refusals import refusal_response
from presence.browser import guest_uid_of, remember_guest
from presence.domain import new_guest_uid
from waiting.domain import serve_offer

# The regions of the page that htmx may ask for, by the id of their root, and their templates.
FRAGMENTS = {
    "voucher-list": "vouchers/_voucher_list.html",
    "more-cards": "vouchers/_voucher_cards.html",
    "booking-steps": "bookings/_booking_steps.html",
    "slot-calendar": "bookings/_slot_calendar.html",
    "month-grid": "bookings/_slot_calendar.html",
    "day-slots": "bookings/_day_slots.html",
    "booking-panel": "bookings/_booking_panel.html",
}
_HTMX_HEADERS = ("HX-Request", "HX-Target", "HX-History-Restore-Request")
# What there is to show of them before a voucher is chosen.
_WITHOUT_VOUCHER = {"voucher-list", "more-cards", "booking-steps"}


@require_http_methods(["GET", "HEAD", "POST"])
def manifest(request: HttpRequest) -> HttpResponse:
    """Show the manifest portal at the state of the address; POST books the slot it names.

    With `hold` it only holds the slot while its form is typed, with `release` it gives it back.
    """
    if "release" in request.POST:
        return _release(request)
    uid, now = guest_uid_of(request), timezone.now()
    if request.method == "POST":
        page = Manifest(_address_form(request), uid, now)
        return _hold(request, page) if "hold" in request.POST else _book(request, page)
    mark = mark_at(now) if settings.PAGE_MEMORY else None
    tag = _tag_of(request, uid, mark)
    unchanged = get_conditional_response(request, etag=tag) if tag else None
    return _headed(unchanged or _read(request, Manifest(_address_form(request), uid, now, mark=mark)), tag)


def _tag_of(request: HttpRequest, uid: str, mark: Mark | None) -> str | None:
    """Return what is the same while an answer would be; None for one that is never the same again."""
    # The form of a slot has a key of its own each time.
    if mark is None or "slot" in request.GET:
        return None
    headers = [request.headers.get(name) for name in _HTMX_HEADERS]
    token = request.COOKIES.get(settings.CSRF_COOKIE_NAME)
    told = repr((mark, uid, token, get_language(), request.get_full_path(), headers))
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def _headed(response: HttpResponse, tag: str | None) -> HttpResponse:
    # GZipMiddleware adds the last one to pages, but not to what says that they are still so.
    patch_vary_headers(response, (*_HTMX_HEADERS, "Cookie", "Accept-Encoding"))
    response.headers["Cache-Control"] = "private, no-cache"
    if tag and response.status_code in (200, 304):
        response.headers["ETag"] = tag
    return response


def _read(request: HttpRequest, page: Manifest) -> HttpResponse:
    status = 200
    if page.form.errors:
        status = 400
        page.message = _("Part of this address could not be understood and was left out.")
    elif page.chosen is not None and page.chosen.wanted is not None:
        page.booking_form = _new_form(page)
    return _show(request, page, status)


def _address_form(request: HttpRequest) -> ManifestForm:
    """Return the state of the address; the button that was pressed may name another slot."""
    address = request.GET.copy()
    if request.POST.get("slot"):
        address["slot"] = request.POST["slot"]
        address.pop("day", None)
        address.pop("month", None)
    return ManifestForm(address)


def _show(request: HttpRequest, page: Manifest, status: int = 200) -> HttpResponse:
    """Answer with the whole page, or with the region that htmx is going to replace."""
    template = "portal/manifest_page.html"
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.history_restore_request and status != 400:
        target = htmx.target or ""
        if page.chosen is not None or target in _WITHOUT_VOUCHER:
            template = FRAGMENTS.get(target, template)
    # Without a voucher there is no panel that could say it.
    message = page.message if page.chosen is None and not page.form.errors else ""
    context = {"page": page, "chosen": page.chosen, "query": request.GET, "message": message}
    return _headed(render(request, template, context, status=status), None)


def _new_form(page: Manifest) -> BookingForm:
    """Return an empty form; a guest who has booked before finds name and address filled in."""
    initial = {"form_key": BookingForm.new_key()}
    if page.guest_uid:
        last = Booking.objects.held_by(page.guest_uid).exclude(guest_email="").order_by("-pk").first()
        if last is not None:
            initial |= {"name": last.guest_name, "email": last.guest_email}
    return BookingForm(initial=initial)


def _hold(request: HttpRequest, page: Manifest) -> HttpResponse:
    """Open the form of the slot that the address names, and hold its place meanwhile.

    Whether it can be held or not, the form works: a place that is not held can be booked as well.
    """
    uid = page.guest_uid or new_guest_uid()
    page = Manifest(page.form, uid, page.now)
    chosen, status = page.chosen, 200
    if chosen is None or chosen.wanted is None:
        page.message = _("Choose a voucher, a day and a time first.")
        return _show(request, page, 422)
    page.booking_form = _new_form(page)
    subject = f"a:{client_address(request)}"
    if chosen.takes_holds and not spend([subject], Kind.HOLD, page.now).is_exceeded:
        _serve_line(chosen, page.now)
        try:
            page.hold = hold_slot(promise=chosen.promise, start=chosen.wanted, guest_uid=uid, now=page.now)
        except Rejected as error:
            # What is full or over the panel says by itself, with what is free near it.
            status = error.status
            if chosen.slot is not None:
                page.message = error.message
    response = _show(request, page, status)
    if page.hold is not None:
        remember_guest(response, uid)
    return response


def _serve_line(chosen: Chosen, now: datetime) -> None:
    """Let those who wait have first what has become free."""
    if chosen.promise.offer_id is not None:
        serve_offer(offer_id=chosen.promise.offer_id, now=now)


def _release(request: HttpRequest) -> HttpResponse:
    """Give a held place back, and show its day again; a page that is being left wants no answer."""
    form = _address_form(request)
    form.is_valid()
    uid = guest_uid_of(request)
    if uid:
        release_hold(guest_uid=uid, start=form.cleaned_data.get("slot"))
    if request.POST["release"] == "quietly":
        return HttpResponse(status=204)
    address = request.GET.copy()
    address.pop("slot", None)
    path = f"{request.path}?{address.urlencode()}"
    if not getattr(request, "htmx", False):
        return HttpResponseRedirect(path, status=303)
    request.GET = address  # type: ignore[assignment]
    page = Manifest(ManifestForm(address), uid, timezone.now())
    context = {"page": page, "chosen": page.chosen, "query": address}
    response = render(request, FRAGMENTS["day-slots"], context)
    response.headers["HX-Retarget"] = "#day-slots"
    response.headers["HX-Push-Url"] = path
    return response


def _book(request: HttpRequest, page: Manifest) -> HttpResponse:
    form = page.booking_form = BookingForm(request.POST)
    key = form.cleaned_data.get("form_key") if form.is_valid() else None
    booking = pressed_before(key)
    if booking is None:
        try:
            chosen = page.chosen
            if chosen is None or chosen.wanted is None:
                page.message = _("Choose a voucher, a day and a time first.")
                return _show(request, page, 422)
            if form.errors:
                page.hold = _still_held(page)
                return _show(request, page, 422)
            uid = page.guest_uid or new_guest_uid()
            _serve_line(chosen, page.now)
            booking = _take(chosen, chosen.wanted, form, uid, page.now)
        except (Http404, IntegrityError, Rejected) as error:
            # Two presses of one button at once: the first one's booking is the answer to both,
            # and the second one may meet its voucher booked, no longer open, or its form used.
            booking = pressed_before(key)
            if booking is None:
                return _refused(request, page, error)
    address = reverse("bookings:booking", args=(booking.pk,)) + "?new"
    response: HttpResponse
    if getattr(request, "htmx", False):
        response = HttpResponseClientRedirect(address)
    else:
        response = HttpResponseRedirect(address, status=303)
    remember_guest(response, booking.holder_uid)
    return response


def _still_held(page: Manifest) -> Hold | None:
    """Return what the guest's form holds: a slip of the pen does not cost the place."""
    chosen = page.chosen
    if chosen is None or chosen.wanted is None:
        return None
    return form_hold(chosen.promise, chosen.wanted, guest_uid=page.guest_uid, now=page.now)


def _take(chosen: Chosen, start: datetime, form: BookingForm, uid: str, now: datetime) -> Booking:
    details = form.details(get_language() or "en")
    by = guest(uid)
    if chosen.is_batch:
        return book_any(batch_id=chosen.key, start=start, holder_uid=uid, by=by, now=now, guest=details)
    return book_slot(voucher_id=chosen.key, start=start, holder_uid=uid, by=by, now=now, guest=details)


def _refused(request: HttpRequest, page: Manifest, error: Exception) -> HttpResponse:
    """Answer with the page as it is now, with what the guest typed and why it was refused.

    A voucher that has just gone to somebody else is not this guest's to see any more: then
    the answer is the refusal alone. Raises what is no refusal.
    """
    if isinstance(error, Http404) and _was_open(page):
        error = Conflict("voucher_taken", _("Someone else has just taken this voucher."))
    if not isinstance(error, Rejected):
        raise error
    fresh = Manifest(_address_form(request), page.guest_uid, page.now)
    fresh.booking_form, fresh.message = page.booking_form, error.message
    try:
        fresh.hold = _still_held(fresh)
        response = _show(request, fresh, error.status)
    except Http404:
        return refusal_response(request, error)
    note_refusal(error.code)
    return response


def _was_open(page: Manifest) -> bool:
    """Tell whether the address names a voucher that was open to any guest before it was booked."""
    key = page.form.cleaned_data.get("voucher")
    return Booking.objects.filter(voucher=key, voucher_was_open=True).exists()


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django passes it
    """Explain a form that was too old or came from elsewhere, and how to go on."""
    return render(request, "portal/csrf_failure.html", status=403)


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process serves and its database answers."""
    Booking.objects.exists()
    return HttpResponse("ok", content_type="text/plain")
