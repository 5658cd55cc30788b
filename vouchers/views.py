"""A voucher's own page over HTTP: see, print, share, hand on."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from portal.actors import guest
from portal.errors import Rejected
from presence.browser import guest_uid_of, remember_guest
from presence.domain import new_guest_uid
from vouchers.domain import recall_claim_links, transfer_voucher
from vouchers.links import make_claim_token, read_claim_token
from vouchers.models import Voucher
from vouchers.states import Status
from vouchers.structured import as_script, offer_data

private = cache_control(private=True, no_cache=True)


def _visible(request: HttpRequest, voucher_id: str) -> Voucher:
    vouchers = Voucher.objects.visible_to(guest_uid_of(request)).select_related("hotel", "offer")
    voucher = vouchers.filter(pk=voucher_id).first()
    if voucher is None:
        raise Http404
    return voucher


@private
@require_http_methods(["GET", "HEAD", "POST"])
def voucher_page(request: HttpRequest, voucher_id: str) -> HttpResponse:
    """Show a voucher; POST by its holder makes a claim link to hand it on with."""
    voucher = _visible(request, voucher_id)
    now = timezone.now()
    status = voucher.shown(now)
    is_own = bool(voucher.holder_uid)
    can_hand_on = is_own and voucher.transferable and status == Status.ISSUED
    link = ""
    if request.method == "POST":
        if not can_hand_on:
            raise Rejected("voucher_not_transferable", _("This voucher cannot be handed on."))
        path = reverse("vouchers:claim", args=(make_claim_token(voucher),))
        link = request.build_absolute_uri(path)
    context = {
        "voucher": voucher,
        "hotel": voucher.hotel,
        "status": status,
        "is_own": is_own,
        "can_hand_on": can_hand_on,
        "claim_link": link,
        "is_recalled": "recalled" in request.GET and is_own,
        "structured_data": as_script(offer_data(voucher, status)),
    }
    return render(request, "vouchers/voucher_page.html", context)


@require_POST
def recall(request: HttpRequest, voucher_id: str) -> HttpResponse:
    """Take back the claim links that this guest has made of their voucher."""
    voucher = _visible(request, voucher_id)
    if not voucher.holder_uid:
        raise Http404
    recall_claim_links(voucher_id=voucher.pk, by=guest(voucher.holder_uid), now=timezone.now())
    return redirect(f"{reverse('vouchers:voucher', args=(voucher.pk,))}?recalled")


@private
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Show the voucher that a claim link gives; POST takes it."""
    try:
        offered = read_claim_token(token)
    except Rejected as error:
        return render(request, "vouchers/claim_invalid.html", {"reason": error.message}, status=404)
    vouchers = Voucher.objects.select_related("hotel").filter(holder_uid=offered.from_uid)
    uid = guest_uid_of(request) or new_guest_uid()
    if request.method == "POST":
        voucher = transfer_voucher(
            voucher_id=offered.voucher_id,
            from_uid=offered.from_uid,
            to_uid=uid,
            now=timezone.now(),
            claim_epoch=offered.epoch,
        )
        response = redirect("vouchers:voucher", voucher.pk)
        remember_guest(response, uid)
        return response
    found = vouchers.filter(pk=offered.voucher_id, claim_epoch=offered.epoch).first()
    if found is None:
        mine = Voucher.objects.held_by(uid).filter(pk=offered.voucher_id).first()
        if mine is not None:
            return redirect("vouchers:voucher", mine.pk)
        return render(request, "vouchers/claim_invalid.html", status=404)
    context = {"voucher": found, "hotel": found.hotel, "status": found.shown(timezone.now())}
    return render(request, "vouchers/claim_page.html", context)
