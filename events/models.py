"""The journal's table: one row for every change of state."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH


class Event(models.Model):
    """What changed: who, what, when, before and after. Never edited or deleted by the application."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    type = models.CharField(_("type"), max_length=40)
    actor_id = models.CharField(_("actor"), max_length=200)
    subject_type = models.CharField(_("subject type"), max_length=20)
    subject_id = models.CharField(_("subject"), max_length=ID_LENGTH)
    issuer_uid = models.CharField(_("hotel"), max_length=ID_LENGTH, blank=True)
    meta = models.JSONField(_("details"), default=dict)
    created_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("subject_id", "id"), name="events_subject"),
            models.Index(fields=("issuer_uid", "id"), name="events_issuer"),
            models.Index(fields=("type", "id"), name="events_type"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.subject_id}"
