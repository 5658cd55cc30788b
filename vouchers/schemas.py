"""What well-formed requests about vouchers are, and what the API shows of a voucher."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from portal.schemas import JSON_NUMBER, DayInQuery, Flag, Id, Instant, Money, Page, Request, Uid
from vouchers.domain import MAX_COUNT
from vouchers.models import VOUCHER_MAX_MINUTES
from vouchers.states import Status

VOUCHER_EXAMPLE: dict[str, Any] = {
    "id": "v-mwrzwq0u-3k9x7a2m5q1z",
    "issuer_uid": "canal-house",
    "holder_uid": None,
    "service_type": "hotel.spa",
    "title": "Spa hour",
    "description": "One hour in the spa.",
    "duration_minutes": 60,
    "valid_from": "2026-12-01T00:00:00Z",
    "valid_until": "2027-11-30T22:59:59Z",
    "price_amount": 100.00,
    "price_currency": "EUR",
    "status": "issued",
    "transferable": False,
    "terms": {},
    "created_at": "2026-12-01T09:30:00Z",
    "offer_id": None,
}


class VoucherFacts(BaseModel):
    """A voucher as everyone sees it now."""

    id: Id
    issuer_uid: str
    holder_uid: Annotated[str | None, Field(description="Null while any guest may book it.")]
    service_type: str
    title: str
    description: str
    duration_minutes: int
    valid_from: datetime
    valid_until: datetime
    price_amount: Annotated[float | None, Field(description="Major units with two decimals; null: included.")]
    price_currency: str
    status: Literal["issued", "booked", "consumed", "cancelled", "expired"]
    transferable: bool
    terms: dict[str, Any]
    created_at: datetime
    offer_id: str | None

    model_config = ConfigDict(json_schema_extra={"examples": [VOUCHER_EXAMPLE]})


class VoucherAnswer(BaseModel):
    """One voucher."""

    ok: Literal[True]
    voucher: VoucherFacts


class IssuedAnswer(BaseModel):
    """What was issued: `voucher`, or `vouchers` when the request had a count."""

    ok: Literal[True]
    voucher: VoucherFacts | None = None
    vouchers: list[VoucherFacts] | None = None


class VoucherList(BaseModel):
    """A page of vouchers, newest first."""

    ok: Literal[True]
    items: list[VoucherFacts]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class VoucherQuery(Page):
    """Which vouchers."""

    issuer_uid: Annotated[
        str, Field(max_length=40, description="Only with a platform key; others see their own hotel's.")
    ] = ""
    status: Annotated[
        Status | None,
        WithJsonSchema({"type": "string", "enum": Status.values}),
        Field(description="As everyone sees it now."),
    ] = None
    holder_uid: Annotated[str, Field(max_length=64)] = ""
    service_type: Annotated[str, Field(max_length=60, json_schema_extra={"example": "hotel.spa"})] = ""
    offer: Annotated[str, Field(max_length=40, description="Id of an offer.")] = ""
    valid_on: Annotated[DayInQuery, Field(description="A day by the hotel's clock.")] = None


class _Issue(Request):
    issuer_uid: Annotated[Id | None, Field(description="Only a platform key has to name the hotel.")] = None
    holder_uid: Annotated[Uid | None, Field(description="Who holds it; without, any guest may book it.")] = (
        None
    )
    count: Annotated[
        Annotated[int, Field(ge=1, le=MAX_COUNT), JSON_NUMBER] | None,
        Field(description="How many, all or none; the answer is then `vouchers`."),
    ] = None


class IssueFromOffer(_Issue):
    """Vouchers on an offer's terms as they are now."""

    offer: Annotated[Id, Field(description="Id of one of the hotel's offers.")]
    valid_from: Annotated[Instant | None, Field(description="Now, when not given.")] = None
    valid_until: Annotated[Instant | None, Field(description="By the offer, when not given.")] = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"offer": "o-spa", "count": 2}]})


class IssueFromFields(_Issue):
    """Vouchers on their own terms, with an hourly calendar of their own."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    valid_from: Instant
    valid_until: Instant
    service_type: Annotated[str, Field(min_length=1, max_length=60)] = "hotel.booking"
    description: Annotated[str, Field(max_length=2000)] = ""
    duration_minutes: Annotated[int, Field(ge=1, le=VOUCHER_MAX_MINUTES), JSON_NUMBER] = 60
    cancel_notice_minutes: Annotated[int, Field(ge=0, le=VOUCHER_MAX_MINUTES), JSON_NUMBER] = 0
    price_amount: Money | None = None
    price_currency: Annotated[
        str | None, Field(pattern=r"^[A-Z]{3}$", description="The hotel's, when not given.")
    ] = None
    transferable: Flag = False
    terms: dict[str, Any] = {}

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Spa hour",
                    "service_type": "hotel.spa",
                    "valid_from": "2026-12-01T00:00:00Z",
                    "valid_until": "2027-11-30T22:59:59Z",
                    "price_amount": 100.00,
                    "price_currency": "EUR",
                }
            ]
        }
    )


def _kind(body: Any) -> str:
    has_offer = "offer" in body if isinstance(body, dict) else hasattr(body, "offer")
    return "from_offer" if has_offer else "from_fields"


Issue = Annotated[
    Annotated[IssueFromOffer, Tag("from_offer")] | Annotated[IssueFromFields, Tag("from_fields")],
    Discriminator(_kind),
]
