"""What can be chosen of a print."""

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from portal.languages import languages
from printing.words import Paper
from vouchers.terms import EARLIEST, LATEST

_PAPERS = (
    (Paper.A4, _("A4, four vouchers to cut out")),
    (Paper.A5, _("A5, one voucher on a page")),
    (Paper.A6, _("A6, one voucher on a page")),
)


class PrintForm(forms.Form):
    """On which paper and in which language vouchers are printed."""

    paper = forms.ChoiceField(label=_("Paper"), choices=_PAPERS)
    language = forms.ChoiceField(label=_("Language"), choices=languages)


class GuestPrintForm(PrintForm):
    """The same as part of a guest's address, where nothing has to be said."""

    paper = forms.ChoiceField(choices=_PAPERS, required=False)
    language = forms.ChoiceField(choices=languages, required=False)


class DayForm(forms.Form):
    """Which hotel's which day; both may be left to the page."""

    hotel = forms.SlugField(max_length=ID_LENGTH, required=False)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    def clean_day(self) -> date | None:
        """Refuse a day that calendars do not reckon with."""
        day: date | None = self.cleaned_data["day"]
        if day is not None and not EARLIEST.year <= day.year < LATEST.year:
            raise forms.ValidationError(_("This is no day of a calendar."), code="day_invalid")
        return day
