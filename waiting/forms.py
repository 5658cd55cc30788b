"""What well-formed requests about the waiting list are."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms import SlotField
from portal.ids import ID_LENGTH


class WishForm(forms.Form):
    """What a guest wants to wait for, as an address says it: a voucher or batch, and a day or a slot."""

    voucher = forms.SlugField(max_length=ID_LENGTH)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    slot = SlotField(required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a wish for nothing."""
        wish: dict[str, Any] = super().clean() or {}
        if not wish.get("day") and not wish.get("slot"):
            raise forms.ValidationError(_("Choose a day or a time."), code="wish_empty")
        return wish


class JoinForm(forms.Form):
    """Who waits, and where they are told."""

    name = forms.CharField(
        label=_("Your name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
