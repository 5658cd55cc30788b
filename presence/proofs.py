"""Whether whoever sends a token has just signed for it."""

import hmac
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from portal.errors import Malformed, Unauthorized

MOST_AGE_SECONDS = 5 * 60


def refuse_unless_proved(token: str, ts: int | None, signature: str | None, now: datetime) -> None:
    """Check hex HMAC-SHA256 (RFC 2104) with the token as key over `token + "." + ts`, ts in milliseconds.

    Without a signature there is nothing to check: the token itself is what the caller knows.

    Raises Malformed("signature_incomplete") for a signature without its time,
    Unauthorized("signature_stale") more than five minutes from `now`, Unauthorized("signature_invalid").
    """
    if signature is None:
        return
    if ts is None:
        raise Malformed("signature_incomplete", _("A signature needs the time that it was made at: ts."))
    if abs(int(now.timestamp() * 1000) - ts) > MOST_AGE_SECONDS * 1000:
        raise Unauthorized("signature_stale", _("This signature is too old, or your clock is wrong."))
    expected = hmac.new(token.encode(), f"{token}.{ts}".encode(), "sha256").hexdigest()
    # In bytes: compare_digest takes no texts beyond ASCII.
    if not hmac.compare_digest(expected.encode(), signature.lower().encode(errors="replace")):
        raise Unauthorized("signature_invalid", _("This signature is not right."))
