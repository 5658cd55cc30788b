"""What is stored of a guest over HTTP, of every app: see it, take it along, have it deleted."""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import forget_guest
from bookings.queries import data_of_guest
from portal.actors import guest
from presence.browser import forget_guest_of, guest_uid_of
from presence.domain import revoke_guest_links
from waiting.domain import forget_waiting
from waiting.queries import waiting_data

private = cache_control(private=True, no_cache=True)


@private
@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """Show what is stored of this guest, and how to take it along or have it deleted."""
    uid = guest_uid_of(request)
    context = {"uid": uid, "data": data_of_guest(uid), "waiting": waiting_data(uid)}
    return render(request, "bookings/my_data.html", context)


@private
@require_safe
def data_download(request: HttpRequest) -> HttpResponse:
    """Send what is stored of this guest as a JSON file."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    content = data_of_guest(uid).as_json(waiting=waiting_data(uid))
    response = HttpResponse(content, content_type="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_POST
def data_delete(request: HttpRequest) -> HttpResponse:
    """Erase this guest's name, address and notes, switch off their links, and forget the browser."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    by, now = guest(uid), timezone.now()
    with transaction.atomic():
        forget_guest(guest_uid=uid, by=by, now=now)
        forget_waiting(guest_uid=uid, by=by, now=now)
        revoke_guest_links(uid)
    response = render(request, "bookings/data_deleted.html")
    forget_guest_of(response)
    return response
