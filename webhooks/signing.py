"""How a webhook is written and signed: the Standard Webhooks convention."""

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from standardwebhooks import Webhook

_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret, as receivers' libraries take it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def body_of(facts: dict[str, Any]) -> bytes:
    """Return the body that tells of an event, given its facts."""
    content = {"type": facts["type"], "timestamp": facts["created_at"], "data": facts}
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def headers_of(event_id: str, body: bytes, *, signed_with: Iterable[str], at: datetime) -> dict[str, str]:
    """Return a request's headers, with a signature by each of the secrets.

    The id is the event's at every attempt, for the receiver to know what it has had.
    """
    at = at.astimezone(UTC)
    text = body.decode()
    signatures = (Webhook(secret).sign(event_id, at, text) for secret in signed_with)
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
