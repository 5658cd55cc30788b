"""What is kept of a guest over HTTP: see it, take it along, have it erased; ask for a link by e-mail."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.limits import Kind, spend
from bookings.forms import LinkRequestForm
from bookings.slots import Slot
from guests.domain import ask_for_link, erase_guest
from guests.queries import data_of_guest
from portal.actors import guest
from portal.addresses import client_address
from presence.browser import forget_guest_of, guest_uid_of

private = cache_control(private=True, no_cache=True)


@private
@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """Show what is stored of this guest, and how to take it along or have it deleted."""
    uid = guest_uid_of(request)
    data = data_of_guest(uid, timezone.now())
    bookings = [
        {
            **row,
            "zone": ZoneInfo(row["hotel__time_zone"]),
            "slot": Slot(row["slot_start"], row["slot_end"], 0),
        }
        for row in data.bookings
    ]
    context = {"uid": uid, "data": data, "bookings": bookings, "keep_days": settings.GUEST_DATA_DAYS}
    return render(request, "guests/my_data.html", context)


@private
@require_safe
def data_download(request: HttpRequest) -> HttpResponse:
    """Send what is stored of this guest as a JSON file."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    content = data_of_guest(uid, timezone.now()).as_json()
    response = HttpResponse(content, content_type="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_POST
def data_delete(request: HttpRequest) -> HttpResponse:
    """Erase this guest's name, address and notes, switch off their links, and forget the browser."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    erase_guest(uid=uid, by=guest(uid), now=timezone.now())
    response = render(request, "guests/data_deleted.html")
    forget_guest_of(response)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def link_request(request: HttpRequest) -> HttpResponse:
    """Have a guest link sent to an address that has booked; the answer is the same for any address."""
    form = LinkRequestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        allowance = spend([f"link:{client_address(request)}"], Kind.LINK, now)
        if allowance.is_exceeded:
            raise allowance.refusal()
        ask_for_link(address=form.cleaned_data["email"], now=now)
        return render(request, "guests/link_sent.html")
    status = 422 if form.errors else 200
    return render(request, "guests/link_request.html", {"link_form": form}, status=status)
