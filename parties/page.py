"""What the party's page shows, and which region of it an answer is."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from bookings.codes import qr_svg
from bookings.forms import CalendarForm
from bookings.models import Booking
from bookings.places import CalendarPlace
from bookings.promises import promise_of
from parties import domain
from parties.forms import BringForm, JoinForm, StartForm
from parties.models import NAME_LENGTH, Member
from parties.queries import current_member, party_view, shape_of
from presence import rooms
from presence.browser import guest_uid_of

# The regions of the calendar that htmx may ask for, by the id of their root.
FRAGMENTS = {
    "party": "parties/_party.html",
    "slot-calendar": "bookings/_slot_calendar.html",
    "month-grid": "bookings/_slot_calendar.html",
    "day-slots": "bookings/_day_slots.html",
    "booking-panel": "bookings/_booking_panel.html",
}
_CALENDAR = frozenset(FRAGMENTS) - {"party"}


def stay(member: Member, now: datetime) -> None:
    """Keep a member online: with the party's code once they are let in, and not before."""
    if member.is_in:
        rooms.match(uid=member.uid, pair_code=member.party.pair_code, now=now)
    else:
        rooms.heartbeat(uid=member.uid, now=now)


def last_typed_by(uid: str) -> dict[str, str]:
    """Return what a guest typed last: nobody shall type it twice."""
    last = Booking.objects.held_by(uid).exclude(guest_email="").order_by("-pk").first()
    return {"name": last.guest_name[:NAME_LENGTH], "email": last.guest_email} if last else {}


def show(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Show the party that this guest is in, or how to start and to join one.

    A form that was refused is passed by its name, to be shown again with what was typed.
    """
    uid, now = guest_uid_of(request), timezone.now()
    member = current_member(uid, now)
    if member is None:
        typed = last_typed_by(uid)
        context = {"start_form": StartForm(initial=typed), "join_form": JoinForm(initial=typed), **forms}
        return answer_with(request, "parties/party_start.html", context, status)
    stay(member, now)
    context = {"member": member, "poll": poll_address(member), **forms}
    if member.is_in:
        context |= _inside(request, member, **forms)
    return answer_with(request, "parties/party_page.html", context, status)


def _inside(request: HttpRequest, member: Member, **forms: Any) -> dict[str, Any]:
    now = timezone.now()
    promise = promise_of(member.promise_key, member.uid, now) if member.promise_key else None
    chosen = None
    if promise is not None:
        address = CalendarForm(request.GET)
        address.is_valid()
        chosen = CalendarPlace(promise, address.cleaned_data, now, member.uid)
        # What a page shows is what its reader looks at.
        domain.look_at(member, chosen.slot.start if chosen.slot else None)
    view = party_view(member, now)
    link = request.build_absolute_uri(reverse("parties:invited", args=(member.party.pair_code,)))
    context: dict[str, Any] = {
        "meeting": view,
        "chosen": chosen,
        "is_party": True,
        "query": request.GET,
        "page": {"message": ""},
        "link": link,
    }
    if not _is_fragment(request):
        context["qr"] = qr_svg(link, label=_("The link of your party as a QR code"))
    if promise is None:
        initial = last_typed_by(member.uid)
        context["bring_form"] = forms.get("bring_form") or BringForm(initial=initial, uid=member.uid, now=now)
        context["was_used"] = bool(member.promise_key)
    return context


def _is_fragment(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.history_restore_request and htmx.target in _CALENDAR)


def answer_with(request: HttpRequest, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Answer with the whole page, or with the region that htmx is going to replace."""
    template = page
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.history_restore_request and (htmx.target == "party" or context.get("chosen")):
        template = FRAGMENTS.get(htmx.target or "", page)
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target", "HX-History-Restore-Request", "Cookie"))
    return response


def poll_address(member: Member) -> str:
    """Return where a member's page asks who is here."""
    return f"{reverse('parties:now')}?shape={shape_of(member)}"
