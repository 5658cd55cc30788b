"""The adapter's own table: which guest an id is that a browser had made up for itself."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BoundId(models.Model):
    """An id of the earlier system that nobody ever verified: the first session that used it has it.

    The id itself is a browser's own to choose, and could be a secret: only its digest is kept.
    """

    digest = models.CharField(_("digest"), primary_key=True, max_length=64)
    uid = models.CharField(_("guest"), max_length=64)
    bound_at = models.DateTimeField(_("bound"), db_index=True)

    class Meta:
        verbose_name = _("bound id")
        verbose_name_plural = _("bound ids")
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest
