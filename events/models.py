"""The journal's tables: one row for every change of state, and where the journal ends."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH


class Event(models.Model):
    """What changed: who, what, when, before and after. Never edited or deleted by the application.

    The one exception is `position`: its place in the order of delivery, which is not known
    before the commit. events/order.py fills it in, once.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    type = models.CharField(_("type"), max_length=40)
    actor_id = models.CharField(_("actor"), max_length=200)
    subject_type = models.CharField(_("subject type"), max_length=20)
    subject_id = models.CharField(_("subject"), max_length=ID_LENGTH)
    issuer_uid = models.CharField(_("hotel"), max_length=ID_LENGTH, blank=True)
    meta = models.JSONField(_("details"), default=dict)
    created_at = models.DateTimeField(_("time"))
    position = models.BigIntegerField(_("position"), null=True, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("subject_id", "id"), name="events_subject"),
            models.Index(fields=("issuer_uid", "id"), name="events_issuer"),
            models.Index(fields=("type", "id"), name="events_type"),
            models.Index(fields=("actor_id", "id"), name="events_actor"),
            models.Index(fields=("issuer_uid", "type", "created_at"), name="events_figures"),
            models.Index(fields=("issuer_uid", "position"), name="events_order"),
            models.Index(fields=("id",), name="events_unnumbered", condition=Q(position__isnull=True)),
        )
        constraints = (
            # Not a plain unique column: SQLite would look in its index for what has no position,
            # and then sort all of it.
            models.UniqueConstraint(
                fields=("position",), condition=Q(position__isnull=False), name="events_one_position"
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.subject_id}"


class JournalEnd(models.Model):
    """The position of the last numbered event; one row, whose lock is the right to number."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("end of the journal")
        verbose_name_plural = _("end of the journal")
        default_permissions = ()
        constraints = (models.CheckConstraint(condition=Q(id=1), name="events_one_end"),)

    def __str__(self) -> str:
        return str(self.position)
