"""The JSON API, put together from what the apps bring: keys, limits, refusals, documentation."""

import json
from typing import Any, NoReturn, cast

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from access.authentication import KeyAuth, counted
from access.idempotency import answered_once
from bookings.api import online_router, slots_router
from bookings.api import router as bookings_router
from events.api import router as events_router
from portal.api_errors import handle_errors, malformed
from portal.errors import NotJson
from presence.api import identity_router
from presence.api import router as presence_router
from vouchers.api import router as vouchers_router

DESCRIPTION = """
Vouchers, slots and bookings of a hotel, by machine. Times are ISO 8601 in UTC; money is a number with two
decimals, in major units. Every refusal has a stable `code` and a sentence for people.

Send your key in `X-TS-APIKEY`, or as `Authorization: Bearer`. Reads and writes are limited per key and per
address; the `RateLimit` headers say what is left. `Idempotency-Key` makes a POST safe to send again.

Presence is for browsers: `verify` opens a session, a signed cookie, and the other calls act for its guest
alone, on requests from the portal's own pages. They need no key and are limited per guest.
"""


class StrictParser(Parser):
    """Reads bodies and queries; what has two meanings is refused."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the body's JSON.

        Raises NotJson("body_not_json") for another media type, ValueError or RecursionError for
        what is no JSON in UTF-8.
        """
        if request.content_type != "application/json":
            raise NotJson("body_not_json", _("Send JSON, with Content-Type: application/json."))
        content = json.loads(
            request.body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_once_each
        )
        return cast("dict[str, Any]", content)

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> dict[str, Any]:
        """Return the query's values by name; raises Malformed for a name that comes twice."""
        twice = sorted(name for name in data if len(data.getlist(name)) > 1)
        if twice:
            raise malformed(dict.fromkeys(twice, str(_("This is given more than once."))))
        return super().parse_querydict(cast("QueryDict", data), list_fields, request)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raises Malformed for a name that comes twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _value in pairs]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(names) < 100 else ["…"]
        raise malformed(dict.fromkeys(twice, str(_("This is given more than once."))))
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class DescribedOnce(NinjaAPI):
    """An API whose description is put together once: it takes eighty times as long as to write it out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._described: dict[str, OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the description of every operation, the same object every time."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._described:
            self._described[prefix] = super().get_openapi_schema(path_prefix=prefix)
        return self._described[prefix]


api = DescribedOnce(
    title="Hotel voucher portal",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url="/docs",
    openapi_url="/openapi.json",
    auth=KeyAuth(),
    parser=StrictParser(),
)
handle_errors(api)
api.add_decorator(answered_once, mode="operation")
api.add_router("/voucher", vouchers_router)
api.add_router("/voucher", bookings_router)
api.add_router("/slots", slots_router)
api.add_router("/events", events_router)
api.add_router("/presence", online_router)
api.add_router("/presence", identity_router, auth=counted)
api.add_router("/presence", presence_router, auth=None)
