"""Tables of what exists and who holds it: hotels, offers, batches, vouchers."""

from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from vouchers import states
from vouchers.states import Status
from vouchers.validators import validate_time_zone

# An offer's service fits in a day; longer stays belong to the property-management system.
OFFER_MAX_MINUTES = 24 * 60
VOUCHER_MAX_MINUTES = 366 * 24 * 60
CURRENCY = RegexValidator(r"^[A-Z]{3}\Z", _("Three capital letters, for example EUR."))


class HotelQuerySet(models.QuerySet["Hotel"]):
    """Named choices of hotels."""

    def of_staff(self, user: object) -> Self:
        """Keep the hotels that a signed-in member of staff belongs to; superusers see all."""
        return self if getattr(user, "is_superuser", False) else self.filter(staff=user)


class Hotel(models.Model):
    """A hotel: it issues vouchers and its wall clock rules their calendars."""

    uid = models.SlugField(_("uid"), primary_key=True, max_length=ID_LENGTH)
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    default_currency = models.CharField(
        _("currency"), max_length=3, default="EUR", validators=[CURRENCY]
    )
    default_language = models.CharField(
        _("language"), max_length=5, default="en", choices=settings.LANGUAGES
    )
    address = models.CharField(_("address"), max_length=250, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL, verbose_name=_("staff"), related_name="hotels", blank=True
    )

    objects = HotelQuerySet.as_manager()

    class Meta:
        verbose_name = _("hotel")
        verbose_name_plural = _("hotels")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The hotel's time zone."""
        return ZoneInfo(self.time_zone)


class Service(models.Model):
    """What is given: the fields that an offer, a batch and a voucher share."""

    service_type = models.CharField(_("service"), max_length=60, default="hotel.booking")
    title = models.CharField(_("title"), max_length=120)
    description = models.TextField(_("description"), max_length=2000, blank=True)
    duration_minutes = models.PositiveIntegerField(
        _("duration in minutes"),
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(VOUCHER_MAX_MINUTES)],
    )
    cancel_notice_minutes = models.PositiveIntegerField(
        _("notice to cancel, in minutes"),
        default=0,
        help_text=_("A guest may cancel or move until this long before the start."),
        validators=[MaxValueValidator(VOUCHER_MAX_MINUTES)],
    )
    price_amount = models.DecimalField(
        _("price"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Empty means included."),
        validators=[MinValueValidator(0)],
    )
    price_currency = models.CharField(
        _("currency"), max_length=3, default="EUR", validators=[CURRENCY]
    )
    transferable = models.BooleanField(
        _("transferable"), default=False, help_text=_("The holder may hand the voucher on.")
    )
    terms = models.JSONField(_("terms"), default=dict, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Offer(Service):
    """What a hotel gives or sells again and again; its vouchers share its calendar and places."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH, editable=False)
    hotel = models.ForeignKey(
        Hotel, models.PROTECT, db_column="issuer_uid", related_name="offers", verbose_name=_("hotel")
    )
    step_minutes = models.PositiveIntegerField(
        _("a slot starts every … minutes"),
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(OFFER_MAX_MINUTES)],
    )
    capacity = models.PositiveIntegerField(
        _("places at one time"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    min_notice_minutes = models.PositiveIntegerField(
        _("notice to book, in minutes"),
        default=0,
        help_text=_("A slot can be booked until this long before its start."),
        validators=[MaxValueValidator(VOUCHER_MAX_MINUTES)],
    )
    max_per_guest = models.PositiveIntegerField(
        _("live bookings per guest"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    validity_days = models.PositiveIntegerField(
        _("validity of a new voucher, in days"),
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(3660)],
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ("hotel", "title")
        constraints = (
            models.CheckConstraint(
                name="vouchers_offer_fits_a_day",
                condition=Q(duration_minutes__range=(1, OFFER_MAX_MINUTES))
                & Q(step_minutes__range=(5, OFFER_MAX_MINUTES)),
                violation_error_message=_("An offer's service lasts between a minute and a day."),
            ),
            models.CheckConstraint(
                name="vouchers_offer_has_places", condition=Q(capacity__range=(1, 1000))
            ),
        )

    def __str__(self) -> str:
        return self.title


class Weekday(models.IntegerChoices):
    """Days as datetime counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class OpeningHours(models.Model):
    """When an offer is open on a weekday, by the hotel's clock."""

    offer = models.ForeignKey(Offer, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday.choices)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(
        _("closes"), help_text=_("At or before the opening time means on the next day.")
    )

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering = ("weekday", "opens")
        constraints = (
            models.UniqueConstraint(
                fields=("offer", "weekday", "opens"), name="vouchers_hours_open_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"


class Closure(models.Model):
    """Days on which an offer is closed, whatever its opening hours say."""

    offer = models.ForeignKey(Offer, models.CASCADE, related_name="closures")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    reason = models.CharField(_("reason, as guests read it"), max_length=120)

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        ordering = ("first_day",)
        constraints = (
            models.CheckConstraint(
                name="vouchers_closure_in_order",
                condition=Q(last_day__gte=F("first_day")),
                violation_error_message=_("The last day comes before the first."),
            ),
        )

    def __str__(self) -> str:
        return self.reason


class Promise(Service):
    """What was promised when vouchers were issued: a service, and until when it can be had."""

    hotel = models.ForeignKey(
        Hotel, models.PROTECT, db_column="issuer_uid", related_name="+", verbose_name=_("hotel")
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
        return self.filter(holder_uid="")


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
            models.Index(
                fields=("holder_uid", "id"), name="vouchers_held", condition=~Q(holder_uid="")
            ),
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
            models.Index(fields=("status", "id"), name="vouchers_status"),
        )

    def shown(self, now: datetime) -> Status:
        """Return the status that everyone sees at `now`."""
        return states.shown_status(self.status, self.expires_at, now)
