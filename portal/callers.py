"""Who calls the JSON API: a key's hotel and what the key may do."""

from dataclasses import dataclass
from enum import StrEnum

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.actors import Actor, system
from portal.errors import NotAllowed, Rejected


class Scope(StrEnum):
    """What a key can be allowed to do."""

    READ_VOUCHERS = "vouchers:read"
    WRITE_VOUCHERS = "vouchers:write"
    WRITE_BOOKINGS = "bookings:write"
    DESK = "desk"
    PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class Caller:
    """The key that a request came with; `issuer_uid` is None for a platform key."""

    key_id: str
    issuer_uid: str | None
    scopes: frozenset[str]

    @property
    def by(self) -> Actor:
        """The actor that the journal names."""
        return system(self.key_id)

    @property
    def is_platform(self) -> bool:
        """True for a key of no hotel, which may act for any."""
        return self.issuer_uid is None

    def issuer(self, named: str = "") -> str | None:
        """Return the hotel that a request concerns; None for all of them, with a platform key.

        Raises NotAllowed("issuer_foreign") for a hotel that is not the key's.
        """
        if self.issuer_uid is None:
            return named or None
        if named and named != self.issuer_uid:
            raise NotAllowed("issuer_foreign", _("This key belongs to another hotel."))
        return self.issuer_uid

    def one_issuer(self, named: str = "") -> str:
        """Return the one hotel that a request concerns.

        Raises what `issuer` raises, and Rejected("issuer_missing") for a platform key that names none.
        """
        issuer = self.issuer(named)
        if issuer is None:
            raise Rejected("issuer_missing", _("A platform key has to name the hotel: issuer_uid."))
        return issuer


def caller_of(request: HttpRequest, scope: Scope) -> Caller:
    """Return who calls.

    Raises NotAllowed("scope_missing") when the key may not do this.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]  # ninja sets what its auth returned
    if scope not in caller.scopes:
        raise NotAllowed("scope_missing", _("This key may not do that: it lacks “%(scope)s”."), scope=scope)
    return caller
