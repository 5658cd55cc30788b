"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedsConfig(AppConfig):
    """The feeds app."""

    name = "feeds"
    verbose_name = _("Calendar feeds")
