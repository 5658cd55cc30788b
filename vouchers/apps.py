"""App registration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VouchersConfig(AppConfig):
    """The vouchers app."""

    name = "vouchers"
    verbose_name = _("Vouchers")
