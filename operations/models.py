"""The table by which workers show that they live."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class WorkerBeat(models.Model):
    """A worker, and when it was last at work."""

    worker = models.CharField(_("worker"), primary_key=True, max_length=100)
    at = models.DateTimeField(_("last at work"))

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        default_permissions = ()

    def __str__(self) -> str:
        return self.worker
