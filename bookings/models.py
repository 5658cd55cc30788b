"""Tables of when a voucher is used: bookings, places held for a while, and the mails that tell of them.

That an offer's places are never overbooked is kept by triggers on the tables of bookings and
holds: see `bookings.guards`.
"""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bookings.slot_ids import slot_id
from portal.ids import ID_LENGTH
from portal.languages import languages
from vouchers.models import OFFER_MAX_MINUTES, Hotel, Offer, Voucher
from vouchers.states import Status

REASON_LENGTH = 200
OFFER_MAX_LENGTH = timedelta(minutes=OFFER_MAX_MINUTES)


class BookingStatus(models.TextChoices):
    """What a booking is."""

    BOOKED = "booked", _("Booked")
    CANCELLED = "cancelled", _("Cancelled")


class BookingQuerySet(models.QuerySet["Booking"]):
    """Named choices of bookings."""

    def standing(self) -> Self:
        """Keep the bookings that have not been cancelled: each of them takes a place."""
        return self.filter(status=BookingStatus.BOOKED)

    def live(self, now: datetime) -> Self:
        """Keep the bookings that are neither cancelled, used nor over at `now`."""
        return self.standing().filter(voucher__status=Status.BOOKED, voucher__expires_at__gt=now)

    def remembered(self) -> Self:
        """Keep the bookings whose guest has not been erased from them."""
        return self.filter(forgotten_at__isnull=True)

    def held_by(self, guest_uid: str) -> Self:
        """Keep a guest's own; nothing for a browser without a guest."""
        return self.filter(holder_uid=guest_uid) if guest_uid else self.none()


class Booking(models.Model):
    """A slot taken with a voucher; written only by the domain verbs."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="bookings", verbose_name=_("voucher"))
    # Both lead an index below: one of their own would only cost every write.
    hotel = models.ForeignKey(
        Hotel,
        models.PROTECT,
        db_column="issuer_uid",
        db_index=False,
        related_name="+",
        verbose_name=_("hotel"),
    )
    offer = models.ForeignKey(
        Offer, models.PROTECT, db_index=False, null=True, related_name="+", verbose_name=_("offer")
    )
    holder_uid = models.CharField(_("holder"), max_length=64)
    slot_start = models.DateTimeField(_("start"))
    slot_end = models.DateTimeField(_("end"))
    status = models.CharField(
        _("status"), max_length=10, choices=BookingStatus.choices, default=BookingStatus.BOOKED
    )
    cancel_reason = models.CharField(_("reason of cancelling"), max_length=REASON_LENGTH, blank=True)
    created_at = models.DateTimeField(_("created"))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    # Grows with every move: a change that was prepared on an older one is refused.
    revision = models.PositiveIntegerField(default=0, editable=False)
    # When it took the place that it has, if that was later than `created_at`: the guard of places
    # asks which holds stood at that moment.
    moved_at = models.DateTimeField(_("moved"), null=True, blank=True, editable=False)
    # When the guest, or the desk, said that the guest is here.
    arrived_at = models.DateTimeField(_("arrived"), null=True, blank=True)
    # When a reminder is to be owed; empty once it is, or when there is nobody to remind.
    remind_at = models.DateTimeField(null=True, editable=False)
    no_show_at = models.DateTimeField(_("marked as not come"), null=True, blank=True)
    # Whether the voucher was open before: then a cancellation opens it again.
    voucher_was_open = models.BooleanField(default=False)
    guest_name = models.CharField(_("name"), max_length=80, blank=True)
    guest_email = models.EmailField(_("e-mail"), blank=True)
    guest_note = models.CharField(_("note"), max_length=500, blank=True)
    language = models.CharField(_("language"), max_length=5, default="en", choices=languages)
    # When the guest's name, address and notes were erased, if there ever were any.
    forgotten_at = models.DateTimeField(_("personal data erased"), null=True, blank=True, editable=False)
    # What the form that made the booking carried: a second press of its button finds the
    # first one's booking. Null for bookings that no form made, so that it can be unique.
    form_key = models.CharField(max_length=36, null=True, unique=True, editable=False)  # noqa: DJ001

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="bookings_one_live_per_voucher",
                fields=("voucher",),
                condition=Q(status=BookingStatus.BOOKED),
            ),
            models.CheckConstraint(
                name="bookings_booking_status_known", condition=Q(status__in=BookingStatus.values)
            ),
            models.CheckConstraint(
                name="bookings_booking_slot_in_order", condition=Q(slot_end__gt=F("slot_start"))
            ),
            # The guard looks this far back for bookings that overlap.
            models.CheckConstraint(
                name="bookings_booking_of_offer_fits_a_day",
                condition=Q(offer=None) | Q(slot_end__lte=F("slot_start") + OFFER_MAX_LENGTH),
            ),
            models.CheckConstraint(
                name="bookings_booking_cancelled_has_time",
                condition=Q(status=BookingStatus.BOOKED, cancelled_at=None)
                | Q(status=BookingStatus.CANCELLED, cancelled_at__isnull=False),
            ),
            models.CheckConstraint(name="bookings_booking_is_held", condition=~Q(holder_uid="")),
        )
        indexes = (
            models.Index(
                fields=("offer", "slot_start", "slot_end"),
                name="bookings_places",
                condition=Q(status=BookingStatus.BOOKED),
            ),
            models.Index(fields=("holder_uid", "slot_start"), name="bookings_of_guest"),
            models.Index(
                fields=("guest_email", "offer"),
                name="bookings_of_email",
                condition=Q(status=BookingStatus.BOOKED) & ~Q(guest_email=""),
            ),
            models.Index(
                fields=("remind_at",),
                name="bookings_to_remind",
                condition=Q(status=BookingStatus.BOOKED, remind_at__isnull=False),
            ),
            models.Index(fields=("hotel", "slot_start"), name="bookings_of_hotel"),
            models.Index(fields=("slot_start", "id"), name="bookings_by_slot"),
            models.Index(fields=("hotel", "id"), name="bookings_of_hotel_newest"),
            models.Index(
                fields=("slot_end",), name="bookings_remembered", condition=Q(forgotten_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.slot_start:%Y-%m-%d %H:%M} UTC)"

    @property
    def slot_id(self) -> str:
        """The public id of the booked slot."""
        return slot_id(self.slot_start)

    def is_live(self, now: datetime) -> bool:
        """Tell of a booking with its voucher loaded what the QuerySet's `live` chooses."""
        return self.is_standing and self.voucher.shown(now) == Status.BOOKED

    @property
    def is_standing(self) -> bool:
        """True unless the booking has been cancelled."""
        return self.status == BookingStatus.BOOKED


