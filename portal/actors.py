"""Who asks for a change: the `by` of every domain verb."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of actor that the state table tells apart."""

    GUEST = "guest"
    STAFF = "staff"
    SYSTEM = "system"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone who asks for a change; `id` is what the journal keeps."""

    kind: ActorKind
    id: str

    @property
    def acts_for_hotel(self) -> bool:
        """True for staff and for the hotel's own systems, who may act on behalf of a guest."""
        return self.kind in (ActorKind.STAFF, ActorKind.SYSTEM)


CLOCK = Actor(ActorKind.CLOCK, "clock")


def guest(uid: str) -> Actor:
    """A guest, known by the uid that this browser carries."""
    return Actor(ActorKind.GUEST, uid)


def staff(username: str) -> Actor:
    """A member of a hotel's staff, signed in to the admin."""
    return Actor(ActorKind.STAFF, f"staff:{username}")


def system(name: str) -> Actor:
    """A hotel's system or an operator's command."""
    return Actor(ActorKind.SYSTEM, f"system:{name}")
