"""What is subscribed to, and what became of every delivery."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from events.models import Event
from portal.ids import ID_LENGTH
from vouchers.models import Hotel


class Subscription(models.Model):
    """A receiver of a hotel's events: where it is, what it wants, and how it does."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH, editable=False)
    hotel = models.ForeignKey(Hotel, models.PROTECT, related_name="webhooks", verbose_name=_("hotel"))
    url = models.CharField(_("address"), max_length=500)
    event_types = models.JSONField(_("types of event"), default=list, blank=True)
    secret = models.CharField(_("secret"), max_length=100, editable=False)
    old_secret = models.CharField(_("old secret"), max_length=100, blank=True, editable=False)
    old_secret_until = models.DateTimeField(_("old secret good until"), null=True, editable=False)
    is_active = models.BooleanField(_("on"), default=True, editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    # The journal's last position whose events were made into deliveries.
    position = models.BigIntegerField(default=0, editable=False)
    # A receiver that fails is tried by one delivery at a time (`trial`), not before `retry_at`.
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    trial = models.BigIntegerField(null=True, editable=False)
    # A receiver whose last answer took long gets one delivery at a time as well.
    is_slow = models.BooleanField(default=False, editable=False)
    disabled_at = models.DateTimeField(_("switched off"), null=True, editable=False)
    disabled_reason = models.CharField(_("reason"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(is_active=True, disabled_at=None) | Q(is_active=False, disabled_at__isnull=False),
                name="webhooks_off_has_a_time",
            ),
        )

    def __str__(self) -> str:
        return self.id

    def secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign at a moment, the newest first."""
        old_is_good = self.old_secret_until is not None and now < self.old_secret_until
        return [self.secret, self.old_secret] if old_is_good else [self.secret]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries by what there is to do."""

    def open(self) -> Self:
        """Neither delivered nor given up."""
        return self.filter(next_attempt_at__isnull=False)

    def idle(self, now: datetime) -> Self:
        """Open, and no worker has it in hand."""
        return self.open().filter(Q(lease_until=None) | Q(lease_until__lte=now))

    def due(self, now: datetime) -> Self:
        """Idle, and its next attempt's time has come."""
        return self.idle(now).filter(next_attempt_at__lte=now)


class Delivery(models.Model):
    """One event for one receiver; open as long as `next_attempt_at` is set."""

    # It leads two indexes below: one of its own would only cost every write.
    subscription = models.ForeignKey(
        Subscription,
        models.CASCADE,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("webhook"),
    )
    event = models.ForeignKey(Event, models.PROTECT, related_name="+", verbose_name=_("event"))
    created_at = models.DateTimeField(_("created"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    # Until then it is a worker's: handed to the queue, or (`is_running`) on its way.
    lease_until = models.DateTimeField(null=True)
    is_running = models.BooleanField(default=False)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    failed_at = models.DateTimeField(_("given up"), null=True)
    last_status = models.PositiveSmallIntegerField(_("last answer"), null=True)
    last_error = models.CharField(_("last error"), max_length=100, blank=True)
    duration_ms = models.PositiveIntegerField(_("took (ms)"), null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("subscription", "event"), name="webhooks_once_each"),
            models.CheckConstraint(
                condition=Q(next_attempt_at__isnull=False, delivered_at=None, failed_at=None)
                | Q(next_attempt_at=None, delivered_at__isnull=False, failed_at=None)
                | Q(next_attempt_at=None, delivered_at=None, failed_at__isnull=False),
                name="webhooks_open_or_ended",
            ),
        )
        indexes = (
            models.Index(
                fields=("subscription", "next_attempt_at", "id"),
                name="webhooks_open",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index(fields=("created_at",), name="webhooks_created"),
            models.Index(fields=("subscription", "id"), name="webhooks_of_one_newest"),
            models.Index(fields=("id",), name="webhooks_undelivered", condition=Q(delivered_at=None)),
        )

    def __str__(self) -> str:
        return f"{self.event_id} → {self.subscription_id}"
