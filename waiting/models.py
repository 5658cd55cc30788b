"""The table of who waits for what, in which order, and what became of it."""

from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.slots import Slot
from portal.ids import ID_LENGTH
from portal.languages import languages
from vouchers.models import Hotel, Offer


class State(models.TextChoices):
    """Where an entry stands."""

    WAITING = "waiting", _("In line")
    OFFERED = "offered", _("Place offered")
    ACCEPTED = "accepted", _("Booked")
    PASSED = "passed", _("Passed on")
    LAPSED = "lapsed", _("Lapsed")
    LEFT = "left", _("Left")


# Only these are in line; the others are over for good.
CURRENT = (State.WAITING, State.OFFERED)


class EntryQuerySet(models.QuerySet["Entry"]):
    """Named choices of entries."""

    def current(self) -> Self:
        """Keep who is in line, or has a place offered."""
        return self.filter(state__in=CURRENT)

    def in_line(self) -> Self:
        """Keep who waits, first come first."""
        return self.filter(state=State.WAITING).order_by("joined_at", "pk")

    def offered(self) -> Self:
        """Keep who has a place offered."""
        return self.filter(state=State.OFFERED)

    def lapsed(self, now: datetime) -> Self:
        """Keep whose offer the clock has ended."""
        return self.offered().filter(offered_until__lte=now)

    def held_by(self, guest_uid: str) -> Self:
        """Keep a guest's own; nothing for a browser without a guest."""
        return self.filter(guest_uid=guest_uid) if guest_uid else self.none()


class Entry(models.Model):
    """A guest's place in line for a day of an offer, or for one slot; written only by the domain verbs."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    hotel = models.ForeignKey(
        Hotel, models.CASCADE, db_column="issuer_uid", related_name="+", verbose_name=_("hotel")
    )
    # The offer leads an index below.
    offer = models.ForeignKey(
        Offer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("offer")
    )
    # A voucher's id or a batch's: what the guest would book with.
    promise_key = models.CharField(_("voucher"), max_length=ID_LENGTH)
    title = models.CharField(_("title"), max_length=120)
    guest_uid = models.CharField(_("guest"), max_length=64, db_index=True)
    guest_name = models.CharField(_("name"), max_length=80)
    guest_email = models.EmailField(_("e-mail"))
    language = models.CharField(_("language"), max_length=5, default="en", choices=languages)
    # The hotel's day; any slot of it, unless the guest wants one alone.
    day = models.DateField(_("day"))
    slot_start = models.DateTimeField(_("slot"), null=True)
    joined_at = models.DateTimeField(_("joined"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    offered_at = models.DateTimeField(null=True)
    offered_start = models.DateTimeField(_("offered slot"), null=True)
    offered_end = models.DateTimeField(null=True)
    offered_until = models.DateTimeField(_("offered until"), null=True)
    # Starts that the guest has passed on, as ISO 8601: they are not offered again.
    passed_starts = models.JSONField(default=list)
    booking_id = models.CharField(_("booking"), max_length=ID_LENGTH, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("waiting entry")
        verbose_name_plural = _("waiting list")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="waiting_once_for_a_day",
                fields=("guest_uid", "offer", "day"),
                condition=Q(state__in=CURRENT, slot_start=None),
            ),
            models.UniqueConstraint(
                name="waiting_once_for_a_slot",
                fields=("guest_uid", "offer", "slot_start"),
                condition=Q(state__in=CURRENT, slot_start__isnull=False),
            ),
            models.CheckConstraint(name="waiting_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="waiting_is_of_a_guest", condition=~Q(guest_uid="")),
            models.CheckConstraint(
                name="waiting_offered_has_a_slot",
                condition=~Q(state=State.OFFERED)
                | Q(offered_start__isnull=False, offered_end__isnull=False, offered_until__isnull=False),
            ),
            models.CheckConstraint(
                name="waiting_over_has_time",
                condition=Q(state__in=CURRENT, ended_at=None) | Q(ended_at__isnull=False),
            ),
        )
        indexes = (
            models.Index(
                fields=("offer", "joined_at", "id"),
                name="waiting_line",
                condition=Q(state__in=CURRENT),
            ),
            models.Index(fields=("guest_email",), name="waiting_of_email", condition=Q(state__in=CURRENT)),
            models.Index(fields=("ended_at",), name="waiting_over", condition=Q(ended_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.day})"

    @property
    def is_current(self) -> bool:
        """True for who is in line, or has a place offered."""
        return self.state in CURRENT

    @property
    def slot_offered(self) -> Slot | None:
        """The slot that is, or last was, offered."""
        if self.offered_start is None or self.offered_end is None:
            return None
        return Slot(self.offered_start, self.offered_end, 1)

    def is_open_offer(self, now: datetime) -> bool:
        """Tell whether the guest can still accept what is offered."""
        return self.state == State.OFFERED and self.offered_until is not None and self.offered_until > now

    def wants(self, slot: Slot, day: date) -> bool:
        """Tell whether a slot of the hotel's `day` fits the wish, and was not passed on."""
        fits = slot.start == self.slot_start if self.slot_start else day == self.day
        return fits and slot.start.isoformat() not in self.passed_starts
