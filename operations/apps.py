"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """The operations app."""

    name = "operations"
    verbose_name = _("Operations")
