"""What a well-formed request to issue vouchers is: for the admin and for rows of a file."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from vouchers.domain import MAX_COUNT
from vouchers.many import MOST_VOUCHERS, Order
from vouchers.models import CURRENCY, VOUCHER_MAX_MINUTES, Hotel, Offer
from vouchers.terms import EARLIEST, LATEST, Terms, terms_of

if TYPE_CHECKING:
    ModelChoiceField = forms.ModelChoiceField[Any]
else:
    ModelChoiceField = forms.ModelChoiceField

_WITHIN_CALENDARS = (MinValueValidator(EARLIEST), MaxValueValidator(LATEST))


class _YesNoSelect(forms.NullBooleanSelect):
    """A choice of yes, no and neither that passes on what it was given."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ARG002 - Django passes it
        """Return the raw text, for the field to judge."""
        return data.get(name)


class YesNoField(forms.NullBooleanField):
    """Yes, no or neither, as people and spreadsheets write it."""

    widget = _YesNoSelect
    _WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

    def to_python(self, value: Any) -> Any:
        """Return what was meant; a word that is neither is refused, not taken for no answer."""
        word = "" if value is None else str(value).strip().lower()
        if word in ("", "unknown"):
            return None
        if word not in self._WORDS:
            raise forms.ValidationError(_("Write yes or no."), code="invalid")
        return self._WORDS[word]


class IssueForm(forms.Form):
    """How many vouchers of an offer to issue, and until when they are valid."""

    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=MOST_VOUCHERS, initial=1)
    valid_from = forms.DateTimeField(
        label=_("Valid from (UTC)"),
        required=False,
        help_text=_("Empty means from now on."),
        validators=_WITHIN_CALENDARS,
    )
    valid_until = forms.DateTimeField(
        label=_("Valid until (UTC)"),
        required=False,
        help_text=_("Empty means as long as the offer says."),
        validators=_WITHIN_CALENDARS,
    )

    def terms(self, offer: Offer, now: datetime) -> Terms:
        """Return the terms that the vouchers are issued on."""
        data = self.cleaned_data
        return terms_of(offer, now=now, valid_from=data["valid_from"], valid_until=data["valid_until"])


class FoundRowField(ModelChoiceField):
    """A choice of a row that asks for each row once, where `found` keeps them from form to form."""

    found: dict[Any, Any] | None = None

    def to_python(self, value: Any) -> Any:
        """Return the row of a key."""
        if self.found is None or self.queryset is None or not isinstance(value, str):
            return super().to_python(value)
        key = (self.queryset.model, value)
        if key not in self.found:
            self.found[key] = super().to_python(value)
        return self.found[key]


class VoucherRowForm(forms.Form):
    """One row of a file: the columns are the voucher's field names, and `count`.

    `found` keeps hotels and offers for the forms of further rows.
    """

    issuer_uid: forms.Field = FoundRowField(Hotel.objects.all())
    offer: forms.Field = FoundRowField(Offer.objects.select_related("hotel"), required=False)
    holder_uid = forms.CharField(max_length=64, required=False)
    count = forms.IntegerField(min_value=1, max_value=MAX_COUNT, required=False)
    service_type = forms.CharField(label=_("Service"), max_length=60, required=False)
    title = forms.CharField(max_length=120, required=False)
    description = forms.CharField(max_length=2000, required=False)
    duration_minutes = forms.IntegerField(
        label=_("Duration in minutes"), min_value=1, max_value=VOUCHER_MAX_MINUTES, required=False
    )
    valid_from = forms.DateTimeField(required=False, validators=_WITHIN_CALENDARS)
    valid_until = forms.DateTimeField(required=False, validators=_WITHIN_CALENDARS)
    price_amount = forms.DecimalField(
        label=_("Price"), min_value=0, max_digits=10, decimal_places=2, required=False
    )
    price_currency = forms.CharField(label=_("Currency"), max_length=3, validators=[CURRENCY], required=False)
    transferable = YesNoField(label=_("Transferable"), required=False)
    terms = forms.JSONField(required=False)

    COLUMNS = (
        "issuer_uid", "offer", "holder_uid", "count", "service_type", "title", "description",
        "duration_minutes", "valid_from", "valid_until", "price_amount", "price_currency",
        "transferable", "terms",
    )  # fmt: skip

    def __init__(self, *args: Any, found: dict[Any, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("issuer_uid", "offer"):
            field: Any = self.fields[name]
            field.found = found

    def clean(self) -> dict[str, Any]:
        """Ask for what a voucher without an offer cannot do without."""
        data = super().clean() or {}
        if not data.get("offer") and "offer" not in self.errors:
            for name in ("title", "valid_until"):
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, _("Needed for a voucher without an offer."))
        if not isinstance(data.get("terms"), dict | None):
            self.add_error("terms", _("Write a JSON object, for example {}."))
        return data

    def issue_terms(self, now: datetime) -> Terms:
        """Return the terms of the row: the offer's, with what the row says differently."""
        data = self.cleaned_data
        named = {name: data[name] for name in Terms.__dataclass_fields__ if data.get(name) not in (None, "")}
        for name in ("valid_from", "valid_until"):
            if name in named:
                named[name] = named[name].astimezone(UTC)
        if data["offer"] is None:
            usual = {"valid_from": now, "price_currency": data["issuer_uid"].default_currency}
            return Terms(**{**usual, **named})
        base = terms_of(
            data["offer"],
            now=now,
            valid_from=named.pop("valid_from", None),
            valid_until=named.pop("valid_until", None),
        )
        return Terms(**{name: getattr(base, name) for name in Terms.__dataclass_fields__} | named)

    def order(self, now: datetime) -> Order:
        """Return the vouchers that the row asks for; raises as `terms_of` does."""
        data = self.cleaned_data
        return Order(
            hotel=data["issuer_uid"],
            offer=data["offer"],
            terms=self.issue_terms(now),
            count=data["count"] or 1,
            holder_uid=data["holder_uid"],
        )
