"""Filters of the admin's list of vouchers."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.admin_search import all_of
from vouchers.models import Batch, Offer
from vouchers.services import service_name
from vouchers.states import Status

_SOON = timedelta(days=30)
_MOST_BATCHES = 5000


def title_holds(words: list[str]) -> Q:
    """Return the condition of vouchers whose title holds every word; one statement looks batches up.

    A voucher has its batch's title, and there are far fewer batches: only vouchers without one are
    looked at themselves. So are all of them when so many batches match that a page fills up at once.
    """
    named = all_of("title", words)
    batches = list(Batch.objects.filter(named).order_by().values_list("pk", flat=True)[: _MOST_BATCHES + 1])
    if len(batches) > _MOST_BATCHES:
        return named
    return Q(batch__in=batches) | (Q(batch=None) & named)


class ShownStatusFilter(admin.SimpleListFilter):
    """Filter by the status that the guest sees now, stored or not."""

    title = _("status")
    parameter_name = "shown"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the statuses."""
        return Status.choices

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the vouchers shown with the chosen status; of an unknown one there are none."""
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.shown_as(chosen, timezone.now())  # type: ignore[attr-defined, no-any-return]


class ServiceFilter(admin.SimpleListFilter):
    """Filter by service, among those that the user's hotels give."""

    title = _("service")
    parameter_name = "service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the services of the user's offers and batches; few rows, unlike the vouchers."""
        found: set[str] = set()
        for model in (Offer, Batch):
            source = model_admin.admin_site.get_model_admin(model)
            rows = source.get_queryset(request).order_by()
            found.update(rows.values_list("service_type", flat=True).distinct())
        return [(service, service_name(service)) for service in sorted(found)]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the vouchers of the chosen service."""
        return queryset.filter(service_type=self.value()) if self.value() else queryset


class ValidityFilter(admin.SimpleListFilter):
    """Filter by when vouchers can be used."""

    title = _("validity")
    parameter_name = "validity"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the kinds of time that vouchers stand in."""
        return (
            ("now", _("Valid now")),
            ("soon", _("Ends within 30 days")),
            ("later", _("Begins later")),
            ("over", _("Over")),
        )

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the vouchers whose validity stands so."""
        now = timezone.now()
        conditions: dict[str | None, dict[str, Any]] = {
            "now": {"valid_from__lte": now, "valid_until__gt": now},
            "soon": {"valid_until__gt": now, "valid_until__lte": now + _SOON},
            "later": {"valid_from__gt": now},
            "over": {"valid_until__lte": now},
        }
        return queryset.filter(**conditions.get(self.value(), {}))
