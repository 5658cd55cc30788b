"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartiesConfig(AppConfig):
    """The parties app."""

    name = "parties"
    verbose_name = _("Parties")
