"""Calendar feeds over HTTP: the calendar itself, and the page where a guest makes and revokes one."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feeds.domain import make_guest_feed, revoke_guest_feed
from feeds.models import Feed
from portal.actors import guest
from presence.browser import guest_uid_of


@cache_control(private=True, no_cache=True)
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Send a calendar to whoever has its address; 304 while nothing in it has changed."""
    from feeds.queries import calendar_of, feed_of  # noqa: PLC0415 - iCalendar is loaded by who needs it

    found = feed_of(token)
    if found is None:
        raise Http404
    address = request.build_absolute_uri(request.path)
    content = calendar_of(found, address=address, now=timezone.now())
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response.headers["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def my_feed(request: HttpRequest) -> HttpResponse:
    """Say whether this guest has a calendar feed; POST makes a new one and shows its address, once."""
    uid = guest_uid_of(request)
    address = ""
    if request.method == "POST":
        if not uid:
            raise Http404
        secret = make_guest_feed(uid=uid, by=guest(uid), now=timezone.now())
        address = request.build_absolute_uri(reverse("feeds:feed", args=(secret,)))
    made = Feed.objects.filter(guest_uid=uid).first() if uid else None
    context = {"uid": uid, "made": made, "address": address, "webcal": f"webcal:{address.partition(':')[2]}"}
    return render(request, "feeds/my_feed.html", context)


@require_POST
def my_feed_revoke(request: HttpRequest) -> HttpResponse:
    """Switch this guest's calendar feed off."""
    uid = guest_uid_of(request)
    if not uid:
        raise Http404
    revoke_guest_feed(uid=uid, by=guest(uid), now=timezone.now())
    return redirect("feeds:my")
