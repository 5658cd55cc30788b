"""Checks of single values that models, forms and commands share."""

import math
import re
from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MOST_LEVELS = 32
_INTEGERS = 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone that this machine knows."""
    if name not in _zones():
        raise ValidationError(
            _("“%(name)s” is no time zone; an example is Europe/Amsterdam."),
            code="time_zone_unknown",
            params={"name": name},
        )


def is_storable(value: object, levels: int = MOST_LEVELS) -> bool:
    """Tell whether every database can store a text, or a JSON value with all its texts, and show it again.

    PostgreSQL takes no NUL, no database takes half a surrogate pair, JSON knows neither
    infinity nor NaN, and beyond 64 bits no two systems agree about integers. What is nested
    deeper than `levels` could be stored, but no answer that holds it could be written.
    """
    if levels < 0:
        return False
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, int):
        return -_INTEGERS <= value < _INTEGERS
    if isinstance(value, float):
        # PostgreSQL gives 1e30 back as the integer that it is.
        return math.isfinite(value) and abs(value) < _INTEGERS
    if isinstance(value, Mapping):
        return all(is_storable(key) and is_storable(content, levels - 1) for key, content in value.items())
    return not isinstance(value, list | tuple) or all(is_storable(content, levels - 1) for content in value)
