"""What a well-formed offer is: no places taken away from bookings, no hours that overlap."""

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.calendars import taken_by_offer
from bookings.models import Booking, Hold
from portal.admin import moment_words
from vouchers.models import Offer, OpeningHours, Weekday
from vouchers.terms import LATEST

if TYPE_CHECKING:
    OfferFormBase = forms.ModelForm[Offer]
    HoursFormSetBase = forms.BaseInlineFormSet[OpeningHours, Offer, forms.ModelForm[OpeningHours]]
else:
    OfferFormBase, HoursFormSetBase = forms.ModelForm, forms.BaseInlineFormSet

_DAY = 24 * 60 * 60
_WEEK = 7 * _DAY
_INSTANT = timedelta(microseconds=1)


class OfferForm(OfferFormBase):
    """An offer's own fields."""

    # A look at what is typed locks nothing: it is not saved.
    is_preview = False

    def clean_capacity(self) -> int:
        """Refuse fewer places than bookings and holds take at some instant from now on.

        The offer's row is locked first, as the guard of places does: a booking that is
        being made meanwhile is either counted here, or counts the new number itself.
        """
        capacity: int = self.cleaned_data["capacity"]
        if self.instance._state.adding:
            return capacity
        row = Offer.objects.filter(pk=self.instance.pk)
        if not self.is_preview:
            row = row.select_for_update(no_key=True)
        if capacity >= row.values_list("capacity", flat=True).get():
            return capacity
        now = timezone.now()
        peak, when = _fullest(self.instance, now)
        if capacity < peak:
            raise forms.ValidationError(
                _(
                    "%(peak)d places are booked or held at one time (%(when)s). Cancel or move bookings"
                    " first; until then there have to be at least %(peak)d places."
                ),
                code="capacity_booked",
                params={"peak": peak, "when": moment_words(when, self.instance.hotel.zone)},
            )
        return capacity

    def clean_terms(self) -> dict[str, Any]:
        """Refuse anything but a JSON object; empty is an empty one."""
        terms = self.cleaned_data["terms"]
        if terms is None:
            return {}
        if not isinstance(terms, dict):
            raise forms.ValidationError(_("Write a JSON object, for example {}."), code="terms_invalid")
        return terms


def _fullest(offer: Offer, now: datetime) -> tuple[int, datetime]:
    """Return the most places taken at any instant from `now` on, and the first such instant."""
    taken = taken_by_offer([offer.pk], now, LATEST, now=now)[offer.pk]
    peak = taken.peak(now, LATEST)
    booked = Booking.objects.standing().filter(offer=offer, slot_end__gt=now).order_by()
    held = Hold.objects.standing(now).filter(offer=offer, slot_end__gt=now).order_by()
    starts = booked.values_list("slot_start", flat=True).union(held.values_list("slot_start", flat=True))
    moments = sorted(max(start, now) for start in starts)
    # The level rises only where a booking or a hold starts.
    return peak, next((at for at in moments if taken.peak(at, at + _INSTANT) == peak), now)


class NamedFormSet(HoursFormSetBase):
    """Inline rows whose mark for taking one away says its name to those who cannot see the heading."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Name the mark."""
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = _("Delete this row")


class HoursFormSet(NamedFormSet):
    """An offer's opening hours, round the week."""

    def clean(self) -> None:
        """Refuse hours that overlap others, also past midnight and from Sunday to Monday."""
        super().clean()
        if any(self.errors):
            return
        rows = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("opens") is not None and not form.cleaned_data.get("DELETE")
        ]
        for number, row in enumerate(rows):
            for other in rows[:number]:
                if _overlap(_seconds(row), _seconds(other)):
                    raise forms.ValidationError(
                        _("These opening hours overlap: %(one)s and %(other)s."),
                        code="hours_overlap",
                        params={"one": _words(other), "other": _words(row)},
                    )


def _seconds(row: dict[str, Any]) -> tuple[int, int]:
    """Return hours as seconds from the beginning of the week; they may end in the next one."""
    opens, closes = _of_day(row["opens"]), _of_day(row["closes"])
    begins = row["weekday"] * _DAY
    return begins + opens, begins + closes + (0 if closes > opens else _DAY)


def _of_day(at: time) -> int:
    return (at.hour * 60 + at.minute) * 60 + at.second


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return any(one[0] + shift < other[1] and other[0] < one[1] + shift for shift in (-_WEEK, 0, _WEEK))


def _words(row: dict[str, Any]) -> str:
    return f"{Weekday(row['weekday']).label} {row['opens']:%H:%M}–{row['closes']:%H:%M}"
