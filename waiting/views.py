"""The waiting list over HTTP: join it, see where one stands, accept, pass, leave."""

from datetime import date, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.limits import Kind, spend
from bookings.calendars import Bookable
from bookings.domain import GuestDetails
from bookings.models import Booking
from bookings.slots import Slot
from portal.actors import guest
from portal.addresses import client_address
from portal.errors import Rejected
from presence.browser import guest_uid_of, remember_guest
from presence.domain import new_guest_uid
from waiting.domain import accept_offer, join_waiting, leave_waiting, pass_offer, settle_if_due
from waiting.forms import JoinForm, WishForm
from waiting.models import Entry
from waiting.queries import entry_of, view_of, wished_promise

private = cache_control(private=True, no_cache=True)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Ask who waits for the day or slot of the address; POST puts them in line."""
    uid, now = guest_uid_of(request), timezone.now()
    promise, day, start = _wish(request, uid, now)
    if request.method != "POST":
        return _ask(request, promise, day, start, JoinForm(initial=_last_typed_by(uid)))
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _ask(request, promise, day, start, form, status=422)
    data = form.cleaned_data
    uid = uid or new_guest_uid()
    try:
        allowance = spend([f"wait:{client_address(request)}"], Kind.JOIN, now)
        if allowance.is_exceeded:
            raise allowance.refusal()
        entry = join_waiting(
            promise_key=promise.pk,
            day=day,
            start=start,
            guest=GuestDetails(name=data["name"], email=data["email"], language=get_language() or "en"),
            by=guest(uid),
            now=now,
        )
    except Rejected as error:
        return _ask(request, promise, day, start, form, message=error.message, status=error.status)
    response = redirect("waiting:entry", entry.pk)
    remember_guest(response, uid)
    return response


def _wish(request: HttpRequest, uid: str, now: datetime) -> tuple[Bookable, date, datetime | None]:
    """Return what the address asks for; 404 for nothing, or what is not the guest's to book."""
    form = WishForm(request.GET)
    if not form.is_valid():
        raise Http404
    promise = wished_promise(form.cleaned_data["voucher"], uid, now)
    if promise is None:
        raise Http404
    start: datetime | None = form.cleaned_data["slot"]
    day = start.astimezone(promise.hotel.zone).date() if start else form.cleaned_data["day"]
    return promise, day, start


def _ask(
    request: HttpRequest,
    promise: Bookable,
    day: date,
    start: datetime | None,
    form: JoinForm,
    *,
    message: str = "",
    status: int = 200,
) -> HttpResponse:
    end = start + (timedelta(minutes=promise.duration_minutes)) if start else None
    context = {
        "promise": promise,
        "hotel": promise.hotel,
        "day": day,
        "slot": Slot(start, end, 0) if start and end else None,
        "form": form,
        "message": message,
        "back": f"{reverse('manifest')}?voucher={promise.pk}&day={day}",
    }
    return render(request, "waiting/join_page.html", context, status=status)


def _last_typed_by(uid: str) -> dict[str, str]:
    """Return what a guest typed last: nobody shall type it twice."""
    last = Booking.objects.held_by(uid).exclude(guest_email="").order_by("-pk").first()
    return {"name": last.guest_name, "email": last.guest_email} if last else {}


@private
@require_safe
def entry_page(request: HttpRequest, entry_id: str) -> HttpResponse:
    """Show where a guest stands, or what is offered to them and until when."""
    return _show(request, _own(request, entry_id))


def _own(request: HttpRequest, entry_id: str) -> Entry:
    """Return this guest's entry as the clock has it; 404 for one that is not theirs."""
    uid = guest_uid_of(request)
    entry = entry_of(entry_id, uid)
    if entry is None:
        raise Http404
    if entry.is_current:
        # Nothing that the guest does: what has lapsed is over whether or not a worker has seen it.
        settle_if_due(offer_id=entry.offer_id, now=timezone.now())
        entry = entry_of(entry_id, uid) or entry
    return entry


def _show(request: HttpRequest, entry: Entry, *, message: str = "", status: int = 200) -> HttpResponse:
    promise = wished_promise(entry.promise_key, entry.guest_uid, timezone.now())
    context = {
        "view": view_of(entry, timezone.now()),
        "entry": entry,
        "hotel": entry.hotel,
        "promise": promise,
        "message": message,
    }
    return render(request, "waiting/entry_page.html", context, status=status)


@require_POST
def accept(request: HttpRequest, entry_id: str) -> HttpResponse:
    """Book what is offered; when that cannot be, the page says why."""
    entry = _own(request, entry_id)
    try:
        booking = accept_offer(entry_id=entry_id, by=guest(entry.guest_uid), now=timezone.now())
    except Rejected as error:
        return _show(request, _own(request, entry_id), message=error.message, status=error.status)
    return redirect(reverse("bookings:booking", args=(booking.pk,)) + "?new")


@require_POST
def pass_on(request: HttpRequest, entry_id: str) -> HttpResponse:
    """Leave what is offered to the next in line."""
    entry = _own(request, entry_id)
    try:
        pass_offer(entry_id=entry_id, by=guest(entry.guest_uid), now=timezone.now())
    except Rejected as error:
        return _show(request, _own(request, entry_id), message=error.message, status=error.status)
    return redirect("waiting:entry", entry_id)


@require_POST
def leave(request: HttpRequest, entry_id: str) -> HttpResponse:
    """Leave the line."""
    entry = _own(request, entry_id)
    leave_waiting(entry_id=entry_id, by=guest(entry.guest_uid), now=timezone.now())
    return redirect("waiting:entry", entry_id)
