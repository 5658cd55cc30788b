"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BulkConfig(AppConfig):
    """The bulk app."""

    name = "bulk"
    verbose_name = _("Bulk work")
