"""Offers: what a hotel gives again and again, and when."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from vouchers.models.hotels import CURRENCY, Hotel

# An offer's service fits in a day; longer stays belong to the property-management system.
OFFER_MAX_MINUTES = 24 * 60
VOUCHER_MAX_MINUTES = 366 * 24 * 60


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
    price_currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
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
            models.CheckConstraint(name="vouchers_offer_has_places", condition=Q(capacity__range=(1, 1000))),
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
            models.UniqueConstraint(fields=("offer", "weekday", "opens"), name="vouchers_hours_open_once"),
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
