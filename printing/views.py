"""What is printed, over HTTP: a guest's own voucher and booking, and the day list of the desk."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from bookings.queries import booking_of_guest
from presence.browser import guest_uid_of
from printing.files import pdf_response
from printing.forms import DayForm, GuestPrintForm
from printing.queries import day_sheet, ticket_of_booking, ticket_of_voucher
from printing.words import Paper, Ticket
from vouchers.models import Hotel, Voucher

private = cache_control(private=True, no_cache=True)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Look:
    """How a guest wants it: a page of A5 in the language of the portal's pages, if they do not say."""

    paper: Paper
    language: str


def _look(request: HttpRequest) -> _Look:
    """Return what the address says; 400 for a paper or a language that there is not."""
    form = GuestPrintForm(request.GET)
    if not form.is_valid():
        raise BadRequest("There is no such paper or language.")
    chosen = form.cleaned_data
    return _Look(Paper(chosen["paper"] or Paper.A5), chosen["language"] or get_language() or "en")


def _one_page(ticket: Ticket, look: _Look, name: str) -> HttpResponse:
    from printing.sheets import tickets_pdf  # noqa: PLC0415 - the library of PDFs is loaded by who needs it

    title = f"{ticket.title} · {ticket.hotel}"
    parts = tickets_pdf([ticket], paper=look.paper, title=title, author=ticket.hotel, language=look.language)
    return pdf_response(parts, name)


@private
@require_safe
def voucher_pdf(request: HttpRequest, voucher_id: str) -> HttpResponse:
    """Send a voucher that this guest may see as a PDF; its code only to who holds it."""
    look = _look(request)
    vouchers = Voucher.objects.visible_to(guest_uid_of(request)).select_related("hotel")
    voucher = vouchers.filter(pk=voucher_id).first()
    if voucher is None:
        raise Http404
    with override(look.language):
        ticket = ticket_of_voucher(voucher, now=timezone.now(), with_code=bool(voucher.holder_uid))
    return _one_page(ticket, look, voucher.pk)


@private
@require_safe
def booking_pdf(request: HttpRequest, booking_id: str) -> HttpResponse:
    """Send this guest's booking as a PDF."""
    look = _look(request)
    booking = booking_of_guest(booking_id, guest_uid_of(request))
    if booking is None:
        raise Http404
    with override(look.language):
        ticket = ticket_of_booking(booking, now=timezone.now())
    return _one_page(ticket, look, booking.pk)


@dataclass(frozen=True, slots=True)
class _DayPlace:
    """Which day list an address means."""

    hotels: list[Hotel]
    hotel: Hotel
    day: date
    now: datetime


def _day_place(request: HttpRequest) -> _DayPlace:
    """Return the day that an address names: today at the user's first hotel where it names none.

    Raises PermissionDenied for who may not see bookings, Http404 for a hotel that is not the
    user's, BadRequest for what is no day.
    """
    if not request.user.has_perm("bookings.view_booking"):
        raise PermissionDenied
    form = DayForm(request.GET)
    if not form.is_valid():
        raise BadRequest("There is no such hotel or day.")
    chosen = form.cleaned_data
    hotels = list(Hotel.objects.of_staff(request.user))
    hotel = next((one for one in hotels if chosen["hotel"] in ("", one.pk)), None)
    if hotel is None:
        raise Http404
    now = timezone.now()
    return _DayPlace(hotels, hotel, chosen["day"] or now.astimezone(hotel.zone).date(), now)


@require_safe
def day_list(request: HttpRequest) -> HttpResponse:
    """Show a hotel's day by time, as the desk prints it."""
    place = _day_place(request)
    context = {
        **admin.site.each_context(request),
        "title": _("Day list"),
        "hotels": place.hotels,
        "hotel": place.hotel,
        "day": place.day,
        "before": place.day - _DAY,
        "after": place.day + _DAY,
        "sheet": day_sheet(place.hotel, place.day, place.now),
    }
    return TemplateResponse(request, "printing/day_list.html", context)


@require_safe
def day_list_pdf(request: HttpRequest) -> HttpResponse:
    """Send the same as a PDF."""
    from printing.day_sheet import day_pdf  # noqa: PLC0415 - the library of PDFs is loaded by who needs it

    place = _day_place(request)
    sheet = day_sheet(place.hotel, place.day, place.now)
    parts = day_pdf(sheet, language=get_language() or "en")
    return pdf_response(parts, f"{place.hotel.pk}-{place.day.isoformat()}")
