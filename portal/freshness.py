"""Whether anything that guests see has changed since an answer was made, told by one statement.

Every change writes an event, and every place that is held is a row, so the same mark means the same
data. What neither tells, the clock and a row that somebody changed by hand, is seen a minute later
at most, since the minute is part of the mark. Decisions never rely on it.
docs/decisions/0019-marks.md says why so.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.conf import settings

from events.models import Event
from portal.ids import id_since
from portal.replica import from_replica
from portal.rows import rows_of

Found = TypeVar("Found")
Mark = tuple[Any, ...]

_MINUTE = timedelta(minutes=1)
# A page of cards takes some 60 KB, a month's slots as text up to 100.
_MOST_REMEMBERED = 128
# An event can be committed after one with a greater id, so the latest ones are counted as well.
_LATEST = """
SELECT
    (SELECT MAX(id) FROM events_event),
    (SELECT COUNT(*) FROM (SELECT 1 FROM events_event WHERE id >= %s LIMIT 5000) AS latest),
    (SELECT MAX(id) FROM bookings_hold),
    (SELECT COUNT(*) FROM bookings_hold)
"""


def mark_at(now: datetime) -> Mark:
    """Return what differs once anything has changed; read it before what it is to stand for."""
    minute = now.replace(second=0, microsecond=0)
    since = id_since("e", minute - _MINUTE)
    (latest,) = from_replica(lambda: rows_of(Event, _LATEST, [since]))
    return (minute, *latest)


@dataclass(frozen=True, slots=True)
class _Asked:
    key: Hashable
    read: Callable[[], Any] = field(compare=False)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _found(asked: _Asked) -> Any:
    return asked.read()


def remembered(mark: Mark, key: Hashable, read: Callable[[], Found]) -> Found:
    """Return what `read` finds, or found before at the same mark and key in this process.

    It is shared between requests: nobody may change it.
    """
    return cast("Found", _found(_Asked((mark, key), read)))


def unless_changed(now: datetime, key: Hashable, read: Callable[[], Found]) -> Found:
    """Return what `read` finds, or found before while nothing has changed since."""
    return remembered(mark_at(now), key, read) if settings.PAGE_MEMORY else read()


def forget() -> None:
    """Forget everything that is remembered in this process."""
    _found.cache_clear()
