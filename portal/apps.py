"""App registration of the project itself: its commands and template filters."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The project's own app."""

    name = "portal"
