"""Hotels: who issues vouchers."""

from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from portal.languages import languages
from vouchers.validators import validate_time_zone

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
    default_currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    default_language = models.CharField(_("language"), max_length=5, default="en", choices=languages)
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
