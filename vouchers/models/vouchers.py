"""Vouchers and the batches they were issued in."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from portal.sqlite.hints import Usually
from vouchers import states
from vouchers.models.hotels import Hotel
from vouchers.models.offers import OFFER_MAX_MINUTES, VOUCHER_MAX_MINUTES, Offer, Service
from vouchers.states import Status


class Promise(Service):
    """What was promised when vouchers were issued: a service, and until when it can be had."""

    # It leads an index of each table: one of its own would only cost every write.
    hotel = models.ForeignKey(
        Hotel,
        models.PROTECT,
        db_column="issuer_uid",
        db_index=False,
        related_name="+",
        verbose_name=_("hotel"),
    )
    offer = models.ForeignKey(
        Offer, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("offer")
    )
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        abstract = True


class BatchQuerySet(models.QuerySet["Batch"]):
    """Named choices of batches, as guests see them: by the open vouchers they still have."""

    def shown_as(self, status: Status, now: datetime) -> Self:
        """Keep the batches with an open voucher that is shown with this status."""
        live, over = Q(valid_until__gt=now), Q(valid_until__lte=now)
        conditions = {
            Status.ISSUED: live & Q(open_issued__gt=0),
            Status.BOOKED: Q(pk__in=()),
            Status.CONSUMED: Q(open_consumed__gt=0),
            Status.CANCELLED: Q(open_cancelled__gt=0),
            Status.EXPIRED: Q(open_expired__gt=0) | (over & Q(open_issued__gt=0)),
        }
        return self.filter(conditions[status])


class Batch(Promise):
    """Vouchers issued together: guests see those that nobody holds as one card.

    The counters hold how many vouchers of the batch without a holder have each stored
    status; the domain changes them in the transaction that changes the vouchers, so that
    a page never counts vouchers.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    open_issued = models.PositiveIntegerField(_("left"), default=0)
    open_consumed = models.PositiveIntegerField(_("consumed"), default=0)
    open_cancelled = models.PositiveIntegerField(_("cancelled"), default=0)
    open_expired = models.PositiveIntegerField(_("expired"), default=0)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("valid_until", "id"), name="vouchers_batch_ending"),
            models.Index(fields=("title", "id"), name="vouchers_batch_title"),
            models.Index(fields=("hotel", "id"), name="vouchers_batch_of_hotel"),
        )


class VoucherQuerySet(models.QuerySet["Voucher"]):
    """Named choices of vouchers."""

    def with_shown_status(self, now: datetime) -> Self:
        """Add `shown_status`: the status that everyone sees at `now`."""
        return self.annotate(shown_status=states.shown_status_expression(now))

    def shown_as(self, status: str, now: datetime) -> Self:
        """Keep the vouchers that everyone sees with this status at `now`."""
        if status == Status.EXPIRED:
            return self.filter(Q(status=Status.EXPIRED) | states.past_expiry(now))
        kept = self.filter(status=status)
        return kept.filter(expires_at__gt=now) if status in states.EXPIRING else kept

    def due(self, now: datetime) -> Self:
        """Keep the vouchers that are expired by the clock and not yet stored so."""
        return self.filter(states.past_expiry(now))

    def held_by(self, guest_uid: str) -> Self:
        """Keep what a guest holds; nothing for a browser without a guest."""
        return self.filter(holder_uid=guest_uid) if guest_uid else self.none()

    def visible_to(self, guest_uid: str) -> Self:
        """Keep what a guest may see: open vouchers and their own."""
        return self.filter(holder_uid__in={"", guest_uid})

    def open(self) -> Self:
        """Keep the vouchers that nobody holds."""
        return self.filter(Usually(Q(holder_uid="")))


class Voucher(Promise):
    """The right to one use of a service within a time; written only by the domain verbs."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    batch = models.ForeignKey(
        Batch, models.PROTECT, null=True, related_name="vouchers", verbose_name=_("batch")
    )
    holder_uid = models.CharField(_("holder"), max_length=64, blank=True)
    status = models.CharField(
        _("stored status"), max_length=10, choices=Status.choices, default=Status.ISSUED
    )
    # When the clock ends the voucher: `valid_until`, or the end of the hotel's day of the
    # booked slot where that is later, so that a guest who came is redeemed after the hour.
    expires_at = models.DateTimeField(_("expires"))
    # From which epoch on claim links are good: raised when the holder takes them back, and by every claim.
    claim_epoch = models.PositiveIntegerField(default=0, editable=False)
    redeemed_at = models.DateTimeField(_("redeemed"), null=True, blank=True)
    # The status before redemption: where an undo goes back to.
    redeemed_from = models.CharField(max_length=10, blank=True, choices=Status.choices)

    objects = VoucherQuerySet.as_manager()

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="vouchers_voucher_status_known", condition=Q(status__in=Status.values)
            ),
            models.CheckConstraint(
                name="vouchers_voucher_validity_in_order",
                condition=Q(valid_until__gt=F("valid_from")),
            ),
            models.CheckConstraint(
                name="vouchers_voucher_expires_after_validity",
                condition=Q(expires_at__gte=F("valid_until")),
            ),
            models.CheckConstraint(
                name="vouchers_voucher_booked_is_held",
                condition=~Q(status=Status.BOOKED) | ~Q(holder_uid=""),
            ),
            models.CheckConstraint(
                name="vouchers_voucher_lasts",
                condition=Q(duration_minutes__range=(1, VOUCHER_MAX_MINUTES)),
            ),
            models.CheckConstraint(
                name="vouchers_voucher_of_offer_fits_a_day",
                condition=Q(offer=None) | Q(duration_minutes__lte=OFFER_MAX_MINUTES),
            ),
        )
        indexes = (
            # Without a condition on the holder: SQLite would use it only for a holder that stands in the
            # statement itself, and read the whole table for every guest.
            models.Index(fields=("holder_uid", "id"), name="vouchers_of_holder"),
            models.Index(
                fields=("batch", "id"),
                name="vouchers_open_of_batch",
                condition=Q(holder_uid="", status=Status.ISSUED),
            ),
            models.Index(
                fields=("expires_at",),
                name="vouchers_expiring",
                condition=Q(status__in=(Status.ISSUED, Status.BOOKED)),
            ),
            models.Index(fields=("hotel", "status", "id"), name="vouchers_of_hotel"),
            models.Index(fields=("hotel", "id"), name="vouchers_of_hotel_newest"),
            models.Index(fields=("status", "id"), name="vouchers_status"),
            models.Index(fields=("service_type", "id"), name="vouchers_service"),
        )

    def is_visible_to(self, guest_uid: str) -> bool:
        """True for an open voucher and for the guest's own: what `visible_to` keeps."""
        return self.holder_uid in {"", guest_uid}

    def shown(self, now: datetime) -> Status:
        """Return the status that everyone sees at `now`."""
        return states.shown_status(self.status, self.expires_at, now)
