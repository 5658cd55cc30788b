"""Checks of single values that models, forms and commands share."""

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


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
