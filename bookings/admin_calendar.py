"""Bookings as a calendar in the admin: a day or a week, by each hotel's clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from portal.ids import ID_LENGTH
from vouchers.models import Hotel
from vouchers.states import Status
from vouchers.terms import EARLIEST, LATEST

MOST_BOOKINGS = 3000
_A_DAY = timedelta(days=1)
_LENGTHS = {"day": 1, "week": 7}


class CalendarPlaceForm(forms.Form):
    """Where the calendar stands; whatever is not well-formed counts as left out."""

    view = forms.ChoiceField(choices=[("week", _("Week")), ("day", _("Day"))], required=False)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    hotel = forms.SlugField(max_length=ID_LENGTH, required=False)

    def clean_day(self) -> date | None:
        """Return a day that calendars reckon with; None for any other."""
        day: date | None = self.cleaned_data["day"]
        return day if day is not None and EARLIEST.year < day.year < LATEST.year - 1 else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking on the calendar."""

    booking: Booking
    status: Status
    # What the hotel's clock shows when the slot begins.
    at: datetime

    @property
    def day(self) -> date:
        """The hotel's day of the slot."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a week of the calendar."""

    view: str
    days: dict[date, list[Entry]]
    is_cut: bool

    @property
    def first(self) -> date:
        """The first day."""
        return next(iter(self.days))

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=len(self.days) - 1)

    @property
    def before(self) -> date:
        """Where the span before this one begins."""
        return self.first - timedelta(days=len(self.days))

    @property
    def after(self) -> date:
        """Where the next span begins."""
        return self.first + timedelta(days=len(self.days))


def span_of(hotels: QuerySet[Hotel], view: str, day: date, now: datetime) -> Span:
    """Return the standing bookings of the day, or of its week from Monday on: one statement.

    Each stands on its hotel's own day; of very many the first 3,000 are shown, and it is said so.
    """
    view = view if view in _LENGTHS else "week"
    first = day - timedelta(days=day.weekday()) if view == "week" else day
    length = _LENGTHS[view]
    days: dict[date, list[Entry]] = {first + timedelta(days=number): [] for number in range(length)}
    # Clocks are at most a day from UTC.
    since = datetime.combine(first - _A_DAY, time(), UTC)
    until = datetime.combine(first + timedelta(days=length + 1), time(), UTC)
    rows = Booking.objects.standing().filter(hotel__in=hotels, slot_start__gte=since, slot_start__lt=until)
    found = list(rows.select_related("hotel", "voucher").order_by("slot_start", "pk")[: MOST_BOOKINGS + 1])
    # Of several hotels by what their clocks show, which is not the order of the instants.
    for entry in sorted(_entries(found[:MOST_BOOKINGS], now), key=lambda entry: entry.at):
        if entry.day in days:
            days[entry.day].append(entry)
    return Span(view, days, is_cut=len(found) > MOST_BOOKINGS)


def _entries(bookings: Iterable[Booking], now: datetime) -> Iterable[Entry]:
    for booking in bookings:
        at = booking.slot_start.astimezone(booking.hotel.zone).replace(tzinfo=None)
        yield Entry(booking, booking.voucher.shown(now), at)
