"""The public ids of slots: pure text."""

import re
from datetime import UTC, datetime

# No voucher is valid outside these years, and far outside them dates cannot be reckoned with.
_YEARS = range(1990, 2200)
_SLOT_ID = re.compile(r"slot-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2})")


def slot_id(start: datetime) -> str:
    """Return a slot's public id: "slot-" and its start as ISO 8601 in UTC."""
    # A plain calendar counts from the instant of issue, which has microseconds.
    precision = "seconds"
    if start.microsecond:
        precision = "microseconds" if start.microsecond % 1000 else "milliseconds"
    return f"slot-{start.astimezone(UTC).isoformat(timespec=precision).replace('+00:00', 'Z')}"


def parse_slot_id(text: str) -> datetime | None:
    """Return the start that a slot id names, in UTC; None for anything that is no slot id."""
    if not _SLOT_ID.fullmatch(text):
        return None
    try:
        start = datetime.fromisoformat(text.removeprefix("slot-")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return start if start.year in _YEARS else None
