"""Filters of the admin's lists of bookings and mails."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.wallclock import day_bounds


class DayFilter(admin.SimpleListFilter):
    """Filter by when the slot is; days are those of the clock that the list names."""

    title = _("when")
    parameter_name = "when"
    COMING = ("today", "tomorrow", "week", "coming")

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the stretches of time that a desk asks for."""
        return (
            ("today", _("Today")),
            ("tomorrow", _("Tomorrow")),
            ("week", _("The next 7 days")),
            ("coming", _("From now on")),
            ("past", _("Past")),
        )

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the bookings whose slot is in the chosen time."""
        now = timezone.now()
        if self.value() == "coming":
            return queryset.filter(slot_end__gt=now)
        if self.value() == "past":
            return queryset.filter(slot_end__lte=now)
        reach = {"today": (0, 0), "tomorrow": (1, 1), "week": (0, 6)}.get(self.value() or "")
        if reach is None:
            return queryset
        zone: Any = timezone.get_current_timezone()
        first, last = (timezone.localdate(now) + timedelta(days=number) for number in reach)
        since, until = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
        return queryset.filter(slot_start__gte=since, slot_start__lt=until)


class DeliveryFilter(admin.SimpleListFilter):
    """Filter mails by what became of them."""

    title = _("delivery")
    parameter_name = "delivery"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return what may become of a mail."""
        return (("owed", _("Still owed")), ("sent", _("Sent")), ("given_up", _("Given up")))

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the mails that stand so."""
        conditions = {
            "owed": Q(sent_at=None, failed_at=None),
            "sent": Q(sent_at__isnull=False),
            "given_up": Q(sent_at=None, failed_at__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))
