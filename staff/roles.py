"""The three roles of a hotel's staff, as groups; each holds what the one before it may, and more."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

FRONT_DESK = "Front desk"
VOUCHER_MANAGER = "Voucher manager"
HOTEL_ADMIN = "Hotel admin"

# See today, redeem, cancel, mark, book for a guest.
_FRONT_DESK = frozenset(
    {
        "vouchers.view_hotel",
        "vouchers.view_offer",
        "vouchers.view_openinghours",
        "vouchers.view_closure",
        "vouchers.view_batch",
        "vouchers.view_voucher",
        "vouchers.change_voucher",
        "bookings.view_booking",
        "bookings.add_booking",
        "bookings.change_booking",
        "bookings.view_hold",
        "waiting.view_entry",
        "events.view_event",
    }
)
# Issue and withdraw, offers with their calendars, files in and out, the mails that guests get.
_VOUCHER_MANAGER = _FRONT_DESK | {
    "vouchers.add_voucher",
    "vouchers.delete_voucher",
    *(f"vouchers.{verb}_offer" for verb in ("add", "change", "delete")),
    *(f"vouchers.{verb}_openinghours" for verb in ("add", "change", "delete")),
    *(f"vouchers.{verb}_closure" for verb in ("add", "change", "delete")),
    "bulk.view_job",
    "bulk.add_job",
    "bulk.export_rows",
    "bookings.view_mail",
    "bookings.change_mail",
}
# The hotel itself, its people, and what its systems are given.
_HOTEL_ADMIN = _VOUCHER_MANAGER | {
    "vouchers.change_hotel",
    *(f"auth.{verb}_user" for verb in ("view", "add", "change")),
    *(f"access.{verb}_apikey" for verb in ("view", "add", "change")),
    *(f"feeds.{verb}_feed" for verb in ("view", "add", "change")),
    *(f"webhooks.{verb}_subscription" for verb in ("view", "add", "change", "delete")),
    "webhooks.view_delivery",
    "webhooks.change_delivery",
}
ROLES: Mapping[str, frozenset[str]] = {
    FRONT_DESK: _FRONT_DESK,
    VOUCHER_MANAGER: _VOUCHER_MANAGER,
    HOTEL_ADMIN: _HOTEL_ADMIN,
}


@transaction.atomic
def renew_roles(**_kwargs: Any) -> None:
    """Give each role exactly what it may do; groups of other names are the operator's own.

    Called after every migrate: permissions of new models come into being only then.
    """
    for name, allowed in ROLES.items():
        group, _is_new = Group.objects.get_or_create(name=name)
        chosen = Q(pk__in=())
        for permission in allowed:
            app, codename = permission.split(".")
            chosen |= Q(content_type__app_label=app, codename=codename)
        group.permissions.set(Permission.objects.filter(chosen))
