"""A look at the coming week while an offer is being typed: nothing is saved, nothing is locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.admin_week import coming_days, typed_days
from bookings.slots import Day
from events.admin_journal import JournalledAdmin
from vouchers.models import Offer

# The name of the button, and what htmx sends in its place.
PREVIEW = "_preview"
# What decides the slots; mistakes elsewhere in the form do not hide the week.
_DECIDING = ("hotel", "duration_minutes", "step_minutes", "capacity", "min_notice_minutes")


@dataclass(frozen=True, slots=True)
class Week:
    """The week below an offer's form: its days, or what has to be mended before there are any."""

    is_typed: bool
    zone: ZoneInfo | None = None
    days: list[Day] | None = None
    problems: tuple[str, ...] = ()


class PreviewingAdmin(JournalledAdmin):
    """Offers whose form shows the coming week for what is typed."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Answer the preview's button with the week alone (htmx) or with the whole form as it was typed."""
        if request.method == "POST" and PREVIEW in request.POST:
            return self._preview(request, object_id, form_url)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _preview(self, request: HttpRequest, object_id: str | None, form_url: str) -> HttpResponse:
        offer = self.get_object(request, object_id) if object_id else None
        if object_id and offer is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined, no-any-return]
                request, self.opts, object_id
            )
        may = self.has_change_permission(request, offer) if offer else self.has_add_permission(request)
        if not may:
            raise PermissionDenied
        form_class = self.get_form(request, offer, change=offer is not None)
        form = type("PreviewForm", (form_class,), {"is_preview": True})(request.POST, instance=offer)
        formsets, inlines = [], []
        for formset, inline in self.get_formsets_with_inlines(request, offer):
            prefix = formset.get_default_prefix()
            rows = inline.get_queryset(request)
            instance = offer or Offer()
            formsets.append(formset(request.POST, instance=instance, prefix=prefix, queryset=rows))
            inlines.append(inline)
        week = _typed_week(offer, form, formsets, timezone.now())
        if getattr(request, "htmx", False):
            status = 422 if week.problems else 200
            return render(request, "admin/vouchers/offer/_offer_week.html", {"week": week}, status=status)
        return self._form_again(request, offer, form, formsets, inlines, form_url, week)

    def _form_again(
        self,
        request: HttpRequest,
        offer: Any,
        form: Any,
        formsets: list[Any],
        inlines: list[Any],
        form_url: str,
        week: Week,
    ) -> HttpResponse:
        """Show the form as Django's own page does, with what was typed and the week below it."""
        fieldsets: Any = list(self.get_fieldsets(request, offer))
        page = helpers.AdminForm(
            form,
            fieldsets,
            self.get_prepopulated_fields(request, offer),
            self.get_readonly_fields(request, offer),
            model_admin=self,
        )
        shown = self.get_inline_formsets(request, formsets, inlines, offer)
        media = self.media + page.media
        for each in shown:
            media += each.media
        name = self.opts.verbose_name
        context = {
            **self.admin_site.each_context(request),
            "title": (_("Change %s") if offer else _("Add %s")) % name,
            "subtitle": str(offer) if offer else None,
            "adminform": page,
            "object_id": offer.pk if offer else None,
            "original": offer,
            "is_popup": False,
            "to_field": None,
            "media": media,
            "inline_admin_formsets": shown,
            "errors": helpers.AdminErrorList(form, formsets),
            "preserved_filters": self.get_preserved_filters(request),
            "week": week,
        }
        return self.render_change_form(
            request, context, add=offer is None, change=offer is not None, obj=offer, form_url=form_url
        )

    def saved_week(self, offer: Offer | None) -> Week:
        """Return the week of an offer as it is saved; a new one has none yet."""
        if offer is None:
            return Week(is_typed=False)
        return Week(is_typed=False, zone=offer.hotel.zone, days=coming_days(offer.pk, now=timezone.now()))


def _typed_week(offer: Offer | None, form: Any, formsets: list[Any], now: datetime) -> Week:
    """Reckon the week from a form and its inline rows, or say what keeps it from being reckoned."""
    problems = tuple(dict.fromkeys(_problems(form, formsets)))
    if problems:
        return Week(is_typed=True, problems=problems)
    hotel = offer.hotel if offer else form.cleaned_data["hotel"]
    hours, closures = (_rows(formset) for formset in formsets)
    found = typed_days(
        hotel=hotel,
        offer_id=offer.pk if offer else None,
        fields=form.cleaned_data,
        hours=hours,
        closures=closures,
        now=now,
    )
    return Week(is_typed=True, zone=hotel.zone, days=found)


def _problems(form: Any, formsets: list[Any]) -> Iterator[str]:
    for name in _DECIDING:
        for words in form.errors.get(name, ()):
            yield f"{form.fields[name].label}: {words}"
    for formset in formsets:
        if formset.is_valid():
            continue
        yield from formset.non_form_errors()
        for row in formset.forms:
            yield from row.non_field_errors()
            for name, messages in row.errors.items():
                if name in row.fields:
                    yield from (f"{row.fields[name].label}: {words}" for words in messages)


def _rows(formset: Any) -> list[dict[str, Any]]:
    """Return the inline rows that would be saved."""
    return [
        form.cleaned_data
        for form in formset.forms
        if form.has_changed() | bool(form.instance.pk)
        and form.cleaned_data
        and not form.cleaned_data.get("DELETE")
    ]
