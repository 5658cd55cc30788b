"""How the JSON API writes its answers: text, status, and how a refusal looks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.functional import Promise

from portal.errors import Malformed, Rejected
from portal.metrics import note_refusal

CONTENT_TYPE = "application/json"
OUTAGE_RETRY_SECONDS = 5


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        # Money: a JSON number with its two decimals, which no float could promise.
        return orjson.Fragment(f"{value:.2f}")
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def to_json(content: object) -> bytes:
    """Return content as JSON in UTF-8: times in UTC with Z, money with two decimals."""
    return orjson.dumps(content, default=_plain, option=orjson.OPT_UTC_Z)


def answer(content: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """Return an answer with `"ok": true` in front."""
    return HttpResponse(to_json({"ok": True, **content}), content_type=CONTENT_TYPE, status=status)


def refusal(error: Rejected) -> HttpResponse:
    """Return a refusal in the one shape that every refusal has."""
    note_refusal(error.code)
    content: dict[str, Any] = {"ok": False, "error": error.message, "code": error.code}
    if isinstance(error, Malformed) and error.fields:
        content["fields"] = error.fields
    return HttpResponse(to_json(content), content_type=CONTENT_TYPE, status=error.status)
