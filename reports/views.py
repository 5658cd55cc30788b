"""The page of figures."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.replica import from_replica
from reports import happenings, queries, results, words
from reports.coming import coming_week
from reports.forms import PRESETS, Choice, FiguresForm
from reports.links import Links, links_for
from reports.queries import Activity, Happening, Lead, Outcome
from reports.shapes import Cell, Tile
from vouchers.models import Hotel

NEEDED = ("bookings.view_booking", "vouchers.view_voucher")


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Show the figures of the user's hotels: those that the address chooses, or all of them.

    An address that is not well-formed, or names a hotel that is not the user's, is answered
    with 400 and the form that says what is wrong.
    """
    if not request.user.has_perms(NEEDED):
        raise PermissionDenied
    now = timezone.now()
    hotels = list(Hotel.objects.of_staff(request.user))
    form = FiguresForm(request.GET, hotels=hotels, now=now)
    context = {
        **admin.site.each_context(request),
        "title": _("Figures"),
        "form": form,
        "hotels": hotels,
        "presets": PRESETS,
    }
    if hotels and form.is_valid():
        choice = form.cleaned_data["choice"]
        links = links_for(request.user, choice.hotel)
        context |= from_replica(lambda: _content(choice, links, now))
    status = 400 if hotels and form.errors else 200
    return render(request, "reports/figures_page.html", context, status=status)


def _content(choice: Choice, links: Links, now: datetime) -> Mapping[str, Any]:
    """Return the sections of the page and what stands above them."""
    hotels, period = choice.hotels, choice.period
    offers = queries.offers_of(hotels)
    activity = queries.activity(hotels, period)
    lead = queries.lead(hotels, period)
    outcomes = queries.outcomes(hotels, period, now)
    return {
        "choice": choice,
        "days": words.days_words(period.first, period.last),
        "tiles": _tiles(activity, outcomes, lead, choice, links),
        "sections": [
            results.week_section(coming_week(hotels, offers, now), links),
            happenings.activity_section(activity, choice, links),
            results.outcome_section(outcomes, choice, offers, links),
            results.lead_section(lead, choice, links),
            happenings.usage_section(queries.usage(hotels, period), choice, offers, links),
        ],
    }


def _tiles(
    activity: Activity, outcomes: results.Outcomes, lead: Lead, choice: Choice, links: Links
) -> list[Tile]:
    """Return the six numbers that a manager asks for first."""
    span = (choice.period.since, choice.period.until)
    tiles = []
    for happening in (Happening.ISSUED, Happening.BOOKED, Happening.REDEEMED):
        number = activity.total(happening)
        cell = Cell(words.number_words(number), links.happening(happening, span) if number else "")
        tiles.append(Tile(str(happenings.NAMES[happening]), cell))
    made = results.total_of(outcomes)
    for outcome in (Outcome.CANCELLED, Outcome.NO_SHOW):
        number = results.total_of(outcomes, outcome)
        link = links.made(span, None, outcome) if number else ""
        says = _("%(number)s of %(bookings)s made") % {
            "number": words.number_words(number),
            "bookings": results.bookings_words(made),
        }
        cell = Cell(words.share_words(number, made), link)
        tiles.append(Tile(str(results.NAMES[outcome]), cell, says if made else ""))
    length = words.length_words(lead.median) if lead.median is not None else "–"
    tiles.append(Tile(_("Booked ahead"), Cell(length), _("median, from booking to slot")))
    return tiles
