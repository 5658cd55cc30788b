"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WaitingConfig(AppConfig):
    """The waiting app."""

    name = "waiting"
    verbose_name = _("Waiting list")
