"""Error reports by Sentry's protocol, where SENTRY_DSN names a receiver: what broke, never whose it was."""

from collections.abc import Mapping

import sentry_sdk
from sentry_sdk.types import Event, Hint

from portal.logs import redact, request_id

# How long a process that ends may try to get its last reports out.
_SHUTDOWN_SECONDS = 2
# Of a request: how it came and to where; not its query, body, cookies or other headers.
_KEPT_OF_REQUEST = ("method", "url")


def start_reporting(dsn: str, environment: str) -> None:
    """Report errors from now on; nothing is reported of requests that go well."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        before_send=scrub,
        send_default_pii=False,
        # Variables of functions hold names and addresses of guests.
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )


def scrub(event: Event, _hint: Hint) -> Event:
    """Return a report without anything that log lines do not hold either."""
    event.pop("user", None)
    event.pop("extra", None)
    event.pop("breadcrumbs", None)
    request = event.get("request")
    if request:
        event["request"] = {name: redact(str(request[name])) for name in _KEPT_OF_REQUEST if name in request}
    entry: Mapping[str, object] = event.get("logentry") or {}
    if entry:
        event["logentry"] = {"message": redact(str(entry.get("formatted") or entry.get("message") or ""))}
    if "message" in event:
        event["message"] = redact(str(event["message"]))
    for error in (event.get("exception") or {}).get("values", []):
        error["value"] = redact(str(error.get("value") or ""))
    if "transaction" in event:
        event["transaction"] = redact(str(event["transaction"]))
    event.setdefault("tags", {})["request_id"] = request_id.get()
    return event
