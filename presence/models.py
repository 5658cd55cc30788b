"""Tables of who is here: guests, who is online, and the rooms that they share."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.ids import ID_LENGTH

PAIR_CODE_LENGTH = 64


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


class PresenceStatus(models.TextChoices):
    """What a guest's browser says of itself."""

    ONLINE = "online", _("Online")
    OFFLINE = "offline", _("Offline")


class Presence(models.Model):
    """When a guest was seen last; written by one statement for each heartbeat.

    Where REDIS_URL is set these rows are there only for the times when Redis was away.
    """

    uid = models.CharField(_("uid"), primary_key=True, max_length=64)
    pair_code = models.CharField(_("pair code"), max_length=PAIR_CODE_LENGTH, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=PresenceStatus.choices)
    last_seen = models.DateTimeField(_("last seen"), db_index=True)
    # What this guest has used of the limit in the minute of this number since 1970.
    minute = models.BigIntegerField()
    used = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("presence")
        verbose_name_plural = _("presences")
        default_permissions = ()
        indexes = (
            models.Index(fields=("pair_code",), name="presence_of_pair_code", condition=~Q(pair_code="")),
        )

    def __str__(self) -> str:
        return self.uid


class RoomQuerySet(models.QuerySet["Room"]):
    """Named choices of rooms."""

    def open(self) -> Self:
        """Keep the rooms that whoever comes with their pair code is shown into."""
        return self.filter(closed_at=None)

    def closed_before(self, moment: datetime) -> Self:
        """Keep the rooms that were closed before a moment."""
        return self.filter(closed_at__lt=moment)


class Room(models.Model):
    """What two or more guests with the same pair code share; a pair code has one open room at most."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH)
    pair_code = models.CharField(_("pair code"), max_length=PAIR_CODE_LENGTH)
    created_at = models.DateTimeField(_("opened"))
    # Since when nobody has been seen in it, as far as the last look at it knew.
    empty_since = models.DateTimeField(_("empty since"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    objects = RoomQuerySet.as_manager()

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="presence_one_open_room", fields=("pair_code",), condition=Q(closed_at=None)
            ),
            models.CheckConstraint(name="presence_room_has_pair_code", condition=~Q(pair_code="")),
        )
        indexes = (
            models.Index(
                fields=("closed_at",), name="presence_closed_rooms", condition=Q(closed_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return self.pk

    @property
    def public_id(self) -> str:
        """What clients call it: "room-<pair code>-<random>"."""
        return public_room_id(self.pk, self.pair_code)


def public_room_id(room_id: str, pair_code: str) -> str:
    """Return what clients call a room; the journal names it by its own id, which tells no pair code."""
    return f"room-{pair_code}-{room_id.rpartition('-')[2]}"


class RoomMember(models.Model):
    """A guest who has been shown into a room: written once, with the event that tells of it."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="members", verbose_name=_("room"))
    uid = models.CharField(_("uid"), max_length=64)
    joined_at = models.DateTimeField(_("joined"))

    class Meta:
        verbose_name = _("member of a room")
        verbose_name_plural = _("members of rooms")
        default_permissions = ()
        constraints = (models.UniqueConstraint(name="presence_member_once", fields=("room", "uid")),)

    def __str__(self) -> str:
        return f"{self.uid} {self.room_id}"
