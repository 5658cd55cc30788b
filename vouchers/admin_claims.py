"""Claim links in the admin: how the hotel hands a voucher to one guest."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from portal.admin import ReadOnlyAdmin
from portal.admin_actions import ask_page
from vouchers import states
from vouchers.links import CLAIM_LIFETIME, make_claim_token


class ClaimLinkAdmin(ReadOnlyAdmin):
    """Vouchers with a page that makes a claim link."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may redeem vouchers and hand them out."""
        return request.user.has_perm("vouchers.change_voucher")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that makes a claim link."""
        view = self.admin_site.admin_view(self.claim_link)
        return [
            path("<path:object_id>/claim-link/", view, name="vouchers_voucher_claim_link"),
            *super().get_urls(),
        ]

    def claim_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then show a link with which a guest takes the voucher. The link is kept nowhere."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        voucher = self.get_object(request, object_id)
        if voucher is None:
            self.message_user(request, _("There is no such voucher."), messages.ERROR)
            return redirect("admin:vouchers_voucher_changelist")
        back = reverse("admin:vouchers_voucher_change", args=(voucher.pk,))
        refusal = _claim_refusal(voucher)
        if refusal:
            self.message_user(request, refusal, messages.ERROR)
            return redirect(back)
        link = ""
        if request.method == "POST":
            link = settings.PUBLIC_URL + reverse("vouchers:claim", args=(make_claim_token(voucher),))
        return ask_page(
            self,
            request,
            title=_("Claim link for %(title)s") % {"title": voucher.title},
            button=_("Make the link"),
            back=back,
            lines=[
                _("Whoever opens the link first can take the voucher. Give it to one guest only."),
                _("It is good for %(days)d days and for one claim.") % {"days": CLAIM_LIFETIME.days},
            ],
            link=link,
            link_words=_("Copy this link; it is not shown again."),
        )

    def claim_links(self, request: HttpRequest, voucher: Any) -> list[tuple[str, str]]:
        """Return the way to the page, with its words, where a link would be worth something."""
        if not self.has_operate_permission(request) or _claim_refusal(voucher):
            return []
        return [(reverse("admin:vouchers_voucher_claim_link", args=(voucher.pk,)), _("Claim link"))]


def _claim_refusal(voucher: Any) -> str:
    """Return why a claim link of this voucher would be worth nothing; empty when it is good."""
    if voucher.shown_status not in states.sources("transfer"):
        return _("Only a voucher that is neither booked, used nor over can be handed to a guest.")
    if voucher.holder_uid and not voucher.transferable:
        return _("This voucher has a holder and cannot be handed on.")
    return ""
