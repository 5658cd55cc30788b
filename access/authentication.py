"""Which key a request came with, counted before anything else is looked at."""

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja.security import APIKeyHeader

from access.domain import PREFIX, digest_of, note_use
from access.limits import Kind, has_written_lately, spend
from access.models import ApiKey, KeyState
from portal.addresses import client_address
from portal.allowances import Allowance
from portal.callers import Caller
from portal.errors import Unauthorized
from portal.ready import Given, Ready
from portal.replica import allow, is_there

HEADER = "X-TS-APIKEY"
_BEARER = "bearer "
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_BY_DIGEST = Ready(lambda: ApiKey.objects.filter(digest=Given("digest")).order_by())
_REFUSALS = {
    KeyState.EXPIRED: Unauthorized("key_expired", _("This key has expired.")),
    KeyState.REVOKED: Unauthorized("key_revoked", _("This key has been revoked.")),
}


class KeyAuth(APIKeyHeader):
    """The key of a hotel's system, in `X-TS-APIKEY` or as `Authorization: Bearer`."""

    param_name = HEADER

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        """Return who calls; see `caller_by_key`."""
        return caller_by_key(request, key)


def secret_of(request: HttpRequest) -> str:
    """Return the key that a request carries, empty for none."""
    told: str | None = request.headers.get(HEADER)
    if told is not None:
        return told.strip()
    bearer = request.headers.get("Authorization", "")
    return bearer[len(_BEARER) :].strip() if bearer.lower().startswith(_BEARER) else ""


def caller_by_key(request: HttpRequest, _key: str | None = None) -> Caller:
    """Return whose key a request carries, and count the request for key and address.

    Raises TooMany("limit_reached"), and Unauthorized("key_missing" | "key_unknown" |
    "key_expired" | "key_revoked"); a request without a good key is counted for its address.
    """
    now = timezone.now()
    secret = secret_of(request)
    key = _find(secret)
    is_good = key is not None and key.state(now) == KeyState.GOOD
    count(request, now, key if is_good else None)
    if not secret:
        raise Unauthorized("key_missing", _("Send your key in the header X-TS-APIKEY."))
    if key is None:
        raise Unauthorized("key_unknown", _("This key is not known."))
    if not is_good:
        raise _REFUSALS[key.state(now)]
    note_use(key, now)
    if is_there():
        allow(is_allowed=request.method in _SAFE_METHODS and not has_written_lately(key.pk, now))
    return Caller(key.pk, key.hotel_id, frozenset(key.scopes))


def _find(secret: str) -> ApiKey | None:
    return _BY_DIGEST.first(digest=digest_of(secret)) if secret.startswith(PREFIX) else None


def counted(request: HttpRequest) -> bool:
    """Let anyone in, counted for their address: for operations that need no key.

    Raises TooMany("limit_reached").
    """
    count(request, timezone.now())
    return True


def count(request: HttpRequest, now: datetime, key: ApiKey | None = None) -> Allowance:
    """Count a request for its address and its key; the answer's headers tell what is left.

    Raises TooMany("limit_reached").
    """
    subjects = [f"a:{client_address(request)}"]
    if key is not None:
        subjects.append(key.pk)
    kind = Kind.READ if request.method in _SAFE_METHODS else Kind.WRITE
    allowance = spend(subjects, kind, now)
    request.allowance = allowance  # type: ignore[attr-defined]  # for the answer's headers
    if allowance.is_exceeded:
        raise allowance.refusal()
    return allowance
