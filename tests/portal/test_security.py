"""What attackers try: forms from elsewhere, other people's ids, forged links and cookies, leaks."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.urls import reverse

from bookings.domain import cancel_booking
from bookings.models import Booking
from portal.logs import RedactSecrets, UtcFormatter
from presence.browser import COOKIE
from presence.domain import make_guest_link_token, revoke_guest_links
from presence.models import Guest
from tests.checks import unchanged
from tests.make import (
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
)
from tests.patience import PATIENCE_SECONDS
from tests.web import (
    TYPED,
    address,
    all_tables,
    browser_of,
    fragment,
    inline_code,
    path_of,
    routes,
    text_of,
    words_of,
)
from vouchers.links import make_claim_token
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
ROUTES = sorted({route for route, _pattern in routes()})
OWN_ROUTES = [route for route in ROUTES if not route.startswith(("admin/", "desk/"))]
START = NOW + timedelta(days=1, hours=1)


@pytest.fixture
def booking() -> Booking:
    """A booking of the guest's own voucher, which may be handed on."""
    offer = make_offer(transferable=True, max_per_guest=9)
    make_voucher(offer, holder_uid=GUEST_UID)
    voucher = make_voucher(offer, holder_uid=GUEST_UID)
    return make_booking(voucher, start=START, name="Ann Visser", email="ann@guest.example")


def values_of(booking: Booking) -> dict[str, str]:
    """Return values for every parameter of our own addresses, all of things that exist."""
    spare = Voucher.objects.get(holder_uid=GUEST_UID, status="issued")
    token = make_guest_link_token(GUEST_UID)
    return {"booking_id": booking.pk, "voucher_id": spare.pk, "token": token, "code": "K7MQ-4T9X-2BWR"}


def pages_of(booking: Booking) -> list[str]:
    """Return the addresses of every page there is, in every shape that it has."""
    spare = Voucher.objects.get(holder_uid=GUEST_UID, status="issued")
    open_batch = make_voucher(make_offer(title="Dinner <b>for</b> two", description="</script>")).batch_id
    paths = [path_of(route, **values_of(booking)) for route in OWN_ROUTES]
    paths += [
        address(voucher=open_batch),
        address(voucher=open_batch, day="2026-03-05", slot="slot-2026-03-05T09:00:00Z"),
        address(voucher=open_batch, slot="slot-2026-03-05T09:01:00Z"),
        address(status="nonsense"),
        address(q="<script>alert(1)</script>", foo="\"onload='x'"),
        address(voucher="unknown"),
        reverse("vouchers:claim", args=(make_claim_token(spare),)),
        reverse("vouchers:claim", args=("forged",)),
        reverse("bookings:guest_link", args=("forged",)),
        f"/booking/{booking.pk}/?new",
        f"/booking/{booking.pk}/move/?slot=slot-2026-03-05T09:00:00Z",
        "/nothing/here/",
    ]
    return paths


# Forms from elsewhere


