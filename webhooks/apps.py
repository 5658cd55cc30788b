"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """The webhooks app."""

    name = "webhooks"
    verbose_name = _("Webhooks")
