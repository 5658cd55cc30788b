"""What well-formed requests about bookings are."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.domain import GuestDetails
from bookings.slot_ids import parse_slot_id


class BookingForm(forms.Form):
    """The guest's part of a booking."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        help_text=_("Your confirmation goes there, and nothing else."),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    note = forms.CharField(
        label=_("A note to the hotel (optional)"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    form_key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    @staticmethod
    def new_key() -> str:
        """Return a key for a new form: a second press of its button is known by it."""
        return str(uuid4())

    def details(self, language: str) -> GuestDetails:
        """Return what was typed, for the domain."""
        data = self.cleaned_data
        return GuestDetails(
            name=data["name"],
            email=data["email"],
            note=data["note"],
            language=language,
            form_key=str(data["form_key"]) if data["form_key"] else None,
        )


class SlotField(forms.CharField):
    """A slot id; cleans to the instant at which the slot starts."""

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(max_length=40, required=required)

    def clean(self, value: Any) -> Any:
        """Return the start, or None for an empty field that is not required."""
        text = super().clean(value)
        if not text:
            return None
        start = parse_slot_id(text)
        if start is None:
            raise forms.ValidationError(_("This is no time that can be booked."), code="slot_invalid")
        return start


class MonthField(forms.CharField):
    """A month as "2026-12"; cleans to its first day."""

    def clean(self, value: Any) -> Any:
        """Return the first day, or None for an empty field."""
        text = super().clean(value)
        if not text:
            return None
        return forms.DateField(input_formats=["%Y-%m"]).clean(text)


class MoveForm(forms.Form):
    """The slot that a booking moves to."""

    slot = SlotField()


class CalendarForm(forms.Form):
    """Where a calendar stands: part of an address."""

    month = MonthField(max_length=7, required=False)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    slot = SlotField(required=False)


class CancelForm(forms.Form):
    """Why a booking is cancelled, if the guest wants to say."""

    reason = forms.CharField(
        label=_("Why? (optional, the hotel reads it)"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class LinkRequestForm(forms.Form):
    """The address that a guest link is sent to."""

    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
