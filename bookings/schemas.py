"""What well-formed requests about bookings and slots are, and what the API shows of them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from bookings.models import REASON_LENGTH, BookingStatus
from bookings.slots import Reason
from portal.languages import languages
from portal.schemas import DayOrInstantInQuery, Id, InstantInQuery, Page, Request, SlotId, Uid
from vouchers.schemas import VOUCHER_EXAMPLE, VoucherFacts

BOOKING_EXAMPLE: dict[str, Any] = {
    "id": "b-mwrzx1c9-8f2k4j6h1d3s",
    "voucher_id": VOUCHER_EXAMPLE["id"],
    "issuer_uid": "canal-house",
    "holder_uid": "thinker-0123456789ab",
    "slot_id": "slot-2026-12-05T10:00:00Z",
    "slot_start": "2026-12-05T10:00:00Z",
    "slot_end": "2026-12-05T11:00:00Z",
    "status": "booked",
    "cancel_reason": None,
    "created_at": "2026-12-01T09:31:00Z",
    "cancelled_at": None,
}
BOOKED_EXAMPLE: dict[str, Any] = {
    "ok": True,
    "booking": BOOKING_EXAMPLE,
    "voucher": {**VOUCHER_EXAMPLE, "status": "booked", "holder_uid": "thinker-0123456789ab"},
}
_CODES = [code for code, _name in languages()]
Language = Annotated[
    str, Field(pattern=rf"^(?:{'|'.join(_CODES)})$"), WithJsonSchema({"type": "string", "enum": _CODES})
]
SLOT_EXAMPLE: dict[str, Any] = {
    "slot_id": "slot-2026-12-05T10:00:00Z",
    "voucher_id": VOUCHER_EXAMPLE["id"],
    "start": "2026-12-05T10:00:00Z",
    "end": "2026-12-05T11:00:00Z",
    "places": 2,
}


class BookingFacts(BaseModel):
    """A booking."""

    id: Id
    voucher_id: str
    issuer_uid: str
    holder_uid: str
    slot_id: str
    slot_start: datetime
    slot_end: datetime
    status: Literal["booked", "cancelled"]
    cancel_reason: str | None
    created_at: datetime
    cancelled_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [BOOKING_EXAMPLE]})


class BookingAnswer(BaseModel):
    """A booking, and its voucher as it is now."""

    ok: Literal[True]
    booking: BookingFacts
    voucher: VoucherFacts


class VoucherWithBooking(BaseModel):
    """A voucher, and its live booking if it has one."""

    ok: Literal[True]
    voucher: VoucherFacts
    booking: BookingFacts | None


class BookingList(BaseModel):
    """A page of bookings, newest first."""

    ok: Literal[True]
    items: list[BookingFacts]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class SlotFacts(BaseModel):
    """A slot that can be booked."""

    slot_id: str
    voucher_id: str
    start: datetime
    end: datetime
    places: Annotated[int, Field(ge=1, description="How many are free.")]


class SlotList(BaseModel):
    """Free slots by time."""

    ok: Literal[True]
    items: list[SlotFacts]


class DayFacts(BaseModel):
    """A day of the calendar: its free slots, or why there are none."""

    day: date
    slots: list[SlotFacts]
    reason: Annotated[Reason | None, Field(description="Null when there are free slots.")]
    closure: Annotated[str | None, Field(description="The hotel's words, when the reason is `closure`.")]


class CalendarAnswer(BaseModel):
    """A month by the hotel's clock."""

    ok: Literal[True]
    voucher_id: str
    month: str
    time_zone: str
    items: list[DayFacts]


