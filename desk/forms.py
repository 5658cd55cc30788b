"""What is typed and pressed at the desk."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.domain import GuestDetails
from bookings.forms import CalendarForm, SlotField
from portal.ids import ID_LENGTH
from vouchers.terms import EARLIEST, LATEST


class DayForm(forms.Form):
    """Which hotel's which day, and what is looked for; `shown` is the day of a page that shows today's."""

    hotel = forms.SlugField(max_length=ID_LENGTH, required=False)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    shown = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    # Whatever a camera reads: how long a code can be, the search knows.
    q = forms.CharField(required=False)

    def clean_day(self) -> date | None:
        """Return a day that calendars reckon with; None for any other."""
        day: date | None = self.cleaned_data["day"]
        return day if day is not None and EARLIEST.year <= day.year < LATEST.year else None


class ShownForm(forms.Form):
    """Which booking was shown where something was pressed."""

    booking = forms.SlugField(max_length=ID_LENGTH, required=False)

    def shown(self) -> str | None:
        """Return the booking's id, empty where none was shown; None for a page that does not say."""
        return str(self.cleaned_data["booking"]) if "booking" in self.data else None


class VoucherForm(ShownForm):
    """Which voucher something is done with."""

    voucher = forms.SlugField(max_length=ID_LENGTH)


class CancelForm(forms.Form):
    """Why a booking is cancelled at the desk."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the journal; the guest can read it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class WalkInAddress(CalendarForm):
    """What a guest without a booking is shown: a batch of open vouchers, and its calendar."""

    hotel = forms.SlugField(max_length=ID_LENGTH, required=False)
    batch = forms.SlugField(max_length=ID_LENGTH, required=False)


class WalkInForm(forms.Form):
    """Who stands at the desk."""

    slot = SlotField()
    name = forms.CharField(
        label=_("Name of the guest"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("E-mail address, for the confirmation (optional)"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "inputmode": "email"}),
    )
    form_key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def details(self, language: str) -> GuestDetails:
        """Return what was typed, for the domain."""
        data: dict[str, Any] = self.cleaned_data
        key = str(data["form_key"]) if data["form_key"] else None
        return GuestDetails(name=data["name"], email=data["email"], language=language, form_key=key)
