"""Webhooks in the admin: made, switched and tested here; what became of each delivery is to be read."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from events.models import Event
from portal.admin import (
    HotelFilter,
    ReadOnlyAdmin,
    acting,
    is_superuser,
    moment_of,
    moment_words,
    uids_of,
)
from portal.admin_actions import run_each
from portal.errors import Rejected
from webhooks.admin_filters import DeliveryHotelFilter, DeliveryStateFilter, WebhookFilter
from webhooks.domain import (
    create_subscription,
    redeliver,
    refuse_address,
    rotate_secret,
    send_test,
    switch_off,
    switch_on,
)
from webhooks.event_types import KNOWN
from webhooks.models import Delivery, Subscription


class SubscriptionForm(forms.ModelForm[Subscription]):
    """What is to be known to make a webhook."""

    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Types of event"),
        choices=[(name, name) for name in KNOWN],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy("None chosen means every type."),
    )

    class Meta:
        model = Subscription
        fields = ("hotel", "url", "event_types")
        widgets = {"url": forms.URLInput(attrs={"class": "vURLField"})}

    def clean_url(self) -> str:
        """Refuse an address that webhooks do not go to."""
        url: str = self.cleaned_data["url"]
        try:
            refuse_address(url)
        except Rejected as error:
            raise forms.ValidationError(error.message, code=error.code) from None
        return url


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Webhooks of the user's hotels; their secrets are for those who may change them."""

    form = SubscriptionForm
    change_form_template = "admin/record_change_form.html"
    list_display = ("id", "hotel", "url", "wanted", "state", "created")
    list_filter = ("is_active", ("hotel", HotelFilter))
    list_select_related = ("hotel",)
    search_fields = ("id", "url")
    actions = ("turn_on", "turn_off", "rotate", "test")
    add_fields = ("hotel", "url", "event_types")
    shown_fields: ClassVar[Any] = ("id", "hotel", "url", "wanted", "state", "created", "failing")
    secret_fields: ClassVar[Any] = ("secret", "old_secret", "old_until")
    created = moment_of("created_at", gettext_lazy("created"))
    failing = moment_of("failing_since", gettext_lazy("failing since"))
    old_until = moment_of("old_secret_until", gettext_lazy("old secret good until"))

    @admin.display(description=gettext_lazy("types of event"))
    def wanted(self, webhook: Subscription) -> str:
        """Return what is subscribed to."""
        return ", ".join(webhook.event_types) or _("every type")

    @admin.display(description=gettext_lazy("state"))
    def state(self, webhook: Subscription) -> str:
        """Return whether the webhook is on, and why it is not."""
        if webhook.is_active:
            return _("On; the receiver fails") if webhook.failing_since else _("On")
        if not webhook.disabled_reason:
            return _("Off")
        return _("Off: %(reason)s") % {"reason": webhook.disabled_reason}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those make webhooks who have the permission."""
        return request.user.has_perm("webhooks.add_subscription")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may switch webhooks and see their secrets."""
        return request.user.has_perm("webhooks.change_subscription")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return what is typed for a new webhook, and what the user may see of one."""
        if obj is None:
            return self.add_fields
        secret = self.secret_fields if self.has_operate_permission(request) else ()
        return (*self.shown_fields, *secret)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        """Let nothing of a webhook be changed."""
        return () if obj is None else (*self.shown_fields, *self.secret_fields)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Leave out the transaction around the whole: looking a host up is slow, and would hold a lock."""
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Make the webhook."""
        typed = form.cleaned_data
        made = create_subscription(
            hotel=typed["hotel"],
            url=typed["url"],
            event_types=typed["event_types"],
            by=acting(request),
            now=timezone.now(),
        )
        obj.pk = made.pk

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what can be done with the webhook."""
        webhook = context.get("original")
        if webhook is not None:
            names = ("turn_off", "rotate", "test") if webhook.is_active else ("turn_on", "rotate")
            allowed = self.get_actions(request)
            context["page_actions"] = [(name, allowed[name][2]) for name in names if name in allowed]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description=gettext_lazy("Switch on"), permissions=["operate"])
    def turn_on(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Switch the chosen webhooks on."""
        return self._each(request, rows, switch_on)

    @admin.action(description=gettext_lazy("Switch off"), permissions=["operate"])
    def turn_off(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Switch the chosen webhooks off."""
        return self._each(request, rows, switch_off)

    @admin.action(description=gettext_lazy("Change the secret"), permissions=["operate"])
    def rotate(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Give the chosen webhooks new secrets."""
        return self._each(request, rows, rotate_secret)

    @admin.action(description=gettext_lazy("Send a test event"), permissions=["operate"])
    def test(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Send a test event to the chosen webhooks."""
        return self._each(request, rows, send_test)

    def _each(self, request: HttpRequest, rows: QuerySet[Any], verb: Any) -> HttpResponse | None:
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: verb(subscription_id=key, by=by, now=timezone.now()),
            lambda number: (
                ngettext("Done for %(number)d webhook.", "Done for %(number)d webhooks.", number)
                % {"number": number}
            ),
        )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What became of each event for each receiver; delivering again needs the permission to change."""

    hotel_lookup = "subscription__hotel"
    list_display = (
        "event",
        "subscription",
        "created",
        "state",
        "attempts",
        "last_error",
        "took",
    )
    list_filter = (
        DeliveryStateFilter,
        ("subscription__hotel", DeliveryHotelFilter),
        ("subscription", WebhookFilter),
    )
    list_select_related = ("event", "subscription__hotel")
    search_fields = ("event__id", "event__subject_id", "subscription__id")
    search_ids: ClassVar[Any] = {"e-": "event__id", "w-": "subscription__id"}
    search_help_text = gettext_lazy(
        "The id of an event or a webhook, or its beginning, or the whole id of what the event is about."
    )
    actions = ("again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the deliveries of the webhooks of the user's hotels, which are few and named one by one."""
        rows: QuerySet[Any] = admin.ModelAdmin.get_queryset(self, request)
        if is_superuser(request):
            return rows
        webhooks = Subscription.objects.filter(hotel__in=uids_of(request))
        return rows.filter(subscription__in=list(webhooks.values_list("pk", flat=True)))

    def words_condition(self, _queryset: QuerySet[Any], words: list[str]) -> Q:
        """Look for what events are about."""
        return Q(event__in=Event.objects.filter(subject_id=" ".join(words)).values("pk"))

    fields = readonly_fields = (
        "event",
        "subscription",
        "created",
        "state",
        "attempts",
        "last_status",
        "last_error",
        "took",
    )

    @admin.display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, delivery: Delivery) -> str:
        """Return since when the event is to be delivered."""
        return moment_words(delivery.created_at, delivery.subscription.hotel.zone)

    @admin.display(description=gettext_lazy("took"), ordering="duration_ms")
    def took(self, delivery: Delivery) -> str:
        """Return how long the last attempt took."""
        return "–" if delivery.duration_ms is None else f"{delivery.duration_ms} ms"

    @admin.display(description=gettext_lazy("state"))
    def state(self, delivery: Delivery) -> str:
        """Return what became of the delivery, and when."""
        zone = delivery.subscription.hotel.zone
        if delivery.delivered_at is not None:
            return _("delivered %(when)s") % {"when": moment_words(delivery.delivered_at, zone)}
        if delivery.failed_at is not None:
            return _("given up %(when)s") % {"when": moment_words(delivery.failed_at, zone)}
        if delivery.next_attempt_at is None or not delivery.attempts:
            return _("waiting")
        return _("again %(when)s") % {"when": moment_words(delivery.next_attempt_at, zone)}

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may have events delivered again."""
        return request.user.has_perm("webhooks.change_delivery")

    @admin.action(description=gettext_lazy("Deliver again"), permissions=["operate"])
    def again(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Deliver the chosen events again."""
        return run_each(
            self,
            request,
            rows,
            lambda key: redeliver(delivery_id=int(key), now=timezone.now()),
            lambda number: (
                ngettext("%(number)d event is sent again.", "%(number)d events are sent again.", number)
                % {"number": number}
            ),
        )
