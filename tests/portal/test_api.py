"""What every answer of the API shares: JSON in one shape, honest statuses, whatever is sent."""

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client

from portal.api import api as the_api
from portal.callers import Scope
from tests.api import Api, code_of, make_key
from tests.make import GUEST_UID, make_booking, make_hotel, make_offer, make_voucher
from tests.web import browser_of
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
VOUCHER_ID = "v-mwrzwq0u-3k9x7a2m5q1z"


@pytest.fixture
def api(settings: Any) -> Api:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    return Api()


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(the_api.get_openapi_schema(path_prefix="api/")))
    return found


# Documentation


def test_the_description_is_put_together_once() -> None:
    first, second = (the_api.get_openapi_schema(path_prefix="api/") for _ in range(2))
    assert first is second


def test_the_description_is_served_without_a_key() -> None:
    response = Client().get("/api/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.1")
    assert "/api/voucher/book" in response.json()["paths"]


def test_the_readable_documentation_needs_nobody_elses_server() -> None:
    response = Client().get("/api/docs")
    content = response.content.decode()
    assert response.status_code == 200
    assert "swagger-ui-bundle.js" in content
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "http" not in content.replace('"http', "").split("<body")[1]


def test_every_operation_says_what_it_does_and_how_it_refuses() -> None:
    for methods in schema()["paths"].values():
        for operation in methods.values():
            assert len(operation["description"]) > 30
            assert operation["summary"]
            assert operation.get("x-scope", Scope.PRESENCE) in set(Scope)
            assert "example" in operation["responses"]["200"]["content"]["application/json"]
            # An address that is too long is the web server's to refuse, before there is anything of ours.
            assert ("414" in operation["responses"]) == ("requestBody" not in operation)
            for status, response in operation["responses"].items():
                if status == "414":
                    assert "content" not in response
                elif status != "200":
                    assert response["description"].startswith("`"), operation["operationId"]
                    assert response["content"]["application/json"]["schema"] == {
                        "$ref": "#/components/schemas/Refusal"
                    }


def test_every_link_leads_to_an_operation() -> None:
    operations = [operation for methods in schema()["paths"].values() for operation in methods.values()]
    names = {operation["operationId"] for operation in operations}
    links = [
        link for operation in operations for link in operation["responses"]["200"].get("links", {}).values()
    ]
    assert len(links) > 5
    assert {link["operationId"] for link in links} <= names


@pytest.fixture
def example_world() -> Any:
    """The hotel that the documentation's examples are about."""
    with time_machine.travel("2026-12-01T09:00:00Z", tick=False):
        hotel = make_hotel("canal-house")
        offer = make_offer(hotel, id="o-spa", capacity=5)
        voucher = make_voucher(offer)
        Voucher.objects.filter(pk=voucher.pk).update(id=VOUCHER_ID)
        yield hotel


def bodies() -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for path, methods in schema()["paths"].items():
        body = methods.get("post", {}).get("requestBody")
        if body is None:
            continue
        kinds = body["content"]["application/json"]["schema"]
        for kind in kinds.get("oneOf", [kinds]):
            name = kind["$ref"].rpartition("/")[2]
            examples = schema()["components"]["schemas"][name]["examples"]
            found += [(path, name, example) for example in examples]
    return found


@pytest.mark.parametrize(("path", "name", "example"), bodies())
def test_the_examples_of_the_documentation_work(
    example_world: Any, path: str, name: str, example: dict[str, Any]
) -> None:
    api = Api(hotel=example_world)
    if "booking_id" in example:
        voucher = Voucher.objects.get(pk=VOUCHER_ID)
        start = datetime(2026, 12, 5, 10, tzinfo=UTC)
        booking = make_booking(voucher, start=start, now=voucher.created_at)
        example = {**example, "booking_id": booking.pk}
    if path.startswith("/api/presence/"):
        api.client.cookies = browser_of(GUEST_UID).cookies
    response = api.post(path.removeprefix("/api/"), example)
    assert code_of(response) == (200, ""), (name, response.json())


