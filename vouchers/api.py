"""Vouchers over the JSON API: issuing and listing. What concerns their bookings is in `bookings.api`."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Body, Query, Router

from portal.answers import answer
from portal.callers import Scope, caller_of
from portal.replica import from_replica
from portal.schemas import operation
from vouchers.domain import issue_vouchers
from vouchers.models import Hotel, Offer
from vouchers.records import find_hotel, find_offer, voucher_facts, voucher_page
from vouchers.schemas import (
    VOUCHER_EXAMPLE,
    Issue,
    IssuedAnswer,
    IssueFromFields,
    IssueFromOffer,
    VoucherList,
    VoucherQuery,
)
from vouchers.terms import Terms, terms_of

router = Router(tags=["vouchers"])
_ID_OF_ISSUED = "$response.body#/voucher/id"


@router.post(
    "/issue",
    **operation(
        "issueVoucher",
        "Issue vouchers",
        Scope.WRITE_VOUCHERS,
        IssuedAnswer,
        changes=True,
        refusals={
            404: ("offer_not_found", "hotel_not_found"),
            422: ("validity_out_of_range", "voucher_invalid", "offer_inactive", "issuer_missing"),
        },
        example={"ok": True, "voucher": VOUCHER_EXAMPLE},
        links={
            "read": {"operationId": "readVoucher", "parameters": {"voucher_id": _ID_OF_ISSUED}},
            "slots": {"operationId": "listSlots", "parameters": {"voucher_id": _ID_OF_ISSUED}},
            "calendar": {"operationId": "showCalendar", "parameters": {"voucher_id": _ID_OF_ISSUED}},
            "redeem": {"operationId": "redeemVoucher", "requestBody": {"voucher_id": _ID_OF_ISSUED}},
            "withdraw": {"operationId": "withdrawVoucher", "requestBody": {"voucher_id": _ID_OF_ISSUED}},
        },
    ),
)
def issue(request: HttpRequest, body: Body[Issue]) -> HttpResponse:
    """Issue one voucher, or `count` of them in one transaction: from an `offer`, or from fields of their own.

    Without `holder_uid` any guest may book them.
    """
    caller = caller_of(request, Scope.WRITE_VOUCHERS)
    now = timezone.now()
    offer: Offer | None = None
    if isinstance(body, IssueFromOffer):
        offer = find_offer(body.offer, caller.issuer(body.issuer_uid or ""))
        hotel = offer.hotel
        terms = terms_of(offer, now=now, valid_from=body.valid_from, valid_until=body.valid_until)
    else:
        hotel = find_hotel(caller.one_issuer(body.issuer_uid or ""))
        terms = _own_terms(body, hotel)
    vouchers = issue_vouchers(
        hotel=hotel,
        offer=offer,
        terms=terms,
        count=body.count or 1,
        holder_uid=body.holder_uid or "",
        by=caller.by,
        now=now,
    )
    facts = [voucher_facts(voucher, now) for voucher in vouchers]
    return answer({"voucher": facts[0]} if body.count is None else {"vouchers": facts})


def _own_terms(body: IssueFromFields, hotel: Hotel) -> Terms:
    own = body.model_dump(exclude={"issuer_uid", "holder_uid", "count", "price_currency"})
    return Terms(**own, price_currency=body.price_currency or hotel.default_currency)


@router.get(
    "/list",
    **operation(
        "listVouchers",
        "List vouchers",
        Scope.READ_VOUCHERS,
        VoucherList,
        refusals={422: ("cursor_invalid",)},
        example={"ok": True, "items": [VOUCHER_EXAMPLE], "next_cursor": None},
    ),
)
def list_vouchers(request: HttpRequest, query: Query[VoucherQuery]) -> HttpResponse:
    """Return the hotel's vouchers, newest first, `limit` at a time.

    `status` is what everyone sees: a voucher whose time is over is expired, at once.
    """
    caller = caller_of(request, Scope.READ_VOUCHERS)
    now = timezone.now()
    issuer = caller.issuer(query.issuer_uid)
    vouchers, cursor = from_replica(lambda: voucher_page(query, issuer, now=now))
    return answer({"items": vouchers, "next_cursor": cursor})
