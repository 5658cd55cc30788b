"""App registration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    """The staff app."""

    name = "staff"
    verbose_name = _("Staff")

    def ready(self) -> None:
        """Renew the roles after every migrate, when all permissions are there."""
        from staff.roles import renew_roles  # noqa: PLC0415 - models can be imported only now

        post_migrate.connect(renew_roles, sender=self, dispatch_uid="staff.renew_roles")