def test_answers_look_as_their_examples_do(example_world: Any) -> None:
    api = Api(hotel=example_world)
    paths = schema()["paths"]
    told = paths["/api/voucher/list"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert list(api.get("voucher/list").json()["items"][0]) == list(told["items"][0])
    booked = paths["/api/voucher/book"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    body = {"voucher_id": VOUCHER_ID, "slot_id": "slot-2026-12-05T10:00:00Z", "holder_uid": GUEST_UID}
    answer = api.post("voucher/book", body).json()
    assert list(answer) == list(booked)
    assert list(answer["booking"]) == list(booked["booking"])
    event = paths["/api/events"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    events = api.get("events", type="voucher.book").json()
    assert list(events["items"][0]) == list(event["items"][0])
    assert set(events["items"][0]["meta"]) == set(event["items"][0]["meta"])


# Shape


@pytest.mark.parametrize("path", ["voucher/list", "voucher/list/", "events", "events/"])
def test_paths_answer_with_and_without_a_slash(api: Api, path: str) -> None:
    assert api.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/", 404, "path_not_found"),
        ("GET", "/api/nothing", 404, "path_not_found"),
        ("POST", "/api/voucher/list", 405, "method_not_allowed"),
        ("DELETE", "/api/voucher/book", 405, "method_not_allowed"),
        ("TRACE", "/api/voucher/book", 405, "method_not_allowed"),
        ("GET", "/api/voucher/issue", 405, "method_not_allowed"),
        ("BREW", "/api/events", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_refused_as_json(method: str, path: str, status: int, code: str) -> None:
    response = Client().generic(method, path)
    assert response.headers["Content-Type"] == "application/json"
    assert code_of(response) == (status, code)
    assert "RateLimit" in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert ("Allow" in response.headers) is (status == 405)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_page_that_was_compressed_is_refused_as_plain_json(method: str) -> None:
    response = Client().generic(method, "/api/nothing", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert code_of(response) == (404, "path_not_found")


@pytest.mark.parametrize("host", ["evil.example", "a b", "[", "x:y:z"])
def test_a_host_that_is_not_ours_is_refused_as_json(host: str) -> None:
    response = Client(raise_request_exception=False).get("/api/voucher/list", headers={"Host": host})
    assert response.headers["Content-Type"] == "application/json"
    assert response.status_code in (400, 401)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b"NaN",
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"voucher_id": ' + b"9" * 10_000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"title": "\\ud800"}',
        b"\x00",
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("path", ["issue", "book", "cancel", "move", "redeem", "withdraw"])
def test_a_body_that_is_none_is_refused(api: Api, path: str, body: bytes) -> None:
    assert code_of(api.post(f"voucher/{path}", body)) == (400, "request_malformed")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "\x00"]
)
def test_a_body_of_another_kind_is_refused(api: Api, content_type: str) -> None:
    response = api.post("voucher/book", "{}", Content_Type=content_type)
    assert code_of(response) == (415, "body_not_json")


def test_json_may_name_its_charset(api: Api) -> None:
    response = api.post("voucher/book", "{}", Content_Type="application/json; charset=utf-8")
    assert code_of(response) == (400, "request_malformed")


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    body = json.dumps({"title": "x" * 600_000})
    assert code_of(api.post("voucher/issue", body)) == (413, "body_too_large")


def test_a_refusal_names_the_fields_and_what_is_wrong_with_them(api: Api) -> None:
    response = api.post("voucher/issue", {"title": 5, "valid_from": "tomorrow", "surprise": 1})
    assert code_of(response) == (400, "request_malformed")
    assert set(response.json()["fields"]) == {"title", "valid_from", "valid_until", "surprise"}
    query = api.get("voucher/list", limit="many")
    assert set(query.json()["fields"]) == {"limit"}


@pytest.mark.parametrize("count", [True, "2", 1.5, 0, 1001, "NoneType", [1], 10**30])
def test_a_number_is_a_number(api: Api, count: object) -> None:
    offer = make_offer()
    response = api.post("voucher/issue", {"offer": offer.pk, "count": count})
    assert code_of(response) == (400, "request_malformed")
    assert list(response.json()["fields"]) == ["count"]


def test_a_name_that_comes_twice_is_refused(api: Api) -> None:
    response = api.get("voucher/list?limit=1&limit=2")
    assert code_of(response) == (400, "request_malformed")
    assert set(response.json()["fields"]) == {"limit"}


def texts_asked() -> list[tuple[str, str]]:
    """Return each query that takes any text: its path, and its name."""
    return [
        (path, each["name"])
        for path, methods in schema()["paths"].items()
        for each in methods.get("get", {}).get("parameters", ())
        if each["in"] == "query"
        and each["schema"].get("type") == "string"
        and not each["schema"].keys() & {"enum", "format", "pattern"}
    ]


@pytest.mark.parametrize(("path", "name"), texts_asked())
def test_a_text_that_cannot_be_stored_is_refused_with_a_word_or_finds_nothing(
    settings: Any, path: str, name: str
) -> None:
    settings.API_READS_PER_MINUTE = 100_000
    needed = {"month": "2026-03"} if path.endswith("calendar") else {}
    # With a platform key nothing is asked beforehand: whose the hotel is, say.
    response = Api(make_key(None)[1]).get(path.removeprefix("/api/"), **needed, **{name: "a\x00b"})
    if response.status_code == 200:
        assert response.json()["items"] == []
    else:
        # 400 would be the database's own refusal, which one of two engines gives.
        assert response.status_code in (404, 422), response.content


def test_sentences_are_in_the_callers_language() -> None:
    german = Api("", **{"Accept-Language": "de"}).get("voucher/list")
    assert german.json()["code"] == "key_missing"
    assert german.json()["error"] != Api("").get("voucher/list").json()["error"]


def test_answers_are_kept_by_nobody(api: Api) -> None:
    assert api.get("voucher/list").headers["Cache-Control"] == "no-store"


def test_a_key_in_the_address_is_not_looked_at() -> None:
    _key, secret = make_key(make_hotel())
    assert code_of(Api("").get("voucher/list", api_key=secret)) == (401, "key_missing")


@pytest.mark.parametrize("error", [OperationalError("gone"), OperationalError("the database is locked")])
def test_a_database_that_is_away_is_said_as_json(api: Api, error: Exception) -> None:
    with patch("vouchers.api.voucher_page", side_effect=error):
        response = api.get("voucher/list")
    assert code_of(response) == (503, "database_away")
    assert response.headers["Retry-After"]
    assert "gone" not in response.content.decode()


def test_a_failure_of_ours_tells_nothing_of_the_inside(api: Api) -> None:
    with patch("vouchers.api.voucher_page", side_effect=RuntimeError("secret of the house")):
        response = api.get("voucher/list")
    assert code_of(response) == (500, "internal_error")
    assert "secret" not in response.content.decode()


def test_the_pages_are_as_they_were(client: Client) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert "RateLimit" not in response.headers
