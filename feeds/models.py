"""The secret addresses under which calendars can be subscribed to."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from vouchers.models import Hotel


class Feed(models.Model):
    """A secret address: of a guest's bookings, or of a hotel's.

    The secret itself is not kept: only its SHA-256, which is as good as a slow hash for a
    secret of 256 random bits, and finds it by an index.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH, editable=False)
    hotel = models.ForeignKey(
        Hotel,
        models.CASCADE,
        db_column="issuer_uid",
        null=True,
        related_name="feeds",
        verbose_name=_("hotel"),
    )
    guest_uid = models.CharField(_("guest"), max_length=64, blank=True, editable=False)
    name = models.CharField(
        _("name"), max_length=80, blank=True, help_text=_("Who subscribes, for example the spa’s tablet.")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    created_by = models.CharField(_("made by"), max_length=200, editable=False)

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="feeds_of_guest_or_hotel",
                condition=Q(hotel=None) & ~Q(guest_uid="") | Q(hotel__isnull=False, guest_uid=""),
            ),
            models.UniqueConstraint(
                name="feeds_one_of_guest", fields=("guest_uid",), condition=~Q(guest_uid="")
            ),
        )

    def __str__(self) -> str:
        return self.name or self.pk
