"""How lists of webhooks and deliveries are narrowed down."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.admin import HotelFilter, is_superuser, uids_of
from webhooks.models import Subscription


class DeliveryStateFilter(admin.SimpleListFilter):
    """Waiting, delivered, or given up."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        """Return the states."""
        return [
            ("waiting", _("waiting")),
            ("retried", _("tried again later")),
            ("delivered", _("delivered")),
            ("failed", _("given up")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Return the deliveries in the chosen state."""
        chosen: dict[str, dict[str, Any]] = {
            # That those were not delivered follows; said here, it leads to the index of such.
            "waiting": {"delivered_at": None, "next_attempt_at__isnull": False, "attempts": 0},
            "retried": {"delivered_at": None, "next_attempt_at__isnull": False, "attempts__gt": 0},
            "delivered": {"delivered_at__isnull": False},
            "failed": {"delivered_at": None, "failed_at__isnull": False},
        }
        return queryset.filter(**chosen.get(self.value() or "", {}))


class DeliveryHotelFilter(HotelFilter):
    """The hotels whose webhooks events went to."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the deliveries of a hotel's webhooks; named one by one, they lead to an index."""
        if not self.used_parameters:
            return queryset
        hotels: Any = self.used_parameters.get(self.lookup_kwarg)
        webhooks = Subscription.objects.filter(hotel__in=hotels or ()).values_list("pk", flat=True)
        return queryset.filter(subscription__in=list(webhooks))


class WebhookFilter(admin.RelatedFieldListFilter):
    """The webhooks of the hotels that the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the user's own."""
        limit = {} if is_superuser(request) else {"hotel__in": uids_of(request)}
        ordering = self.field_admin_ordering(field, request, model_admin)
        choices: Any = field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=limit)
        return list(choices)