def test_no_address_takes_a_form_without_its_token(booking: Booking) -> None:
    client = browser_of(GUEST_UID, enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    values = values_of(booking)
    fields = {**TYPED, "slot": "slot-2026-03-05T09:00:00Z"}
    before = all_tables()
    answers = {route: client.post(path_of(route, **values), fields).status_code for route in ROUTES}
    assert answers == dict.fromkeys(ROUTES, 403)
    assert all_tables() == before


def test_a_form_without_its_token_says_how_to_go_on() -> None:
    response = browser_of(enforce_csrf_checks=True).post("/", TYPED)
    assert "Allow cookies for this site, go back, reload the page and send the form again." in words_of(
        response
    )


def test_a_form_with_its_token_is_taken(booking: Booking) -> None:
    client = browser_of(GUEST_UID, enforce_csrf_checks=True)
    page = text_of_raw(client.get(f"/booking/{booking.pk}/cancel/"))
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    client.post(f"/booking/{booking.pk}/cancel/", {"csrfmiddlewaretoken": found[1]})
    assert not Booking.objects.standing().exists()


def text_of_raw(response: Any) -> str:
    return str(response.content.decode())


def test_every_form_of_every_page_carries_a_token(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    for path in pages_of(booking):
        response = client.get(path)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text_of_raw(response), re.DOTALL):
                assert re.search(r'name="csrfmiddlewaretoken" value="\w{64}"', form), path


def test_the_page_for_what_cannot_be_understood_has_a_form_that_works(client: Client) -> None:
    response = client.post("/", {f"field-{number}": "1" for number in range(3000)})
    assert response.status_code == 400
    assert re.search(r'name="csrfmiddlewaretoken" value="\w{64}"', text_of_raw(response))


def test_another_site_cannot_send_a_form_with_a_stolen_look(booking: Booking) -> None:
    client = browser_of(GUEST_UID, enforce_csrf_checks=True)
    page = text_of_raw(client.get(f"/booking/{booking.pk}/cancel/"))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    with unchanged():
        response = client.post(
            f"/booking/{booking.pk}/cancel/",
            {"csrfmiddlewaretoken": token[1]},
            headers={"Origin": "https://evil.example"},
        )
    assert response.status_code == 403


# Headers and cookies


def test_every_page_sends_the_headers_that_bind_browsers(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    for path in pages_of(booking):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "geolocation=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers


def test_no_page_has_code_or_styles_of_its_own(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    for path in pages_of(booking):
        response = client.get(path)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            assert inline_code(text_of(response)) == [], path


def test_refusals_send_the_same_headers() -> None:
    for response in (browser_of().get("/nothing/"), browser_of(enforce_csrf_checks=True).post("/")):
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_what_guests_type_is_shown_as_text(booking: Booking) -> None:
    Booking.objects.update(guest_name="<img src=x onerror=alert(1)>", guest_note='"><script>')
    for path in (f"/booking/{booking.pk}/", "/my/data/", address(q="<script>alert(1)</script>")):
        page = text_of(browser_of(GUEST_UID).get(path))
        assert "<img src=x" not in page
        assert '"><script>' not in page
        assert "<script>alert" not in page


def test_data_for_search_engines_cannot_leave_its_element() -> None:
    voucher = make_voucher(title="</script><script>alert(1)</script>", description="<!-- & -->")
    page = text_of(browser_of().get(f"/voucher/{voucher.pk}/"))
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["name"] == "</script><script>alert(1)</script>"
    assert "<script>alert(1)" not in page


def test_cookies_are_for_the_server_alone_and_for_this_site(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "de"})
    client.get("/my/")
    voucher = make_voucher(make_offer())
    client.post(address(voucher=voucher.batch_id, slot=START), TYPED)
    assert set(client.cookies) == {"django_language", "csrftoken", COOKIE}
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Lax", cookie.key


@pytest.mark.parametrize("secure", [True, False])
def test_the_guests_cookie_is_sent_over_tls_only_where_there_is_tls(settings: Any, secure: bool) -> None:
    settings.SESSION_COOKIE_SECURE = secure
    voucher = make_voucher(make_offer())
    response = browser_of().post(address(voucher=voucher.batch_id, slot=START), TYPED)
    assert bool(response.cookies[COOKIE]["secure"]) is secure


def test_a_guests_own_pages_are_kept_by_no_shared_cache(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    claim = make_claim_token(Voucher.objects.get(status="issued"))
    token = make_guest_link_token(GUEST_UID)
    for path in (
        "/", "/my/", "/my/data/", "/my/data/download/", f"/booking/{booking.pk}/",
        f"/booking/{booking.pk}/calendar.ics", f"/booking/{booking.pk}/move/",
        f"/booking/{booking.pk}/cancel/", f"/voucher/{booking.voucher_id}/",
        f"/claim/{claim}/", f"/guest/{token}/",
    ):  # fmt: skip
        assert "private" in client.get(path).headers["Cache-Control"], path


@pytest.mark.parametrize("end", ["x.css", ";x.css", "x.js", "%2Fx.css", "%00x.css", "..%2Fstatic%2Fx.css"])
def test_an_address_that_looks_like_a_file_shows_nobodys_data_and_is_kept_by_no_shared_cache(
    booking: Booking, end: str
) -> None:
    client = browser_of(GUEST_UID)
    for path in ("/", "/my/", "/my/data/", "/my/data/download/", "/guest/", f"/booking/{booking.pk}/"):
        response = client.get(path + end)
        assert response.status_code in (301, 400, 404)
        assert "Ann Visser" not in response.content.decode()
        assert "private" in response.headers["Cache-Control"]


def test_whatever_sets_a_cookie_is_kept_by_no_shared_cache(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    for path in [*pages_of(booking), "/my", "/nothing/"]:
        response = client.get(path)
        assert not response.cookies or "private" in response.headers["Cache-Control"], path


# What a proxy or a framework of another kind believes; here it is set by strangers.
FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "X-HTTP-Host-Override": "evil.example",
    "Forwarded": "for=127.0.0.1;host=evil.example;proto=https",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    "X-HTTP-Method-Override": "POST",
    "X-Method-Override": "DELETE",
    "Front-End-Https": "on",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_header_that_nobody_asked_for_changes_no_answer(booking: Booking, name: str) -> None:
    client = browser_of(GUEST_UID)
    for path in ("/", "/my/", f"/booking/{booking.pk}/", "/guest/", "/nothing/", "/my", "/api/openapi.json"):
        plain, forged = client.get(path), client.get(path, headers={name: FORGED[name]})
        assert (forged.status_code, text_of(forged)) == (plain.status_code, text_of(plain)), path
        told = [{**found.headers, "X-Request-ID": "", "RateLimit": ""} for found in (plain, forged)]
        assert told[0] == told[1], path
        assert "evil" not in repr(forged.headers)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver.evil.example",
        "eviltestserver",
        "testserver@evil.example",
        "testserver:80@evil.example",
        "testserver evil.example",
        "testserver:port",
        "testserver/evil",
        "[::1",
        "",
        "\xe4",
    ],
)
def test_a_name_that_is_not_ours_leads_nowhere(host: str) -> None:
    for path in ("/", "/my/", "/my", "/admin/", "/nothing/", "/api/voucher/list"):
        response = browser_of().get(path, headers={"Host": host})
        assert response.status_code == 400, path
        assert "evil" not in text_of(response)
        assert "Location" not in response.headers
        assert "public" not in response.headers["Cache-Control"]


# Settings, as another process reads them

_SHOW = """
import json, sys, django
django.setup()
from django.conf import settings
from django.test import Client
response = Client().get("/guest/", headers={"Host": "vouchers.example.com"}, secure=True)
plain = Client().get("/guest/", headers={"Host": "vouchers.example.com"})
print(json.dumps({
    "cookies": [settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.LANGUAGE_COOKIE_SECURE],
    "csrf": bool(response.cookies["csrftoken"]["secure"]),
    "hsts": response.headers.get("Strict-Transport-Security"),
    "plain": [plain.status_code, plain.headers.get("Location")],
}))
"""


def start(code: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Start Django in another process with exactly this environment."""
    base = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**base, "DJANGO_SETTINGS_MODULE": "portal.settings", "SECRET_KEY_FILE": "/nonexistent", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_SECONDS,
    )


_SCAN = """
import json, django
django.setup()
from django.test import Client
browser = Client(headers={"Host": "vouchers.example.com"})
found = {}
for path in ("/guest/", "/admin/login/", "/nothing/", "/api/voucher/slots", "/static/css/portal.css"):
    answer = browser.get(path, secure=True)
    cookies = [[c["secure"], c["httponly"], c["samesite"]] for c in answer.cookies.values()]
    found[path] = {"status": answer.status_code, "headers": dict(answer.headers), "cookies": cookies}
print(json.dumps(found))
"""


def test_the_headers_are_those_of_the_strictest_scanners_best_grade(static_files: None) -> None:
    env = {"STATIC_ROOT": os.environ["STATIC_ROOT"], "DATABASE_URL": "sqlite://:memory:"}
    done = start(_SCAN, SECRET_KEY="x" * 60, ALLOWED_HOSTS="vouchers.example.com", **env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for path, answer in found.items():
        headers = answer["headers"]
        # Two years are asked for preloading alone, half a year for the grade.
        assert int(headers["Strict-Transport-Security"].partition("=")[2]) >= 15_768_000, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert all(cookie == [True, True, "Lax"] for cookie in answer["cookies"])
        if not path.startswith("/static/"):
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'") or "default-src 'none'" in policy.split("; ")
            assert "frame-ancestors 'none'" in policy
            assert not re.search(r"unsafe|http:|https:|\*", policy)
        if path.endswith("/"):
            assert {"base-uri 'none'", "form-action 'self'"} <= set(policy.split("; "))
            assert answer["headers"]["X-Frame-Options"] == "DENY"
    assert [answer["status"] for answer in found.values()] == [200, 200, 404, 503, 200]


def test_outside_loopback_everything_goes_over_tls(tmp_path: Path) -> None:
    code = _SHOW.replace(
        "django.setup()",
        "django.setup(); from django.conf import settings as s; s.STORAGES['staticfiles'] = "
        "{'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'}",
    )
    done = start(code, SECRET_KEY="x" * 60, ALLOWED_HOSTS="vouchers.example.com")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown == {
        "cookies": [True, True, True],
        "csrf": True,
        "hsts": "max-age=31536000",
        "plain": [301, "https://vouchers.example.com/guest/"],
    }


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, ["Set SECRET_KEY"]),
        ({"SECRET_KEY": ""}, ["Set SECRET_KEY"]),
        (
            {"SECRET_KEY": "x", "PLAIN_HTTP": "1", "ALLOWED_HOSTS": "127.0.0.1,vouchers.example.com"},
            ["PLAIN_HTTP is only for loopback hosts"],
        ),
        ({"SECRET_KEY": "x", "PLAIN_HTTP": "1", "ALLOWED_HOSTS": "*"}, ["PLAIN_HTTP is only for loopback"]),
        (
            {
                "SECRET_KEY": "x",
                "PLAIN_HTTP": "perhaps",
                "LOG_LEVEL": "loud",
                "MAILS_PER_GUEST_PER_HOUR": "few",
            },
            ["PLAIN_HTTP", "LOG_LEVEL", "MAILS_PER_GUEST_PER_HOUR"],
        ),
        ({"SECRET_KEY": "x", "DATABASE_URL": "nonsense"}, ["DATABASE_URL"]),
        ({"SECRET_KEY": "x", "DATABASE_REPLICA_URL": "postgres://replica/portal"}, ["DATABASE_REPLICA_URL"]),
        ({"SECRET_KEY": "x", "EMAIL_URL": "smtp+tls://me:secret@mail.example"}, ["EMAIL_URL"]),
    ],
)
def test_the_portal_does_not_start_with_settings_that_are_missing_or_wrong(
    env: dict[str, str], words: list[str]
) -> None:
    done = start("import portal.settings", **env)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr


def test_mail_is_handed_over_encrypted_where_the_settings_say_submission() -> None:
    code = "import portal.settings as s; print(s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_TIMEOUT)"
    done = start(code, SECRET_KEY="x", EMAIL_URL="submission://me:secret@mail.example")
    assert done.stdout.split() == ["mail.example", "587", "True", "15"]


def test_a_replica_is_read_in_the_same_way_as_its_primary() -> None:
    code = "from portal.settings import DATABASES as d; print(len({d[name]['ENGINE'] for name in d}))"
    urls = {"DATABASE_URL": "postgres://db/portal", "DATABASE_REPLICA_URL": "postgres://replica/portal"}
    done = start(code, SECRET_KEY="x", **urls)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


# Other people's things


@pytest.mark.parametrize("uid", [OTHER_UID, ""])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "calendar.ics"),
        ("get", "move/"),
        ("get", "cancel/"),
        ("post", "move/"),
        ("post", "cancel/"),
    ],
)
def test_somebody_elses_booking_is_answered_as_one_that_does_not_exist(
    booking: Booking, path: str, uid: str, method: str
) -> None:
    client = browser_of(uid)
    with unchanged():
        theirs = getattr(client, method)(
            f"/booking/{booking.pk}/{path}", {"slot": "slot-2026-03-05T09:00:00Z"}
        )
        unknown = getattr(client, method)(
            f"/booking/{booking.pk[:-1]}_/{path}", {"slot": "slot-2026-03-05T09:00:00Z"}
        )
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert text_of(theirs) == text_of(unknown)
    assert theirs.headers == unknown.headers or set(theirs.headers) == set(unknown.headers)


@pytest.mark.parametrize("path", ["/voucher/{}/", "/?voucher={}", "/?voucher={}&day=2026-03-05"])
@pytest.mark.parametrize("uid", [OTHER_UID, ""])
def test_somebody_elses_voucher_is_answered_as_one_that_does_not_exist(
    booking: Booking, path: str, uid: str
) -> None:
    client = browser_of(uid)
    theirs = client.get(path.format(booking.voucher_id))
    unknown = client.get(path.format(booking.voucher_id[:-1] + "_"))
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert text_of(theirs) == text_of(unknown)


def test_somebody_elses_voucher_cannot_be_booked() -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    with unchanged():
        response = browser_of(OTHER_UID).post(address(voucher=voucher.pk, slot=START), TYPED)
    assert response.status_code == 404


def test_somebody_elses_voucher_cannot_be_handed_on(booking: Booking) -> None:
    spare = Voucher.objects.get(status="issued")
    response = browser_of(OTHER_UID).post(f"/voucher/{spare.pk}/")
    assert response.status_code == 404
    assert "claim" not in text_of(response)


def test_my_pages_show_nothing_of_others(booking: Booking) -> None:
    for uid in (OTHER_UID, ""):
        for path in ("/my/", "/my/data/", "/"):
            page = text_of(browser_of(uid).get(path))
            assert booking.pk not in page
            assert "Ann Visser" not in page
    assert booking.pk not in browser_of(OTHER_UID).get("/my/data/download/").content.decode()


def test_nobody_downloads_deletes_or_revokes_nothing() -> None:
    for method, path in (("get", "download/"), ("post", "delete/")):
        assert getattr(browser_of(), method)(f"/my/data/{path}").status_code == 404
    assert browser_of().post("/my/links/revoke/").status_code == 404
    assert not Guest.objects.exists()


@pytest.mark.parametrize(
    "cookie",
    [
        GUEST_UID,
        f"{GUEST_UID}:1abcde:AAAA",
        signing.get_cookie_signer(salt="guest").sign(GUEST_UID),
        signing.get_cookie_signer(salt="other").sign(GUEST_UID),
        "::::",
        "\xf0\x9f\x9c\x81",
        "x" * 4000,
        '"thinker\\000"',
    ],
    ids=[
        "bare",
        "made up",
        "of the right salt but not its own",
        "of another salt",
        "empty parts",
        "bytes",
        "long",
        "NUL",
    ],
)
def test_a_forged_cookie_is_nobody(booking: Booking, cookie: str) -> None:
    client = browser_of()
    client.cookies[COOKIE] = cookie
    assert client.get(f"/booking/{booking.pk}/").status_code == 404
    assert "There is no booking on this device yet." in words_of(client.get("/my/"))


def test_a_cookie_with_another_guest_written_in_is_nobody(booking: Booking) -> None:
    signed = browser_of(OTHER_UID).cookies[COOKIE].value
    client = browser_of()
    client.cookies[COOKIE] = signed.replace(OTHER_UID, GUEST_UID)
    assert client.get(f"/booking/{booking.pk}/").status_code == 404


def test_a_cookie_is_good_for_a_year(booking: Booking, clock: Any) -> None:
    client = browser_of(GUEST_UID)
    clock.shift(timedelta(days=364))
    assert client.get(f"/booking/{booking.pk}/").status_code == 200
    clock.shift(timedelta(days=2))
    assert client.get(f"/booking/{booking.pk}/").status_code == 404


# Links that are keys


def test_a_guest_link_brings_its_guest_to_another_device(booking: Booking) -> None:
    client = browser_of()
    path = f"/guest/{make_guest_link_token(GUEST_UID)}/"
    assert client.get(path).status_code == 200
    assert client.get(f"/booking/{booking.pk}/").status_code == 404, "opening a link changes nothing"
    assert client.post(path).headers["Location"] == "/my/"
    assert client.get(f"/booking/{booking.pk}/").status_code == 200


def test_a_guest_link_warns_a_device_that_is_another_guests(booking: Booking) -> None:
    path = f"/guest/{make_guest_link_token(GUEST_UID)}/"
    assert "Another guest uses this device now." in words_of(browser_of(OTHER_UID).get(path))
    assert "This device has these bookings already." in words_of(browser_of(GUEST_UID).get(path))


BROKEN = ["x", "x" * 3000, "a:b:c", "%00", "%F0%9F%9C%81", "..", ":", "%E2%80%AE", "%FF%FE", "' OR 1=1 --"]


@pytest.mark.parametrize("token", BROKEN, ids=lambda token: token[:12])
@pytest.mark.parametrize("kind", ["guest", "claim"])
def test_a_link_that_nobody_signed_gets_a_page_that_helps(kind: str, token: str) -> None:
    client = browser_of()
    for ask in (client.get, client.post):
        with unchanged():
            response = ask(f"/{kind}/{token}/")
        assert response.status_code == 404
        assert "<h1" in text_of(response)
        assert "Traceback" not in text_of(response)
    assert COOKIE not in client.cookies


@pytest.mark.parametrize("change", ["truncated", "grown", "altered", "other kind", "other salt"])
@pytest.mark.parametrize("kind", ["guest", "claim"])
def test_a_link_that_was_changed_gets_a_page_that_helps(booking: Booking, kind: str, change: str) -> None:
    spare = Voucher.objects.get(status="issued")
    tokens = {"guest": make_guest_link_token(GUEST_UID), "claim": make_claim_token(spare)}
    other = {"guest": "claim", "claim": "guest"}[kind]
    token = {
        "truncated": tokens[kind][:-3],
        "grown": f"{tokens[kind]}A",
        "altered": ("A" if tokens[kind][0] != "A" else "B") + tokens[kind][1:],
        "other kind": tokens[other],
        "other salt": signing.dumps({"uid": GUEST_UID, "epoch": 0, "voucher": spare.pk, "from": GUEST_UID}),
    }[change]
    for method in ("get", "post"):
        with unchanged():
            response = getattr(browser_of(OTHER_UID), method)(f"/{kind}/{token}/")
        assert response.status_code == 404
        assert "This link does not work" in words_of(response)
        assert COOKIE not in response.cookies


def test_a_guest_link_ends_after_90_days(booking: Booking, clock: Any) -> None:
    path = f"/guest/{make_guest_link_token(GUEST_UID)}/"
    clock.shift(timedelta(days=90, seconds=-2))
    assert browser_of().get(path).status_code == 200
    clock.shift(timedelta(seconds=4))
    response = browser_of().post(path)
    assert response.status_code == 404
    assert "This link has expired." in words_of(response)
    assert COOKIE not in response.cookies


def test_a_revoked_guest_link_is_switched_off_and_a_new_one_works(booking: Booking) -> None:
    old = f"/guest/{make_guest_link_token(GUEST_UID)}/"
    page = browser_of(GUEST_UID).post("/my/links/revoke/", follow=True)
    assert page.redirect_chain == [("/my/?revoked", 302)]
    response = browser_of().post(old)
    assert response.status_code == 404
    assert "This link has been switched off by its guest." in words_of(response)
    assert COOKIE not in response.cookies
    new = re.search(r'value="http://testserver(/guest/[^"]+)"', text_of(page))
    assert new is not None
    assert browser_of().get(new[1]).status_code == 200


def test_revoking_ones_links_leaves_those_of_others() -> None:
    path = f"/guest/{make_guest_link_token(OTHER_UID)}/"
    revoke_guest_links(GUEST_UID)
    assert browser_of().get(path).status_code == 200


def test_a_claim_link_ends_after_30_days(clock: Any) -> None:
    voucher = make_voucher(make_offer(transferable=True), holder_uid=GUEST_UID)
    path = f"/claim/{make_claim_token(voucher)}/"
    clock.shift(timedelta(days=30, seconds=2))
    with unchanged():
        response = browser_of().post(path)
    assert response.status_code == 404
    assert "This link has expired." in words_of(response)


def test_a_claim_link_gives_the_voucher_to_the_first_and_to_nobody_after() -> None:
    voucher = make_voucher(make_offer(transferable=True), holder_uid=GUEST_UID)
    path = f"/claim/{make_claim_token(voucher)}/"
    first, second = browser_of(), browser_of()
    assert first.get(path).status_code == 200
    assert first.post(path).headers["Location"] == f"/voucher/{voucher.pk}/"
    assert first.get(f"/voucher/{voucher.pk}/").status_code == 200
    assert browser_of(GUEST_UID).get(f"/voucher/{voucher.pk}/").status_code == 404
    with unchanged():
        late = second.post(path)
    assert late.status_code == 409
    assert COOKIE not in late.cookies
    assert second.get(path).status_code == 404


def test_a_claim_link_of_a_voucher_that_stays_with_its_holder_is_refused() -> None:
    voucher = make_voucher(make_offer(transferable=False), holder_uid=GUEST_UID)
    with unchanged():
        response = browser_of(OTHER_UID).post(f"/claim/{make_claim_token(voucher)}/")
    assert response.status_code == 422
    assert "This voucher cannot be handed on." in words_of(response)


def test_a_link_to_hand_on_is_made_for_nobody_but_the_holder_of_a_transferable_voucher() -> None:
    given = make_voucher(make_offer(transferable=True), holder_uid=GUEST_UID)
    kept = make_voucher(make_offer(transferable=False), holder_uid=GUEST_UID)
    anyones = make_voucher(make_offer(transferable=True))
    client = browser_of(GUEST_UID)
    assert "/claim/" not in text_of(client.get(f"/voucher/{given.pk}/"))
    assert "/claim/" in text_of(client.post(f"/voucher/{given.pk}/"))
    for voucher in (kept, anyones):
        response = client.post(f"/voucher/{voucher.pk}/")
        assert response.status_code == 422
        assert "/claim/" not in text_of(response)


# Logs


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("Not Found: %s", ("/guest/SECRET:part:two/",)),
        ("Not Found: /claim/SECRET", ()),
        ("next=/guest/SECRET&x", ()),
        ('Referer "https://vouchers.example/guest/SECRET/" is odd', ()),
    ],
)
def test_the_keys_in_links_stay_out_of_logs(message: str, args: tuple[str, ...]) -> None:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, args, None)
    RedactSecrets().filter(record)
    assert "SECRET" not in UtcFormatter("%(message)s").format(record)


def test_the_keys_in_links_stay_out_of_tracebacks() -> None:
    try:
        raise ValueError("cannot open /guest/SECRET/ now")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    RedactSecrets().filter(record)
    line = UtcFormatter("%(message)s").format(record)
    assert "ValueError" in line
    assert "SECRET" not in line


def test_what_a_database_says_of_a_row_stays_out_of_logs() -> None:
    words = 'violates "x"\nDETAIL:  Failing row contains (b-1, Ann Visser, ann@guest.example).\nCONTEXT: here'
    try:
        raise ValueError(words)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    line = UtcFormatter("%(message)s").format(record)
    assert "violates" in line
    assert "Ann" not in line


def test_times_in_logs_are_utc() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "hello", (), None)
    record.created, record.msecs = 0.0, 7
    assert UtcFormatter("%(asctime)s %(message)s").format(record) == "1970-01-01T00:00:00.007Z hello"


def test_a_request_that_fails_leaves_no_key_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_guest_link_token(GUEST_UID)
    handler = next(found for found in logging.getLogger().handlers if type(found) is logging.StreamHandler)
    log = io.StringIO()
    monkeypatch.setattr(handler, "stream", log)
    browser_of().get(f"/guest/{token}x/")
    browser_of().get(f"/guest/{token}/more/")
    written = log.getvalue()
    assert "Not Found: /guest/…/" in written
    assert token not in written


# Reading changes nothing


def test_get_changes_nothing_anywhere(booking: Booking) -> None:
    root = User.objects.create_superuser("root")
    client = browser_of(GUEST_UID)
    client.force_login(root)
    paths = pages_of(booking)
    before = all_tables()
    for path in paths:
        assert client.get(path).status_code < 500, path
        client.head(path)
    assert all_tables() == before


def test_get_changes_nothing_in_the_admin(booking: Booking) -> None:
    client = browser_of()
    client.force_login(User.objects.create_superuser("root"))
    paths = [path_of(route, object_id=booking.pk) for route in ROUTES if route.startswith("admin/")]
    before = all_tables()
    for path in paths:
        assert client.get(path).status_code < 500, path
    assert all_tables() == before


def test_a_stranger_who_looks_around_changes_nothing_and_becomes_no_guest(booking: Booking) -> None:
    client = browser_of()
    paths = pages_of(booking)
    before = all_tables()
    for path in paths:
        assert client.get(path).status_code < 500, path
    assert COOKIE not in client.cookies
    assert all_tables() == before


@pytest.mark.parametrize("route", ["my/data/delete/", "my/leave/", "my/links/revoke/"])
def test_what_changes_something_cannot_be_asked_for_by_a_link(booking: Booking, route: str) -> None:
    before = all_tables()
    assert browser_of(GUEST_UID).get(f"/{route}").status_code == 405
    assert all_tables() == before


# Redirects


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "http://testserver@evil.example/",
        "javascript:alert(1)",
        " https://evil.example/",
        "\x00//evil.example",
        "/%0d%0aSet-Cookie:x=1\r\nSet-Cookie: y=1",
        "http://[::1",
        "x" * 5000,
    ],
    ids=lambda target: ascii(target[:30]),
)
def test_changing_the_language_leads_to_this_site_alone(target: str) -> None:
    for headers in ({}, {"Referer": target.strip()} if "\r" not in target and "\x00" not in target else {}):
        response = browser_of().post("/i18n/setlang/", {"language": "de", "next": target}, headers=headers)
        assert response.status_code in (302, 400)
        location = response.headers.get("Location", "/")
        assert location.startswith("/") or "evil" not in location
        assert not location.startswith(("//", "/\\"))
        assert "\n" not in location
        assert set(response.cookies) <= {"django_language"}


def test_changing_the_language_leads_back() -> None:
    client = browser_of()
    response = client.post("/i18n/setlang/", {"language": "nl", "next": "/my/?x=1"})
    assert response.headers["Location"] == "/my/?x=1"
    assert client.cookies["django_language"].value == "nl"


def test_a_host_that_is_not_ours_is_refused() -> None:
    response = browser_of().get("/my/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil.example" not in text_of(response)


# A guest's data


def test_a_guests_data_is_theirs_to_take_along(booking: Booking) -> None:
    response = browser_of(GUEST_UID).get("/my/data/download/")
    data = json.loads(response.content)
    assert [row["id"] for row in data["bookings"]] == [booking.pk]
    assert data["bookings"][0]["guest_email"] == "ann@guest.example"
    assert response.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'


def test_a_guests_data_stays_while_a_booking_is_to_come(booking: Booking) -> None:
    with unchanged():
        response = browser_of(GUEST_UID).post("/my/data/delete/")
    assert response.status_code == 409
    assert "Cancel your upcoming bookings first" in words_of(response)


def test_a_guests_data_is_deleted_when_they_ask(booking: Booking) -> None:
    link = f"/guest/{make_guest_link_token(GUEST_UID)}/"
    cancel_booking(booking_id=booking.pk, by=HOTEL_SYSTEM, now=NOW, reason="Ann is ill")
    client = browser_of(GUEST_UID)
    assert client.post("/my/data/delete/").status_code == 200
    everything = json.dumps(all_tables(), default=str)
    for word in ("Ann Visser", "ann@guest.example"):
        assert word not in everything
    assert client.cookies[COOKIE].value == ""
    assert browser_of().get(link).status_code == 404


def test_leaving_a_device_forgets_the_guest_and_keeps_the_bookings(booking: Booking) -> None:
    client = browser_of(GUEST_UID)
    with unchanged():
        client.post("/my/leave/")
    assert client.get(f"/booking/{booking.pk}/").status_code == 404


def test_asking_for_a_link_tells_nobody_whether_an_address_has_booked(booking: Booking) -> None:
    known = browser_of().post("/guest/", {"email": "ann@guest.example"})
    unknown = browser_of().post("/guest/", {"email": "bob@guest.example"})
    assert text_of(known) == text_of(unknown)
    assert (known.status_code, unknown.status_code) == (200, 200)


def test_htmx_requests_are_told_apart_from_pages_by_no_secret(booking: Booking) -> None:
    headers = fragment("booking-panel", **{"HX-Current-URL": "http://testserver/guest/SECRET/"})
    assert "SECRET" not in text_of(browser_of(GUEST_UID).get("/", headers=headers))


def test_a_hotel_without_anything_shows_no_empty_choice() -> None:
    make_hotel("empty", name="Empty hotel")
    assert "Empty hotel" in text_of(browser_of().get("/"))
