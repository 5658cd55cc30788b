"""Guest identity: uids derived from tokens, and the links that carry a guest to another device."""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from portal.ready import Given, Ready
from presence import store
from presence.models import Guest, Presence, RoomMember

LINK_LIFETIME = timedelta(days=90)
_LINK_SALT = "presence.guest-link"
_EPOCH = Ready(lambda: Guest.objects.filter(pk=Given("uid")).values_list("link_epoch").order_by())


def uid_of(token: str) -> str:
    """Derive the stable uid of a token: "thinker-" and 12 hex digits."""
    return f"thinker-{digest_of('uid', token)[:12]}"


def digest_of(purpose: str, text: str) -> str:
    """Return 64 hex digits by which a text is known again, and from which it cannot be found.

    HMAC-SHA256 (RFC 2104) under the server's secret for uids; `purpose` keeps one use from the other.
    """
    key = f"presence.{purpose}:{settings.UID_SECRET}".encode()
    return hmac.digest(key, text.encode(), "sha256").hex()


def new_guest_uid() -> str:
    """Return the uid of a new guest, from a random token that is kept nowhere."""
    return uid_of(secrets.token_urlsafe(32))


def _epoch_of(uid: str) -> int:
    return next((int(epoch) for (epoch,) in _EPOCH.values(uid=uid)), 0)


def make_guest_link_token(uid: str) -> str:
    """Return the signed part of a guest link; good for 90 days unless revoked before."""
    return signing.dumps({"uid": uid, "epoch": _epoch_of(uid)}, salt=_LINK_SALT, compress=True)


def read_guest_link_token(token: str) -> str:
    """Return the uid that a guest link carries.

    Raises Rejected("link_expired") for one that is too old or was revoked, and
    Rejected("link_invalid") for anything that this server did not sign.
    """
    try:
        content: Any = signing.loads(token, salt=_LINK_SALT, max_age=LINK_LIFETIME)
        uid, epoch = str(content["uid"]), int(content["epoch"])
    except signing.SignatureExpired as error:
        raise Rejected("link_expired", _("This link has expired.")) from error
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise Rejected("link_invalid", _("This link is not complete or not genuine.")) from error
    if epoch != _epoch_of(uid):
        raise Rejected("link_expired", _("This link has been switched off by its guest."))
    return uid


def forget_presence(*, uid: str, now: datetime) -> None:
    """Take a guest offline, and forget when they were seen and which rooms they were in."""
    store.leave(uid, now)
    Presence.objects.filter(pk=uid).delete()
    RoomMember.objects.filter(uid=uid).delete()


@transaction.atomic
def revoke_guest_links(uid: str) -> None:
    """Make every guest link of this guest made so far worthless."""
    Guest.objects.get_or_create(pk=uid)
    Guest.objects.filter(pk=uid).update(link_epoch=F("link_epoch") + 1)
