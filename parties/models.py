"""Tables of parties: who of them was let in, what they bring, what they look at. Kept for a day at most."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH
from portal.languages import languages
from presence.models import PAIR_CODE_LENGTH
from vouchers.models import Offer

NAME_LENGTH = 40
MOST_MEMBERS = 10
LIFETIME = timedelta(hours=24)


class PartyQuerySet(models.QuerySet["Party"]):
    """Named choices of parties."""

    def alive(self, now: datetime) -> Self:
        """Keep the parties whose code is still good."""
        return self.filter(created_at__gt=now - LIFETIME)


class Party(models.Model):
    """Guests who found each other by a pair code; gone when its last member leaves, or after a day."""

    id = models.CharField(primary_key=True, max_length=ID_LENGTH)
    pair_code = models.CharField(max_length=PAIR_CODE_LENGTH, unique=True)
    # How many they are when they are complete.
    size = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(db_index=True)
    # What became of the last press: shown to everyone, in words of their own language.
    outcome = models.JSONField(null=True)

    objects = PartyQuerySet.as_manager()

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                name="parties_size_in_range", condition=models.Q(size__range=(2, MOST_MEMBERS))
            ),
        )

    def __str__(self) -> str:
        return self.pk

    @property
    def good_until(self) -> datetime:
        """When its code stops being good."""
        return self.created_at + LIFETIME


class MemberState(models.TextChoices):
    """Whether a guest may see a party."""

    WAITING = "waiting", _("Asks to join")
    IN = "in", _("Let in")
    REFUSED = "refused", _("Turned away")


class MemberQuerySet(models.QuerySet["Member"]):
    """Named choices of members."""

    def let_in(self) -> Self:
        """Keep the members that see each other."""
        return self.filter(state=MemberState.IN)

    def waiting(self) -> Self:
        """Keep those who ask to join."""
        return self.filter(state=MemberState.WAITING)

    def current(self) -> Self:
        """Keep those who are in a party or ask to be."""
        return self.exclude(state=MemberState.REFUSED)


class Member(models.Model):
    """A guest's part in a party: the name they chose, what they bring, and the slot they look at."""

    party = models.ForeignKey(Party, models.CASCADE, related_name="members")
    uid = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME_LENGTH)
    state = models.CharField(max_length=10, choices=MemberState.choices)
    asked_at = models.DateTimeField()
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=5, default="en", choices=languages)
    # A voucher's id or a batch's: whoever brings one lets the others book with it. Empty for nothing.
    promise_key = models.CharField(max_length=ID_LENGTH, blank=True)
    offer = models.ForeignKey(Offer, models.CASCADE, null=True, related_name="+")
    looking_at = models.DateTimeField(null=True)
    # The booking that the last press made for this member.
    booking_id = models.CharField(max_length=ID_LENGTH, blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member of a party")
        verbose_name_plural = _("members of parties")
        default_permissions = ()
        constraints = (models.UniqueConstraint(name="parties_member_once", fields=("party", "uid")),)
        indexes = (models.Index(fields=("uid",), name="parties_of_guest"),)

    def __str__(self) -> str:
        return f"{self.uid} {self.party_id}"

    @property
    def is_in(self) -> bool:
        """True for whoever was let in."""
        return self.state == MemberState.IN
