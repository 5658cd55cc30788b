"""What a well-formed address of the figures is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports.periods import MOST_DAYS, Period, last_days, last_months
from vouchers.models import Hotel
from vouchers.terms import EARLIEST

_UTC = ZoneInfo("UTC")
DATES = "dates"
PRESETS = {
    "30": gettext_lazy("Last 30 days"),
    "90": gettext_lazy("Last 90 days"),
    "12m": gettext_lazy("12 months"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the figures are of: `hotel` is None for all of `hotels`, `preset` "" for chosen dates."""

    hotel: Hotel | None
    hotels: list[Hotel]
    period: Period
    preset: str


class _DayField(forms.DateField):
    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        )


class FiguresForm(forms.Form):
    """Which hotel and which days; everything may be left out."""

    hotel = forms.ChoiceField(label=gettext_lazy("Hotel"), required=False)
    since = _DayField(gettext_lazy("From"))
    until = _DayField(gettext_lazy("Until"))
    period = forms.ChoiceField(
        label=gettext_lazy("Period"), choices=[(DATES, ""), *PRESETS.items()], required=False
    )

    def __init__(self, *args: Any, hotels: Sequence[Hotel], now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self._hotels = list(hotels)
        self._now = now
        choices = [("", _("All")), *((hotel.pk, hotel.name) for hotel in hotels)]
        self.fields["hotel"] = forms.ChoiceField(label=gettext_lazy("Hotel"), choices=choices, required=False)

    def clean(self) -> dict[str, Any]:
        """Return the fields with the `choice` that they make."""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        chosen = [hotel for hotel in self._hotels if data["hotel"] in ("", hotel.pk)]
        zones = {hotel.time_zone for hotel in chosen}
        zone = ZoneInfo(zones.pop()) if len(zones) == 1 else _UTC
        today = self._now.astimezone(zone).date()
        preset = data["period"] or ("" if data["since"] or data["until"] else "30")
        if preset in PRESETS:
            months = preset == "12m"
            period = last_months(12, today, zone) if months else last_days(int(preset), today, zone)
        else:
            preset, period = "", self._dates(data["since"], data["until"], today, zone)
        hotel = chosen[0] if len(chosen) == 1 else None
        return {**data, "choice": Choice(hotel, chosen, period, preset)}

    def _dates(self, since: date | None, until: date | None, today: date, zone: ZoneInfo) -> Period:
        """Return the days that were asked for, or raise ValidationError saying why not."""
        if since is None or until is None:
            raise forms.ValidationError(_("Give both days, the first and the last."), code="day_missing")
        if since > until:
            raise forms.ValidationError(_("The last day comes before the first."), code="days_reversed")
        if until > today:
            raise forms.ValidationError(_("Choose days up to today."), code="day_ahead")
        if since.year < EARLIEST.year:
            raise forms.ValidationError(_("There is nothing of so long ago."), code="day_too_early")
        if (until - since).days >= MOST_DAYS:
            words = _("Choose at most %(most)s days.") % {"most": MOST_DAYS}
            raise forms.ValidationError(words, code="days_too_many")
        return Period(since, until, zone)
