"""Plain functions for tests of the JSON API: keys, and a client that speaks JSON."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from access.domain import create_key
from access.models import ApiKey
from portal.callers import Scope
from tests.make import HOTEL_SYSTEM, make_hotel
from vouchers.models import Hotel


def make_key(
    hotel: Hotel | None,
    *,
    scopes: Iterable[str] = tuple(Scope),
    now: datetime | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, a platform key without a hotel; returns it with its secret."""
    return create_key(
        name="test",
        hotel=hotel,
        scopes=list(scopes),
        by=HOTEL_SYSTEM,
        now=now or timezone.now(),
        expires_at=expires_at,
    )


class Api:
    """A system with a key (empty for none); every answer is JSON in one shape."""

    def __init__(self, secret: str | None = None, *, hotel: Hotel | None = None, **headers: str) -> None:
        if secret is None:
            secret = make_key(hotel or make_hotel())[1]
        self.headers = {"X-TS-APIKEY": secret, **headers} if secret else headers
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, /, **query: Any) -> Any:
        """Ask; `from_` stands for the name `from`."""
        values = {name.rstrip("_"): value for name, value in query.items()}
        return self._checked(self.client.get(f"/api/{path}", values, headers=self.headers))

    def post(self, path: str, body: Any = None, /, **headers: str) -> Any:
        """Send a body; underscores in the names of further headers stand for dashes."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | str) else json.dumps(body or {})
        return self._checked(
            self.client.generic(
                "POST",
                f"/api/{path}",
                data,
                headers={"Content-Type": "application/json", **self.headers, **more},
            )
        )

    @staticmethod
    def _checked(response: Any) -> Any:
        assert response.headers["Content-Type"] == "application/json"
        content = response.json()
        assert content["ok"] is (response.status_code < 400)
        if response.status_code >= 400:
            assert set(content) <= {"ok", "error", "code", "fields"}
            assert content["error"]
            assert content["code"]
        assert "RateLimit" in response.headers
        response.content_json = content
        return response


def code_of(response: Any) -> tuple[int, str]:
    """Return an answer's status and its refusal's code, empty for none."""
    return response.status_code, response.json().get("code", "")
