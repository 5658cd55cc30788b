"""The verbs that change keys. What is counted and answered once is written by `limits` and `idempotency`."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from access.models import ApiKey, GivenAnswer, Usage
from events.domain import Change, record
from portal.actors import Actor
from portal.callers import Scope
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from vouchers.models import Hotel
from vouchers.validators import is_storable

PREFIX = "hvp_"
_RANDOM_BYTES = 32
_HINT_LENGTH = 8
# A key's last use is written down this often at most: not every read shall cost a write.
_USE_IS_NEWS_AFTER = timedelta(minutes=1)
KEEP_ANSWERS = timedelta(hours=24)
KEEP_USAGE = timedelta(hours=1)


def digest_of(secret: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create_key(
    *,
    name: str,
    hotel: Hotel | None,
    scopes: Collection[str],
    by: Actor,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is kept nowhere; without a hotel, a platform key.

    Raises Rejected("key_name_invalid"), Rejected("scopes_invalid") for none or an unknown one,
    Rejected("expiry_past").
    """
    if not name.strip() or len(name) > 80 or not is_storable(name):
        raise Rejected("key_name_invalid", _("Give the key a name of at most 80 characters."))
    unknown = sorted(set(scopes) - set(Scope))
    if not scopes or unknown:
        raise Rejected(
            "scopes_invalid", _("Choose from these: %(scopes)s."), scopes=", ".join(scope for scope in Scope)
        )
    if expires_at is not None and expires_at <= now:
        raise Rejected("expiry_past", _("The key would have expired already."))
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    key = ApiKey.objects.create(
        id=new_id("k", now),
        name=name,
        hotel=hotel,
        scopes=[scope.value for scope in Scope if scope in scopes],
        digest=digest_of(secret),
        hint=secret[:_HINT_LENGTH],
        created_at=now,
        created_by=by.id,
        expires_at=expires_at,
    )
    facts = {"name": name, "scopes": key.scopes, "expires_at": expires_at and expires_at.isoformat()}
    record([_change_of(key, "create", {}, facts)], by=by, now=now)
    return key, secret


@transaction.atomic
def revoke_key(*, key_id: str, by: Actor, now: datetime) -> ApiKey:
    """Make a key worthless at once and for ever.

    Raises Conflict("key_revoked") for one that is so already.
    """
    revoked = ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=now)
    key = ApiKey.objects.get(pk=key_id)
    if not revoked:
        raise Conflict("key_revoked", _("This key has been revoked."))
    record([_change_of(key, "revoke", {"state": "good"}, {"state": "revoked"})], by=by, now=now)
    return key


def _change_of(key: ApiKey, verb: str, before: dict[str, object], after: dict[str, object]) -> Change:
    return Change(f"key.{verb}", "key", key.pk, key.hotel_id or "", before, after)


def note_use(key: ApiKey, now: datetime) -> None:
    """Write down that a key is in use; at most once a minute."""
    news = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_IS_NEWS_AFTER)
    if key.last_used_at is None or key.last_used_at < now - _USE_IS_NEWS_AFTER:
        ApiKey.objects.filter(news, pk=key.pk).update(last_used_at=now)


def prune(now: datetime) -> int:
    """Delete the answers of more than a day ago, and usage of minutes that are long over."""
    minute = int((now - KEEP_USAGE).timestamp()) // 60
    answers = GivenAnswer.objects.filter(created_at__lt=now - KEEP_ANSWERS).delete()[0]
    return answers + Usage.objects.filter(minute__lt=minute).delete()[0]
