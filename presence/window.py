"""What "online" means: seen in the last 60 seconds, and not gone since."""

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
# A `match` refreshes a guest who was seen longer ago than this; a younger sign of life will do.
FRESH = timedelta(seconds=20)
# Changing from one pair code to another is counted as so many heartbeats: guessing is slow.
CODE_CHANGE_COST = 6


def since_of(now: datetime) -> datetime:
    """Return after which moment one has to be seen to be online."""
    return now - WINDOW


def until_of(now: datetime) -> datetime:
    """Return before which moment: what lies farther ahead was noted by a clock that was wrong."""
    return now + WINDOW


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat has left: the guest's pair code, and what is used of the minute's limit."""

    pair_code: str
    used: int


@dataclass(frozen=True, slots=True)
class Seen:
    """How a guest stands, and whether anyone else is online with the pair code that was asked for.

    `room_id` is the open room of that code, if the guest is a member of it and the store knows rooms.
    """

    pair_code: str
    is_online: bool
    last_seen: datetime | None
    minute: int
    used: int
    has_others: bool
    room_id: str = ""

    def is_fresh(self, pair_code: str, now: datetime) -> bool:
        """Tell whether the guest is online with this very code by a sign of life that is still young."""
        if not self.is_online or self.pair_code != pair_code or self.last_seen is None:
            return False
        return timedelta(0) <= now - self.last_seen < FRESH
