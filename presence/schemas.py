"""What well-formed requests about presence are, and what the API answers them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from portal.schemas import JSON_NUMBER, Request, Uid
from presence.models import PAIR_CODE_LENGTH
from presence.rooms import TOKEN_LENGTH

THINKER_ID = "thinker-0123456789ab"
PAIR_CODE = "K7MQ-4T9X-2BWR"
VERIFIED_EXAMPLE: dict[str, Any] = {"ok": True, "thinker_id": THINKER_ID, "pair_code": PAIR_CODE}
HEARTBEAT_EXAMPLE: dict[str, Any] = {"ok": True, "last_seen": 1796461200000}
MATCH_EXAMPLE: dict[str, Any] = {"ok": True, "room_id": f"room-{PAIR_CODE}-8f2k4j6h1d3s"}

PairCode = Annotated[str, Field(max_length=PAIR_CODE_LENGTH, examples=[PAIR_CODE])]


class Verify(Request):
    """A token, and if the client signs, when and how."""

    token: Annotated[str, Field(min_length=1, max_length=TOKEN_LENGTH)]
    ts: Annotated[
        Annotated[int, Field(ge=0, le=2**53), JSON_NUMBER] | None,
        Field(description="When it was signed, in milliseconds since 1970."),
    ] = None
    sig: Annotated[
        str | None,
        Field(
            max_length=128,
            description='Hex HMAC-SHA256 with the token as key over `token + "." + ts`; good for 5 minutes.',
        ),
    ] = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "a-secret-of-your-own"}]})


class Verified(BaseModel):
    """Who the token stands for."""

    ok: Literal[True]
    thinker_id: Annotated[str, Field(description="The same for the same token, for ever.")]
    pair_code: Annotated[str, Field(description="A code to be found by: give it to your party.")]


class Heartbeat(Request):
    """A sign of life."""

    thinker_id: Uid
    pair_code: Annotated[PairCode, Field(description="Left out or empty, it stays what it was.")] = ""
    status: Literal["online", "offline"] = "online"

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"thinker_id": THINKER_ID, "pair_code": PAIR_CODE}]}
    )


class Alive(BaseModel):
    """When the sign of life was noted."""

    ok: Literal[True]
    last_seen: Annotated[int, Field(description="Milliseconds since 1970.")]


class MatchRequest(Request):
    """Whom to look for."""

    thinker_id: Uid
    pair_code: Annotated[PairCode, Field(min_length=1)]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"thinker_id": THINKER_ID, "pair_code": PAIR_CODE}]}
    )


class MatchAnswer(BaseModel):
    """The shared room."""

    ok: Literal[True]
    room_id: Annotated[str | None, Field(description="Null while nobody else is online with this code.")]
