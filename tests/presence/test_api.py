"""Presence over HTTP: for browsers, by their own session, in both shapes."""

import hmac
import json
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking
from events.models import Event
from presence.browser import COOKIE
from presence.domain import uid_of
from presence.models import Presence
from tests.api import code_of
from tests.make import GUEST_UID, NOW, OTHER_UID, make_booking
from tests.web import all_tables, browser_of

pytestmark = pytest.mark.django_db
TOKEN = "a-token-that-is-a-canary"
TS = int(NOW.timestamp() * 1000)
CODE = "K7MQ-4T9X-2BWR"
BASES = ["/api/presence", "/legacy/api/presence"]


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body or {})
    told = {
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    response = client.generic("POST", path, data, headers=told)
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["ok"] is (response.status_code == 200)
    assert "RateLimit" in response.headers
    return response


def sign(ts: object = TS, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), f"{token}.{ts}".encode(), "sha256").hexdigest()


def verified(token: str = TOKEN) -> Client:
    client = Client()
    post(client, "/api/presence/verify", {"token": token})
    return client


# Verify


@pytest.mark.parametrize("base", BASES)
def test_verify_opens_a_session_for_the_identity_of_the_token(base: str) -> None:
    client = Client()
    answer = post(client, f"{base}/verify", {"token": TOKEN, "ts": TS, "sig": sign()})
    assert set(answer.json()) == {"ok", "thinker_id", "pair_code"}
    assert answer.json()["thinker_id"] == uid_of(TOKEN)
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    again = post(
        client, f"{base}/heartbeat", {"thinker_id": uid_of(TOKEN), "pair_code": "", "status": "online"}
    )
    assert again.json() == {"ok": True, "last_seen": TS}


def test_verify_again_keeps_the_code_that_one_is_found_by() -> None:
    client = verified()
    post(client, "/api/presence/heartbeat", {"thinker_id": uid_of(TOKEN), "pair_code": CODE})
    assert post(Client(), "/api/presence/verify", {"token": TOKEN}).json()["pair_code"] == CODE


def test_the_identity_is_the_one_that_books() -> None:
    booking = make_booking(holder_uid=uid_of(TOKEN))
    assert verified().get(f"/booking/{booking.pk}/").status_code == 200
    assert verified("another").get(f"/booking/{booking.pk}/").status_code == 404


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ts": TS - 300_001}, (401, "signature_stale")),
        ({"ts": TS, "sig": "0" * 64}, (401, "signature_invalid")),
        ({"ts": TS + 1, "sig": sign()}, (401, "signature_invalid")),
        ({"ts": 0}, (401, "signature_stale")),
        ({"ts": 2**53}, (401, "signature_stale")),
        ({"ts": None}, (400, "signature_incomplete")),
        ({"ts": 10**400}, None),
        ({"ts": 1.5}, (400, "request_malformed")),
        ({"ts": True}, (400, "request_malformed")),
        ({"ts": -1}, None),
        ({"ts": []}, (400, "request_malformed")),
        ({"ts": "soon"}, (400, "request_malformed")),
        ({"sig": 5}, (400, "request_malformed")),
    ],
)
def test_a_signature_that_is_not_right_is_refused(base: str, fields: Any, expected: Any) -> None:
    client = Client()
    ts = fields.get("ts")
    body = {"token": TOKEN, "ts": TS, "sig": sign(ts), **fields}
    found = code_of(post(client, f"{base}/verify", body))
    assert found == expected if expected else found[0] in (400, 401)
    assert COOKIE not in client.cookies
    assert not Event.objects.exists()


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("ts", ["NaN", "Infinity", "1e999", "-1e999", "1" * 5000, "1e309"])
def test_a_time_that_is_no_number_is_refused(base: str, ts: str) -> None:
    body = f'{{"token": "{TOKEN}", "ts": {ts}, "sig": "{sign()}"}}'
    assert post(Client(), f"{base}/verify", body).status_code in (400, 401)


def test_a_time_as_text_is_the_earlier_systems_alone() -> None:
    body = {"token": TOKEN, "ts": str(TS), "sig": sign()}
    assert code_of(post(Client(), "/api/presence/verify", body)) == (400, "request_malformed")
    assert post(Client(), "/legacy/api/presence/verify", body).status_code == 200


@pytest.mark.parametrize("name", ["token", "mot", "thinker_token"])
def test_the_earlier_system_had_three_names_for_a_token(name: str) -> None:
    answer = post(Client(), "/legacy/api/presence/verify", {name: TOKEN, "sig": None, "ts": None})
    assert answer.json()["thinker_id"] == uid_of(TOKEN)
    if name != "token":
        assert code_of(post(Client(), "/api/presence/verify", {name: TOKEN}))[0] == 400


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", '{"token": 5}', '{"token": ""}', "{}", '{"token": "\\ud800"}']
)
def test_without_a_token_there_is_nobody(base: str, body: str) -> None:
    assert post(Client(), f"{base}/verify", body).status_code == 400


