"""The voucher's statuses and every move there is between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, Q, TextChoices, Value, When
from django.utils.translation import gettext_lazy as _

from portal.actors import ActorKind


class Status(TextChoices):
    """What a voucher is; the words are column values, JSON values and filter values."""

    ISSUED = "issued", _("Issued")
    BOOKED = "booked", _("Booked")
    CONSUMED = "consumed", _("Consumed")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")


@dataclass(frozen=True, slots=True)
class Move:
    """A verb's permission: from which status, to which, and who may ask."""

    sources: frozenset[Status]
    target: Status
    actors: frozenset[ActorKind]


_GUEST, _STAFF, _SYSTEM, _CLOCK = ActorKind
_ANYONE = frozenset({_GUEST, _STAFF, _SYSTEM})
_HOTEL = frozenset({_STAFF, _SYSTEM})

# No other move exists, whoever asks. "unredeem" goes back to where the voucher was, hence twice.
MOVES: Mapping[str, tuple[Move, ...]] = {
    "book": (Move(frozenset({Status.ISSUED}), Status.BOOKED, _ANYONE),),
    "cancel": (Move(frozenset({Status.BOOKED}), Status.ISSUED, _ANYONE),),
    "move": (Move(frozenset({Status.BOOKED}), Status.BOOKED, _ANYONE),),
    "transfer": (Move(frozenset({Status.ISSUED}), Status.ISSUED, frozenset({_GUEST})),),
    "redeem": (Move(frozenset({Status.ISSUED, Status.BOOKED}), Status.CONSUMED, _HOTEL),),
    "unredeem": (
        Move(frozenset({Status.CONSUMED}), Status.ISSUED, frozenset({_STAFF})),
        Move(frozenset({Status.CONSUMED}), Status.BOOKED, frozenset({_STAFF})),
    ),
    "withdraw": (Move(frozenset({Status.ISSUED, Status.BOOKED}), Status.CANCELLED, _HOTEL),),
    "expire": (
        Move(frozenset({Status.ISSUED, Status.BOOKED}), Status.EXPIRED, frozenset({_CLOCK, _SYSTEM})),
    ),
}

# The statuses that the clock ends; the others are final or ended already.
EXPIRING = MOVES["expire"][0].sources


def sources(verb: str) -> frozenset[Status]:
    """Return the statuses from which a verb may move a voucher."""
    return frozenset().union(*(move.sources for move in MOVES[verb]))


def may(verb: str, kind: ActorKind) -> bool:
    """Tell whether actors of this kind may ever use a verb."""
    return any(kind in move.actors for move in MOVES[verb])


# Expiry is a fact of the clock: a voucher is expired from `expires_at` on, swept or not.
# This is the one definition, as a condition for the database and, below, for a loaded row.
def past_expiry(now: datetime) -> Q:
    """Return the condition of the rows that the clock has ended, stored so or not yet."""
    return Q(status__in=EXPIRING, expires_at__lte=now)


def shown_status(status: str, expires_at: datetime, now: datetime) -> Status:
    """Return the status that everyone sees now, whatever is stored."""
    if status in EXPIRING and expires_at <= now:
        return Status.EXPIRED
    return Status(status)


def shown_status_expression(now: datetime) -> Case:
    """Return `shown_status` as a database expression."""
    return Case(When(past_expiry(now), then=Value(Status.EXPIRED)), default=F("status"))
