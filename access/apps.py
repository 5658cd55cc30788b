"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    """The access app."""

    name = "access"
    verbose_name = _("Access for systems")
