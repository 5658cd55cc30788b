"""What is left of a quota in a window of the clock, and how an answer tells it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from portal.errors import TooMany
from portal.metrics import note_limit

WINDOW_SECONDS = 60


def window_of(now: datetime, minutes: int = 1) -> tuple[int, int]:
    """Return the number since 1970 of the minute in which a window began, and the seconds until it ends."""
    second = int(now.timestamp())
    window = second // (minutes * WINDOW_SECONDS)
    return window * minutes, (window + 1) * minutes * WINDOW_SECONDS - second


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of a quota is used in a window."""

    kind: str
    quota: int
    used: int
    reset_seconds: int
    window_seconds: int = WINDOW_SECONDS

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10."""
        left = max(self.quota - self.used, 0)
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.quota};w={self.window_seconds}',
            "RateLimit": f'"{self.kind}";r={left};t={self.reset_seconds}',
        }

    @property
    def is_exceeded(self) -> bool:
        """True for the first request too many, and those after it."""
        return self.used > self.quota

    def refusal(self) -> TooMany:
        """Return what a request too many is answered, and count it."""
        note_limit(self.kind)
        return TooMany(
            "limit_reached",
            _("Too many requests. Try again in %(seconds)s seconds."),
            seconds=self.reset_seconds,
        )
