"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LegacyConfig(AppConfig):
    """The legacy app."""

    name = "legacy"
    verbose_name = _("Earlier system")
