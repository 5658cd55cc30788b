"""What well-formed requests about the journal are, and what the API shows of an event."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from portal.schemas import MOST_ITEMS

EVENT_EXAMPLE: dict[str, Any] = {
    "id": "e-mwrzx1c9-5t7y9u2i4o6p",
    "type": "voucher.book",
    "actor_id": "thinker-0123456789ab",
    "subject_type": "voucher",
    "subject_id": "v-mwrzwq0u-3k9x7a2m5q1z",
    "issuer_uid": "canal-house",
    "meta": {
        "before": {"status": "issued", "holder_uid": ""},
        "after": {"status": "booked", "holder_uid": "thinker-0123456789ab"},
        "booking_id": "b-mwrzx1c9-8f2k4j6h1d3s",
        "slot_id": "slot-2026-12-05T10:00:00Z",
        "slot_start": "2026-12-05T10:00:00+00:00",
        "slot_end": "2026-12-05T11:00:00+00:00",
    },
    "created_at": "2026-12-01T09:31:00Z",
}


class EventFacts(BaseModel):
    """A change that was committed."""

    id: str
    type: str
    actor_id: Annotated[str, Field(description="Who asked for it.")]
    subject_type: str
    subject_id: str
    issuer_uid: str
    meta: Annotated[dict[str, Any], Field(description="`before` and `after`, and what else there is to say.")]
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT_EXAMPLE]})


class EventList(BaseModel):
    """A part of the journal, oldest first."""

    ok: Literal[True]
    items: list[EventFacts]
    next_after: Annotated[
        str | None, Field(description="What to send as `after` next time; null at the journal's beginning.")
    ]


class EventQuery(BaseModel):
    """Which part of the journal."""

    type: Annotated[str, Field(max_length=40, json_schema_extra={"example": "voucher.book"})] = ""
    subject_id: Annotated[str, Field(max_length=40)] = ""
    after: Annotated[str, Field(max_length=40, description="Id of the last event that you have.")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 50
