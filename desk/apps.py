"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """The desk app."""

    name = "desk"
    verbose_name = _("Front desk")
