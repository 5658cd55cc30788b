"""The kinds of value in the JSON API's requests and answers, and how its operations are described."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from portal.callers import Scope
from portal.ids import ID_LENGTH

MOST_ITEMS = 200
# RFC 3339, with a capital or small T and Z.
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _instant(value: object) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError(_("Write a time with its offset, for example 2026-12-05T10:00:00Z."))
    moment = datetime.fromisoformat(value.upper())
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # A time at the very ends of the calendar: no rule lets it pass.
        is_first = moment.year == 1
        return datetime.min.replace(tzinfo=UTC) if is_first else datetime.max.replace(tzinfo=UTC)


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError(_("Write a day, for example 2026-12-05."))
    return date.fromisoformat(value)


def _day_or_instant(value: object) -> date | datetime:
    return _day(value) if isinstance(value, str) and _DATE.fullmatch(value) else _instant(value)


def _number(value: object) -> object:
    # JSON knows no other numbers; a text or a truth value that looks like one is a slip.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_("Write a number."))
    return value


def _money(value: object) -> Decimal:
    return Decimal(repr(_number(value)))


_INSTANT = {"type": "string", "format": "date-time", "example": "2026-12-05T10:00:00Z"}
_DAY = {"type": "string", "format": "date", "example": "2026-12-05"}
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT)]
# In an address a value is there or not: nothing stands for null.
DayInQuery = Annotated[date | None, BeforeValidator(_day), WithJsonSchema(_DAY)]
InstantInQuery = Annotated[datetime | None, BeforeValidator(_instant), WithJsonSchema(_INSTANT)]
DayOrInstantInQuery = Annotated[
    date | datetime | None,
    BeforeValidator(_day_or_instant),
    WithJsonSchema({"anyOf": [_DAY, _INSTANT]}),
]
# Behind a number's bounds, or they would be missing in the documentation.
JSON_NUMBER = BeforeValidator(_number)
Flag = Annotated[bool, Field(strict=True)]
Money = Annotated[
    Decimal,
    BeforeValidator(_money),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 99999999.99}),
    Field(ge=0, le=Decimal("99999999.99")),
]
Id = Annotated[str, Field(min_length=1, max_length=ID_LENGTH)]
Uid = Annotated[str, Field(min_length=1, max_length=64)]
SlotId = Annotated[str, Field(min_length=1, max_length=60, examples=["slot-2026-12-05T10:00:00Z"])]


class Request(BaseModel):
    """A body: a misspelt field is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS, description="How many items at most.")] = 50
    cursor: Annotated[str, Field(max_length=100, description="`next_cursor` of the page before.")] = ""


class Refusal(BaseModel):
    """Every refusal of the API."""

    ok: Literal[False]
    error: Annotated[str, Field(description="A sentence for people, in the language of Accept-Language.")]
    code: Annotated[str, Field(description="Stable; what programs look at.")]
    fields: Annotated[dict[str, str] | None, Field(description="What is wrong, by field.")] = None

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["ok", "error", "code"],
            "examples": [
                {"ok": False, "error": "Someone else has just taken this time.", "code": "slot_taken"}
            ],
        }
    )


_ALWAYS: Mapping[int, Sequence[str]] = {
    400: ("request_malformed",),
    429: ("limit_reached",),
    503: ("database_away",),
}
_WITH_KEY: Mapping[int, Sequence[str]] = {
    401: ("key_missing", "key_unknown", "key_expired", "key_revoked"),
    403: ("scope_missing", "issuer_foreign"),
}
_WITH_BODY: Mapping[int, Sequence[str]] = {
    413: ("body_too_large",),
    415: ("body_not_json",),
}
# What stands in an address has no body's bounds: the web server refuses it before the portal sees it.
_TOO_LONG = "The address is longer than 4 KB. The web server says so, not in JSON."
_IDEMPOTENT: Mapping[int, Sequence[str]] = {
    400: ("idempotency_key_invalid",),
    409: ("idempotency_key_in_flight",),
    422: ("idempotency_key_reused",),
}
IDEMPOTENCY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and body give the same answer for 24 hours: send a new one with each new "
    "wish, and the same one again when an answer did not arrive.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "0d9c6d9c-6a43-4a9e-9f0a-2f4f6a1c7b55",
}


def _together(groups: Sequence[Mapping[int, Sequence[str]]]) -> dict[int, list[str]]:
    codes: dict[int, list[str]] = {}
    for group in groups:
        for status, names in group.items():
            codes.setdefault(status, []).extend(names)
    return codes


def operation(
    name: str,
    summary: str,
    scope: Scope | None,
    answers: type[BaseModel],
    *,
    refusals: Mapping[int, Sequence[str]],
    changes: bool = False,
    has_body: bool = False,
    example: Mapping[str, Any] | None = None,
    links: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a router's decorator needs to describe an operation with every refusal it can give.

    Without a `scope` it needs no key. `changes` says that the operation is a POST, with a body
    and an idempotency key; `has_body`, that it is one without such a key.
    """
    groups = [_ALWAYS, refusals]
    if scope is not None:
        groups.insert(1, _WITH_KEY)
    if changes or has_body:
        groups.insert(1, _WITH_BODY)
    if changes:
        groups.insert(1, _IDEMPOTENT)
    codes = _together(groups)
    told: dict[Any, Any] = {
        status: {"description": ", ".join(f"`{code}`" for code in names)}
        for status, names in sorted(codes.items())
    }
    told[200] = {"description": "Done." if changes or has_body else "Found."}
    if not (changes or has_body):
        told[414] = {"description": _TOO_LONG}
    if example is not None:
        told[200]["content"] = {"application/json": {"example": example}}
    if links is not None:
        told[200]["links"] = dict(links)
    extra: dict[str, Any] = {"responses": told}
    if scope is not None:
        extra["x-scope"] = scope
    if changes:
        extra["parameters"] = [IDEMPOTENCY_HEADER]
    return {
        "operation_id": name,
        "summary": summary,
        "response": {200: answers, **dict.fromkeys(sorted(codes), Refusal)},
        "openapi_extra": extra,
    }
