"""What a well-formed address of the manifest portal is."""

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms import CalendarForm
from portal.ids import ID_LENGTH
from vouchers.queries import SORTS, Filters
from vouchers.states import Status

SORT_NAMES = {
    "ending": _("Ending first"),
    "newest": _("Newest"),
    "title": _("By name"),
}


class ManifestForm(CalendarForm):
    """The state of the manifest portal as its address holds it; everything may be left out."""

    status = forms.ChoiceField(choices=[("", _("All")), *Status.choices], required=False)
    q = forms.CharField(max_length=100, required=False)
    hotel = forms.SlugField(max_length=ID_LENGTH, required=False)
    service = forms.CharField(max_length=60, required=False)
    sort = forms.ChoiceField(choices=[(key, SORT_NAMES[key]) for key in SORTS], required=False)
    voucher = forms.SlugField(max_length=ID_LENGTH, required=False)
    after = forms.CharField(max_length=600, required=False)

    def filters(self) -> Filters:
        """Return the list's filters; what was not well-formed counts as left out."""
        data = self.cleaned_data
        return Filters(
            status=data.get("status") or "",
            search=data.get("q") or "",
            hotel=data.get("hotel") or "",
            service=data.get("service") or "",
            sort=data.get("sort") or "ending",
        )
