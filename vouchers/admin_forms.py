"""What staff type into the admin to issue vouchers; times are by the hotel's clock."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin.widgets import (
    AdminSplitDateTime,
    AdminTextareaWidget,
    AdminTextInputWidget,
)
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from vouchers.forms import IssueForm, VoucherRowForm
from vouchers.models import Offer
from vouchers.terms import EARLIEST, LATEST

if TYPE_CHECKING:
    OfferChoiceBase = forms.ModelChoiceField[Offer]
else:
    OfferChoiceBase = forms.ModelChoiceField

_TIMES = ("valid_from", "valid_until")


def _clock_fields() -> dict[str, forms.Field]:
    helps = (
        _("By the hotel's clock. Empty means from now on."),
        _("By the hotel's clock. Empty means as long as the offer says."),
    )
    labels = (_("Valid from"), _("Valid until"))
    return {
        name: forms.SplitDateTimeField(
            label=label,
            required=False,
            widget=AdminSplitDateTime(attrs={"aria-label": label}),
            help_text=words,
        )
        for name, label, words in zip(_TIMES, labels, helps, strict=True)
    }


def _by_clock(form: forms.Form, data: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Read the typed times by a hotel's clock; refuse years that calendars do not reckon with."""
    for name in _TIMES:
        typed: datetime | None = data.get(name)
        if typed is None:
            continue
        if not EARLIEST.year <= typed.year < LATEST.year:
            form.add_error(name, _("Give a year between 1990 and 2199."))
        else:
            data[name] = typed.replace(tzinfo=zone)
    return data


class OfferIssueForm(IssueForm):
    """How many vouchers of one offer, and until when they are valid by its hotel's clock."""

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(_clock_fields())
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        """Read the times by the hotel's clock."""
        return _by_clock(self, super().clean() or {}, self.zone)


class OfferChoiceField(OfferChoiceBase):
    """A choice of offers that says whose they are."""

    def label_from_instance(self, obj: Offer) -> str:
        """Return hotel and title."""
        return f"{obj.hotel.name}: {obj.title}"


class IssueOneForm(VoucherRowForm):
    """One voucher: of an offer, with what is said differently; or on terms of its own."""

    issuer_uid: forms.Field = forms.ModelChoiceField(None, label=_("Hotel"))
    offer = OfferChoiceField(
        None,
        label=_("Offer"),
        required=False,
        help_text=_("Whatever is left empty below is as the offer says."),
    )
    holder_uid = forms.CharField(
        label=_("Holder"),
        max_length=64,
        required=False,
        widget=AdminTextInputWidget,
        help_text=_("The guest's uid, such as thinker-0123456789ab. Empty: any guest can book it."),
    )
    title = forms.CharField(label=_("Title"), max_length=120, required=False, widget=AdminTextInputWidget)
    description = forms.CharField(
        label=_("Description"), max_length=2000, required=False, widget=AdminTextareaWidget
    )
    terms = forms.JSONField(
        label=_("Terms"),
        required=False,
        widget=AdminTextareaWidget,
        help_text=_('A JSON object, for example {"Age": "16 and over"}.'),
    )

    def __init__(self, *args: Any, hotels: QuerySet[Any], offers: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["count"]
        self.fields.update(_clock_fields())
        self.order_fields(self.COLUMNS)
        chosen: Any = self.fields["issuer_uid"]
        chosen.queryset = hotels
        if len(own := list(hotels[:2])) == 1:
            chosen.initial = own[0].pk
        offered: Any = self.fields["offer"]
        offered.queryset = offers.filter(is_active=True).select_related("hotel")

    def clean(self) -> dict[str, Any]:
        """Read the times by the chosen hotel's clock."""
        data = super().clean()
        hotel = data.get("issuer_uid")
        return _by_clock(self, data, hotel.zone) if hotel else data
