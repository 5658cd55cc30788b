"""Withdrawing vouchers in the admin: a booking that stands is cancelled with its voucher."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.domain import withdraw_voucher
from bookings.models import Booking
from portal.admin import acting, moment_words
from portal.admin_actions import APPLY, ReasonForm, ask_first, run_each
from vouchers import states
from vouchers.admin_vouchers import VoucherAdmin
from vouchers.states import Status


class BookableVoucherAdmin(VoucherAdmin):
    """Vouchers with the verb that ends a booking too."""

    actions = (*VoucherAdmin.actions, "withdraw")

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may withdraw vouchers: the permission to delete, which nothing else uses."""
        return request.user.has_perm("vouchers.delete_voucher")

    @admin.action(description=gettext_lazy("Withdraw…"), permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then withdraw the chosen vouchers for good."""
        form = ReasonForm(request.POST if APPLY in request.POST else None)
        if not form.is_valid():
            return ask_first(
                self,
                request,
                rows,
                action="withdraw",
                title=_("Withdraw vouchers"),
                button=_("Withdraw for good"),
                lines=_consequences,
                form=form,
            )
        by, reason = acting(request), form.cleaned_data["reason"]
        return run_each(
            self,
            request,
            rows,
            lambda key: withdraw_voucher(voucher_id=key, by=by, now=timezone.now(), reason=reason),
            lambda number: (
                ngettext("%(number)d voucher withdrawn.", "%(number)d vouchers withdrawn.", number)
                % {"number": number}
            ),
        )

    def page_actions(self, voucher: Any) -> list[tuple[str, str]]:
        """Add withdrawing where the voucher's state allows it."""
        found = super().page_actions(voucher)
        if voucher.shown_status in states.sources("withdraw"):
            found.append(("withdraw", _("Withdraw…")))
        return found


def _consequences(vouchers: list[Any]) -> Iterable[str]:
    """Say of each voucher what withdrawing changes."""
    standing = Booking.objects.standing().filter(voucher__in=vouchers)
    bookings = {booking.voucher_id: booking for booking in standing}
    for voucher in vouchers:
        named = f"{voucher.title} ({voucher.pk})"
        status = Status(voucher.shown_status)
        if status not in states.sources("withdraw"):
            yield _("%(voucher)s stays as it is: %(status)s.") % {"voucher": named, "status": status.label}
        elif status == Status.BOOKED and voucher.pk in bookings:
            start = moment_words(bookings[voucher.pk].slot_start, voucher.hotel.zone)
            yield _("%(voucher)s: the booking of %(start)s is cancelled with it.") % {
                "voucher": named,
                "start": start,
            }
        else:
            yield _("%(voucher)s can no longer be booked or used.") % {"voucher": named}