def test_verifying_is_counted_for_the_address(settings: Any) -> None:
    settings.API_WRITES_PER_MINUTE = 2
    statuses = [post(Client(), "/api/presence/verify", {"token": f"t{n}"}).status_code for n in range(3)]
    assert statuses == [200, 200, 429]
    assert post(Client(), "/legacy/api/presence/verify", {"token": "t9"}).status_code == 429


@pytest.mark.parametrize("base", BASES)
def test_no_token_is_stored_shown_or_logged(base: str, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    client = Client()
    answers = [
        post(client, f"{base}/verify", {"token": TOKEN, "ts": TS, "sig": sign()}),
        post(client, f"{base}/verify", {"token": TOKEN, "ts": TS, "sig": "wrong"}),
        post(client, f"{base}/verify", {"token": TOKEN, "ts": "wrong", "sig": sign()}),
        post(client, f"{base}/heartbeat", {"thinker_id": TOKEN}),
    ]
    seen = [str(all_tables()), caplog.text, client.cookies.output(), client.get("/my/data/").content.decode()]
    seen += [answer.content.decode() + str(answer.headers) for answer in answers]
    assert [text for text in seen if TOKEN in text or sign() in text] == []


# Whose session


@pytest.mark.parametrize("path", ["heartbeat", "match"])
@pytest.mark.parametrize("named", [OTHER_UID, GUEST_UID + "x", GUEST_UID.upper(), "x", "🜁"])
def test_a_session_acts_for_its_own_guest_alone(path: str, named: str) -> None:
    client = browser_of(GUEST_UID)
    answer = post(client, f"/api/presence/{path}", {"thinker_id": named, "pair_code": CODE})
    assert code_of(answer) == (403, "thinker_foreign")
    assert not Presence.objects.exists()


@pytest.mark.parametrize("path", ["heartbeat", "match"])
def test_without_a_session_nobody_is_online(path: str) -> None:
    body = {"thinker_id": GUEST_UID, "pair_code": CODE}
    assert code_of(post(Client(), f"/api/presence/{path}", body)) == (401, "session_missing")
    forged = Client()
    forged.cookies[COOKIE] = f"{GUEST_UID}:1:forged"
    assert code_of(post(forged, f"/api/presence/{path}", body)) == (401, "session_missing")
    assert not Presence.objects.exists()


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", ["verify", "heartbeat", "match"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.elsewhere.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "http://testserver", "Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)
def test_what_another_sites_page_sends_is_refused(base: str, path: str, headers: Any) -> None:
    client = browser_of(GUEST_UID)
    before = client.cookies[COOKIE].value
    body = {"token": TOKEN} if path == "verify" else {"thinker_id": GUEST_UID, "pair_code": CODE}
    assert code_of(post(client, f"{base}/{path}", body, **headers)) == (403, "origin_foreign")
    assert client.cookies[COOKIE].value == before
    assert not Presence.objects.exists()


def test_the_portals_own_pages_are_let_in(settings: Any) -> None:
    client = browser_of(GUEST_UID)
    settings.CSRF_TRUSTED_ORIGINS = ["https://vouchers.example.com"]
    for origin in ("http://testserver", "https://vouchers.example.com"):
        answer = post(
            client,
            "/api/presence/heartbeat",
            {"thinker_id": GUEST_UID},
            Origin=origin,
            Sec_Fetch_Site="same-origin",
        )
        assert answer.status_code == 200


def test_a_form_from_elsewhere_is_no_json() -> None:
    client = browser_of(GUEST_UID)
    answer = client.post("/api/presence/heartbeat", {"thinker_id": GUEST_UID})
    assert code_of(answer) == (415, "body_not_json")


# Heartbeat and match


def test_two_browsers_meet_and_part(clock: Any) -> None:
    first, second = browser_of(GUEST_UID), browser_of(OTHER_UID)

    def match(client: Client, uid: str) -> Any:
        return post(client, "/api/presence/match", {"thinker_id": uid, "pair_code": CODE}).json()["room_id"]

    assert match(first, GUEST_UID) is None
    shared = match(second, OTHER_UID)
    assert shared.startswith(f"room-{CODE}-")
    assert match(first, GUEST_UID) == shared
    # The earlier system's pages are in the same room.
    old = post(first, "/legacy/api/presence/match", {"thinker_id": GUEST_UID, "pair_code": CODE})
    assert old.json()["room_id"] == shared
    post(second, "/api/presence/heartbeat", {"thinker_id": OTHER_UID, "status": "offline"})
    assert match(first, GUEST_UID) is None
    match(second, OTHER_UID)
    clock.shift(60)
    assert match(first, GUEST_UID) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"thinker_id": 5},
        {"thinker_id": GUEST_UID, "status": "away"},
        {"thinker_id": GUEST_UID, "pair_code": 5},
        {"thinker_id": GUEST_UID, "pair_code": "x" * 65},
        {"thinker_id": GUEST_UID, "room": "x"},
    ],
)
def test_a_heartbeat_that_is_not_well_formed_is_refused(body: Any) -> None:
    assert code_of(post(browser_of(GUEST_UID), "/api/presence/heartbeat", body)) == (400, "request_malformed")
    assert not Presence.objects.exists()


