"""Tables of who is here."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Guest(models.Model):
    """What is kept of a guest beyond the uid: from which epoch on guest links are good.

    A guest without a row is in epoch 0.
    """

    uid = models.CharField(_("uid"), primary_key=True, max_length=64)
    link_epoch = models.PositiveIntegerField(_("epoch of guest links"), default=0)

    class Meta:
        verbose_name = _("guest")
        verbose_name_plural = _("guests")

    def __str__(self) -> str:
        return self.uid
