"""App registration; renews the database's guard after every migration."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def _renew_guard(using: str, **_kwargs: Any) -> None:
    from bookings import guards  # noqa: PLC0415 - models are not loaded when this module is

    guards.install(using)


class BookingsConfig(AppConfig):
    """The bookings app."""

    name = "bookings"
    verbose_name = _("Bookings")

    def ready(self) -> None:
        """Renew the guard whenever `migrate` has run; flushing a test database counts too."""
        post_migrate.connect(_renew_guard, sender=self)
