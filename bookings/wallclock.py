"""The hotel's wall clock against UTC: pure, no database, no clock.

A *wall* time is a naive datetime as the hotel's clock shows it. On a day on which the clocks
change, some wall times do not exist and some exist twice; Python's `fold` tells the two
readings apart (PEP 495).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
Interval = tuple[datetime, datetime]


def instants_of(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when the clock shows a wall time: no instant, one, or two in order."""
    found = []
    for fold in (0, 1):
        instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wall and instant not in found:
            found.append(instant)
    return found


def edge_of(wall: datetime, zone: ZoneInfo, *, latest: bool = False) -> datetime:
    """Return the instant that bounds opening hours at a wall time.

    A wall time that exists twice bounds at its first reading; if `latest`, at its second
    when the clock shows less than it in between. One that the clock skips bounds at the
    moment of the skip.
    """
    instants = instants_of(wall, zone)
    if instants:
        # A clock that goes back to this very reading shows nothing less after the first one.
        just_before = (instants[-1] - timedelta(microseconds=1)).astimezone(zone)
        return instants[-1 if latest and just_before.replace(tzinfo=None) < wall else 0]
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    old_offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == old_offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


@lru_cache(maxsize=4096)
def day_bounds(day: date, zone: ZoneInfo) -> Interval:
    """Return the instants at which a hotel's day begins and ends (23, 24 or 25 hours apart)."""
    begins = datetime.combine(day, time())
    return edge_of(begins, zone), edge_of(begins + _DAY, zone)


@dataclass(frozen=True, slots=True)
class Window:
    """Opening hours on one date, as wall times and as instants."""

    wall_opens: datetime
    wall_closes: datetime
    opens: datetime
    closes: datetime

    def grid(self, step: timedelta, zone: ZoneInfo) -> Iterator[datetime]:
        """Yield the grid's instants: every `step` of the wall clock from the opening on."""
        wall = self.wall_opens
        if self.closes - self.opens == self.wall_closes - self.wall_opens:
            instant = self.opens
            while instant < self.closes:
                yield instant
                instant += step
            return
        # The clocks change in these hours: a skipped reading has no slot, a double one has two.
        while wall < self.wall_closes:
            yield from instants_of(wall, zone)
            wall += step


@lru_cache(maxsize=8192)
def window_on(day: date, opens: time, closes: time, zone: ZoneInfo) -> Window:
    """Return the opening hours of a day; `closes` at or before `opens` is on the next day."""
    wall_opens = datetime.combine(day, opens)
    wall_closes = datetime.combine(day if closes > opens else day + _DAY, closes)
    return Window(wall_opens, wall_closes, edge_of(wall_opens, zone), edge_of(wall_closes, zone, latest=True))