def test_a_code_that_cannot_be_one_is_refused() -> None:
    client = browser_of(GUEST_UID)
    for path in ("heartbeat", "match"):
        body = {"thinker_id": GUEST_UID, "pair_code": "a\x00b"}
        assert code_of(post(client, f"/api/presence/{path}", body)) == (422, "pair_code_invalid")


def test_each_guest_has_a_limit_of_their_own_and_is_told_it(settings: Any) -> None:
    settings.PRESENCE_PER_MINUTE = 12
    settings.API_WRITES_PER_MINUTE = 1
    client = browser_of(GUEST_UID)
    answers = [post(client, "/api/presence/heartbeat", {"thinker_id": GUEST_UID}) for _n in range(13)]
    assert [answer.status_code for answer in answers] == [200] * 12 + [429]
    assert answers[0].headers["RateLimit"] == '"presence";r=11;t=60'
    assert answers[12].headers["Retry-After"] == "60"
    assert (
        post(browser_of(OTHER_UID), "/api/presence/heartbeat", {"thinker_id": OTHER_UID}).status_code == 200
    )


def test_a_key_is_not_asked_and_an_idempotency_key_changes_nothing() -> None:
    client = browser_of(GUEST_UID)
    answer = post(
        client,
        "/api/presence/heartbeat",
        {"thinker_id": GUEST_UID},
        X_TS_APIKEY="hvp_wrong",
        Idempotency_Key="x",
    )
    assert answer.status_code == 200


# Ids that the earlier system never verified


def test_an_unverified_id_belongs_to_the_first_session_that_uses_it() -> None:
    first, second = Client(), Client()
    body = {"thinker_id": "thinker-made-up", "pair_code": "", "status": "online"}
    assert post(first, "/legacy/api/presence/heartbeat", body).status_code == 200
    assert post(first, "/legacy/api/presence/heartbeat", body).status_code == 200
    assert COOKIE in first.cookies
    assert code_of(post(second, "/legacy/api/presence/heartbeat", body)) == (403, "thinker_foreign")
    assert code_of(post(browser_of(GUEST_UID), "/legacy/api/presence/match", {**body, "pair_code": "x"})) == (
        403,
        "thinker_foreign",
    )
    assert Presence.objects.count() == 1
    # The new API knows no such names.
    assert code_of(post(first, "/api/presence/heartbeat", {"thinker_id": "thinker-made-up"})) == (
        403,
        "thinker_foreign",
    )


def test_another_guests_id_as_a_name_gives_nothing_of_that_guest_away() -> None:
    booking = make_booking(holder_uid=OTHER_UID)
    thief = Client()
    body = {"thinker_id": OTHER_UID, "pair_code": "x"}
    assert post(thief, "/legacy/api/presence/heartbeat", body).status_code == 200
    assert thief.get(f"/booking/{booking.pk}/").status_code == 404
    assert Booking.objects.held_by(OTHER_UID).count() == 1
    # The guest themselves is not kept out by it.
    assert post(browser_of(OTHER_UID), "/legacy/api/presence/heartbeat", body).status_code == 200


def test_two_unverified_browsers_meet() -> None:
    clients = {name: Client() for name in ("one", "two")}
    found = [
        post(clients[name], "/legacy/api/presence/match", {"thinker_id": name, "pair_code": "4711"}).json()[
            "room_id"
        ]
        for name in ("one", "two", "one")
    ]
    assert found[0] is None
    assert found[1] == found[2]
    assert found[1].startswith("room-4711-")


def test_making_names_up_is_counted_for_the_address(settings: Any) -> None:
    settings.API_WRITES_PER_MINUTE = 3
    client = Client()
    answers = [
        post(client, "/legacy/api/presence/heartbeat", {"thinker_id": f"made-up-{n}"}).status_code
        for n in range(5)
    ]
    assert answers == [200, 200, 200, 429, 429]


@pytest.mark.parametrize("thinker_id", ["x" * 65, "a\x00b", "\ud800", 5, None, ""])
def test_what_can_be_no_id_is_refused(thinker_id: Any) -> None:
    body = {"thinker_id": thinker_id, "pair_code": "x"}
    for path in ("heartbeat", "match"):
        assert code_of(post(Client(), f"/legacy/api/presence/{path}", body)) == (400, "request_malformed")
