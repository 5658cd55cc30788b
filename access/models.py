"""Tables of who may use the JSON API: keys, what they have used of their limits, and answers given once."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.callers import Scope
from portal.ids import ID_LENGTH
from vouchers.models import Hotel


class KeyState(models.TextChoices):
    """What a key is at a moment."""

    GOOD = "good", _("good")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Named choices of keys."""

    def good(self, now: datetime) -> Self:
        """Keep the keys that open the API at `now`."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ApiKey(models.Model):
    """A key of a hotel's system; without a hotel it is a platform key, which acts for any.

    The key itself is not kept: only its SHA-256, which is as good as a slow hash for a key
    of 256 random bits, and finds it by an index.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH, editable=False)
    name = models.CharField(
        _("name"), max_length=80, help_text=_("What uses it, for example the hotel's reservation system.")
    )
    hotel = models.ForeignKey(
        Hotel,
        models.CASCADE,
        db_column="issuer_uid",
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name=_("hotel"),
    )
    scopes = models.JSONField(_("may"), default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # The key's first characters: enough to tell keys apart, too few to be of use.
    hint = models.CharField(_("begins with"), max_length=12, editable=False)
    created_at = models.DateTimeField(_("created"))
    created_by = models.CharField(_("made by"), max_length=200)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("Empty means that it does not expire.")
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def state(self, now: datetime) -> KeyState:
        """Return whether the key is good at `now`."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.GOOD

    @property
    def scope_words(self) -> str:
        """The scopes in their order."""
        return ", ".join(scope for scope in Scope if scope in self.scopes)


class Usage(models.Model):
    """How many requests a key or an address has made in its latest minute."""

    subject = models.CharField(primary_key=True, max_length=80)
    # Number of the minute since 1970.
    minute = models.BigIntegerField(db_index=True)
    used = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return self.subject


class GivenAnswer(models.Model):
    """The answer to a request with an idempotency key; written in the transaction of its change.

    `status` is 0 while the request is at work: no other transaction ever sees that.
    """

    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="+")
    idempotency_key = models.CharField(max_length=255)
    # SHA-256 of address and body: the same key with another wish is refused.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("given answer")
        verbose_name_plural = _("given answers")
        constraints = (
            models.UniqueConstraint(fields=("key", "idempotency_key"), name="access_answer_given_once"),
        )

    def __str__(self) -> str:
        return self.idempotency_key