class HoldKind(models.TextChoices):
    """Why a place is held."""

    FORM = "form", _("Typing")
    OFFER = "offer", _("Offered from the waiting list")


class HoldQuerySet(models.QuerySet["Hold"]):
    """Named choices of holds."""

    # A hold lapses by the clock: this is the one expression of it, and the guard's SQL says the same.
    def standing(self, now: datetime) -> Self:
        """Keep the holds that take a place at `now`; a lapsed one counts for nothing."""
        return self.filter(expires_at__gt=now)

    def of_form(self) -> Self:
        """Keep those that were taken by choosing a slot."""
        return self.filter(kind=HoldKind.FORM)


class Hold(models.Model):
    """A place kept for one guest until an instant: it takes the place exactly as a booking does.

    Written by `bookings.holds`; lapsed ones are deleted later.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    kind = models.CharField(_("kind"), max_length=10, choices=HoldKind.choices)
    guest_uid = models.CharField(_("guest"), max_length=64, db_index=True)
    # The offer leads an index below.
    offer = models.ForeignKey(
        Offer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("offer")
    )
    slot_start = models.DateTimeField(_("start"))
    slot_end = models.DateTimeField(_("end"))
    taken_at = models.DateTimeField(_("taken"))
    expires_at = models.DateTimeField(_("held until"), db_index=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="bookings_one_form_hold_per_guest",
                fields=("guest_uid",),
                condition=Q(kind=HoldKind.FORM),
            ),
            models.CheckConstraint(name="bookings_hold_kind_known", condition=Q(kind__in=HoldKind.values)),
            models.CheckConstraint(name="bookings_hold_is_of_a_guest", condition=~Q(guest_uid="")),
            models.CheckConstraint(name="bookings_hold_lasts", condition=Q(expires_at__gt=F("taken_at"))),
            # The guard looks this far back for holds that overlap.
            models.CheckConstraint(
                name="bookings_hold_slot_fits_a_day",
                condition=Q(slot_end__gt=F("slot_start"))
                & Q(slot_end__lte=F("slot_start") + OFFER_MAX_LENGTH),
            ),
        )
        indexes = (models.Index(fields=("offer", "slot_start", "slot_end"), name="bookings_held_places"),)

    def __str__(self) -> str:
        return f"{self.pk} ({self.slot_start:%Y-%m-%d %H:%M} UTC)"


class MailKind(models.TextChoices):
    """What a mail tells a guest."""

    BOOKED = "booked", _("Confirmation")
    MOVED = "moved", _("Moved")
    CANCELLED = "cancelled", _("Cancelled")
    LINK = "link", _("Guest link")
    REMINDER = "reminder", _("Reminder")
    OFFER = "offer", _("Offer from the waiting list")


class MailQuerySet(models.QuerySet["Mail"]):
    """Mails by what there is to do."""

    def owed(self) -> Self:
        """Neither sent nor given up."""
        return self.filter(sent_at=None, failed_at=None)

    def ended(self) -> Self:
        """Sent, or given up."""
        return self.exclude(sent_at=None, failed_at=None)


class Mail(models.Model):
    """A mail that a committed change owes a guest; a worker sends it and tries again."""

    kind = models.CharField(_("kind"), max_length=10, choices=MailKind.choices)
    hotel = models.ForeignKey(
        Hotel, models.CASCADE, db_column="issuer_uid", related_name="+", verbose_name=_("hotel")
    )
    # Null for a mail that is about no booking: what it says is in `facts` then.
    booking = models.ForeignKey(
        Booking, models.CASCADE, null=True, related_name="mails", verbose_name=_("booking")
    )
    facts = models.JSONField(default=dict, editable=False)
    # From then on it tells nothing that is still so.
    useless_at = models.DateTimeField(null=True, editable=False)
    recipient = models.EmailField(_("to"), blank=True)
    guest_uid = models.CharField(_("guest"), max_length=64)
    created_at = models.DateTimeField(_("created"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    failed_at = models.DateTimeField(_("given up"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("recipient", "created_at"), name="bookings_mail_to"),
            models.Index(fields=("guest_uid", "created_at"), name="bookings_mail_from"),
            models.Index(fields=("id",), name="bookings_mail_unsent", condition=Q(sent_at=None)),
            models.Index(
                fields=("created_at",),
                name="bookings_mail_owed",
                condition=Q(sent_at=None, failed_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.booking_id or self.pk}"