class Book(Request):
    """Take a slot with a voucher, on behalf of a guest."""

    voucher_id: Id
    slot_id: SlotId
    holder_uid: Annotated[Uid, Field(description="The guest; a held voucher is booked for its holder.")]
    name: Annotated[str, Field(max_length=80)] = ""
    email: Annotated[str, Field(max_length=254, description="Where the confirmation goes.")] = ""
    note: Annotated[str, Field(max_length=500)] = ""
    language: Annotated[Language | None, Field(description="Of the mails; the hotel's, when not given.")] = (
        None
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "voucher_id": VOUCHER_EXAMPLE["id"],
                    "slot_id": "slot-2026-12-05T10:00:00Z",
                    "holder_uid": "thinker-0123456789ab",
                    "name": "Ann Guest",
                    "email": "ann@guest.example",
                }
            ]
        }
    )


class Cancel(Request):
    """Cancel a booking, named by itself or by its voucher."""

    booking_id: Id | None = None
    voucher_id: Id | None = None
    reason: Annotated[str, Field(max_length=REASON_LENGTH)] = ""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"booking_id": BOOKING_EXAMPLE["id"], "reason": "The guest called."}]}
    )


class Move(Request):
    """Move a booking to another slot, in one step."""

    booking_id: Id
    slot_id: SlotId

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"booking_id": BOOKING_EXAMPLE["id"], "slot_id": "slot-2026-12-05T12:00:00Z"}]
        }
    )


class Redeem(Request):
    """Redeem a voucher at the desk: by its id, or by the signed code that its guest shows."""

    voucher_id: Id | None = None
    code: Annotated[str | None, Field(min_length=1, max_length=200)] = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"voucher_id": VOUCHER_EXAMPLE["id"]}]})


class Withdraw(Request):
    """Withdraw a voucher for good."""

    voucher_id: Id
    reason: Annotated[str, Field(max_length=REASON_LENGTH)] = ""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"voucher_id": VOUCHER_EXAMPLE["id"], "reason": "Sold twice."}]}
    )


class BookingQuery(Page):
    """Which bookings."""

    issuer_uid: Annotated[
        str, Field(max_length=40, description="Only with a platform key; others see their own hotel's.")
    ] = ""
    holder_uid: Annotated[str, Field(max_length=64)] = ""
    voucher_id: Annotated[str, Field(max_length=40)] = ""
    status: Annotated[
        BookingStatus | None, WithJsonSchema({"type": "string", "enum": BookingStatus.values})
    ] = None
    since: Annotated[InstantInQuery, Field(alias="from", description="Slots that start then or later.")] = (
        None
    )
    until: Annotated[InstantInQuery, Field(description="Slots that start before.")] = None


class SlotQuery(BaseModel):
    """Which slots of a voucher."""

    voucher_id: Id
    since: Annotated[
        DayOrInstantInQuery,
        Field(alias="from", description="A time, or a day by the hotel's clock; the first bookable day."),
    ] = None
    until: Annotated[
        DayOrInstantInQuery,
        Field(description="A time, or the last day; at most 62 days later, 31 when not given."),
    ] = None


class CalendarQuery(BaseModel):
    """Which month of a voucher's calendar."""

    voucher_id: Id
    month: Annotated[
        str,
        Field(
            pattern=r"^(199[0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])$", json_schema_extra={"example": "2026-12"}
        ),
    ]


ONLINE_EXAMPLE: dict[str, Any] = {
    "holder_uid": "thinker-0123456789ab",
    "issuer_uid": "canal-house",
    "last_seen": "2026-12-05T09:58:31Z",
    "booking": BOOKING_EXAMPLE,
    "arrived_at": None,
}


class OnlineFacts(BaseModel):
    """A guest who is online."""

    holder_uid: str
    issuer_uid: str
    last_seen: datetime
    booking: Annotated[BookingFacts | None, Field(description="Today's, by the hotel's clock.")]
    arrived_at: Annotated[datetime | None, Field(description="When the guest said that they are here.")]


class OnlineList(BaseModel):
    """Guests who are online, by today's slot, then the latest seen."""

    ok: Literal[True]
    items: list[OnlineFacts]
