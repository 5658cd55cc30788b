"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    """The presence app."""

    name = "presence"
    verbose_name = _("Presence")
