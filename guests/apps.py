"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuestsConfig(AppConfig):
    """The guests app."""

    name = "guests"
    verbose_name = _("Guests")
