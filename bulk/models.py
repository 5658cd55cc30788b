"""Jobs that issue very many vouchers, and what is kept for them until they have ended."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from vouchers.models import Batch, Hotel, Offer


class Kind(models.TextChoices):
    """Where a job's vouchers come from."""

    FILE = "file", _("File of vouchers")
    NUMBER = "number", _("Number of an offer")
    HOLDERS = "holders", _("List of holders")


class State(models.TextChoices):
    """Where a job stands."""

    CHECKING = "checking", _("Being checked")
    READY = "ready", _("Checked, not issued yet")
    REFUSED = "refused", _("Refused")
    ISSUING = "issuing", _("Being issued")
    DONE = "done", _("Issued")
    FAILED = "failed", _("Failed")
    DROPPED = "dropped", _("Dropped")


# A worker has, or is to have, such a job in hand.
WORKING = (State.CHECKING, State.ISSUING)
# What was handed in for such a job is not needed any more.
ENDED = (State.REFUSED, State.DONE, State.DROPPED)


class JobQuerySet(models.QuerySet["Job"]):
    """Named choices of jobs."""

    def takeable(self, now: datetime) -> Self:
        """Keep the jobs that a worker may take in hand: nobody has them, or whoever had them is dead."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now), state__in=WORKING)


class Job(models.Model):
    """Very many vouchers of one hotel: checked, issued all at once or not at all."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    hotel = models.ForeignKey(
        Hotel, models.PROTECT, db_column="issuer_uid", related_name="+", verbose_name=_("hotel")
    )
    offer = models.ForeignKey(
        Offer, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("offer")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    # A second press of a form's button is known by it.
    form_key = models.UUIDField(unique=True)
    # Who asked, as the journal names them, and the language that they read.
    asked_by = models.CharField(_("asked by"), max_length=200)
    confirmed_by = models.CharField(_("confirmed by"), max_length=200, blank=True)
    language = models.CharField(max_length=5, default="en")
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # When the vouchers say that they were issued: what finds them again.
    issued_at = models.DateTimeField(_("issued"), null=True, blank=True)
    # Of a number of an offer: the one that they form.
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, blank=True, related_name="+")
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    # Of what the rows say: the same table in another file is the same.
    digest = models.CharField(max_length=64, blank=True)
    # What the vouchers of an offer promise, settled when the job was made.
    terms = models.JSONField(default=dict, blank=True)
    rows_number = models.PositiveIntegerField(_("rows"), default=0)
    refused_number = models.PositiveIntegerField(_("refused rows"), default=0)
    repeated_number = models.PositiveIntegerField(default=0)
    vouchers_number = models.PositiveIntegerField(_("vouchers"), default=0)
    # Of `rows_number` while it is checked, of `vouchers_number` while it is issued.
    done_number = models.PositiveIntegerField(default=0)
    # The first of the refused rows, of the repeated lines, and of the orders, for people to see.
    problems = models.JSONField(default=list, blank=True)
    repeated = models.JSONField(default=list, blank=True)
    sample = models.JSONField(default=list, blank=True)
    # Why the whole was refused or failed, in `language`.
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    # Who has the job in hand, until when they are believed to be alive, and how often it was taken.
    run = models.UUIDField(null=True)
    checked_run = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk job")
        verbose_name_plural = _("bulk jobs")
        ordering = ("-id",)
        permissions = (("export_rows", "Can take lists out as files"),)
        constraints = (
            models.CheckConstraint(name="bulk_job_state_known", condition=Q(state__in=State.values)),
        )
        indexes = (
            models.Index(fields=("hotel", "id"), name="bulk_of_hotel_newest"),
            models.Index(
                fields=("lease_until",), name="bulk_in_hand", condition=Q(state__in=("checking", "issuing"))
            ),
            models.Index(fields=("hotel", "digest"), name="bulk_same_table", condition=~Q(digest="")),
        )

    def __str__(self) -> str:
        return self.file_name or str(self.offer_id or self.pk)

    @property
    def rows_right(self) -> int:
        """How many rows were read and not refused."""
        return self.rows_number - self.refused_number

    @property
    def is_working(self) -> bool:
        """Whether a worker has, or is to have, the job in hand."""
        return self.state in WORKING


class Part(models.Model):
    """A piece of what was handed in; the database is all that web machines and workers share."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "number"), name="bulk_part_once"),)

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"


class Orders(models.Model):
    """Some hundred of the orders that a check has found right, ready to be issued."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="orders")
    # Of the check that found them; one that was overtaken by another leaves its own unused.
    run = models.UUIDField()
    number = models.PositiveIntegerField()
    orders = models.JSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "run", "number"), name="bulk_orders_once"),)

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"
