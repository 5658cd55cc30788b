"""Tables of what guests ask for: links by e-mail, for the moment until a worker has looked."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LinkRequest(models.Model):
    """An address that somebody wants a guest link sent to; deleted when that was decided."""

    address = models.EmailField()
    asked_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("request for a link")
        verbose_name_plural = _("requests for links")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
