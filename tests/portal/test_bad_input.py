"""Garbage at every address: it is refused with a page that helps, and nothing is changed."""

import base64
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from wsgiref.util import setup_testing_defaults

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from bookings.models import Booking
from portal.wsgi import application
from presence.domain import make_guest_link_token
from tests.checks import stored, unchanged
from tests.make import GUEST_UID, NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.web import TYPED, address, browser_of, fragment, path_of, routes, words_of
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db

OWN_ROUTES = sorted({route for route, _pattern in routes() if not route.startswith(("admin/", "desk/"))})
SLOT = "slot-2026-03-03T09:00:00Z"
NUL, RTL, EMOJI = "a\x00b", "\u202e\u05e9\u05dc\u05d5\u05dd", "🜁👩‍👩‍👧"
GARBAGE = [
    "",
    NUL,
    RTL,
    EMOJI,
    "-1",
    "9" * 400,
    "2025-02-30",
    "0001-01-01",
    "9999-12-31",
    "0000-13",
    "9999-12",
    "../../etc/passwd",
    "' OR '1'='1",
    "<script>",
    "\r\nX: y",
    "x" * 3000,
    "slot-2026-03-03T09:00:00+23:59",
    "slot-9999-12-31T23:59:59Z",
    "slot-0001-01-01T00:00:00+14:00",
    "slot-2026-02-30T09:00:00Z",
    "slot-2026-03-03T09:00:00",
    "slot-٢٠٢٦-03-03T09:00:00Z",
    "vb-",
]
URLENCODED = "application/x-www-form-urlencoded"
PARAMETERS = ["status", "q", "hotel", "service", "sort", "voucher", "month", "day", "slot", "after"]


@pytest.fixture
def booking() -> Booking:
    """A booking of the guest's own, beside a voucher that is still to be booked."""
    make_voucher(make_offer(), holder_uid=GUEST_UID)
    return make_booking(make_voucher(holder_uid=GUEST_UID))


def cursor(*content: Any) -> str:
    """Return a cursor that says whatever a forger likes."""
    text = json.dumps(content[0] if len(content) == 1 else content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def assert_refused(response: Any, *statuses: int) -> None:
    """Expect one of the refusals, on a page that a reader understands."""
    assert response.status_code in statuses, response.status_code
    assert "<h1" in response.content.decode()


# Addresses


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value[:30]))
def test_garbage_in_an_address_of_the_manifest_is_left_out_or_refused_and_changes_nothing(value: str) -> None:
    batch = make_voucher(make_offer()).batch_id
    client = browser_of(GUEST_UID)
    with unchanged():
        # What is one of a few is asked for together; the rest is read further, one by one.
        for names in (["status", "hotel", "service", "sort"], *([name] for name in PARAMETERS[5:]), ["q"]):
            region = "slot-calendar" if names[0] in ("month", "day", "slot") else "more-cards"
            place = {"voucher": batch, **dict.fromkeys(names, value)}
            response = client.get(address(**place), headers=fragment(region))
            assert response.status_code in (200, 400, 404, 422), names


@pytest.mark.parametrize(
    "place",
    [
        {"status": "nonsense"},
        {"q": NUL},
        {"q": "x" * 101},
        {"hotel": "no slug"},
        {"service": NUL},
        {"sort": "price"},
        {"voucher": "no slug"},
        {"voucher": "x" * 41},
        {"month": "0000-13"},
        {"month": "2026-13"},
        {"day": "2025-02-30"},
        {"day": "tomorrow"},
        {"slot": "slot-2026-02-30T09:00:00Z"},
        {"slot": "tomorrow"},
        {"after": "x" * 601},
    ],
    ids=str,
)
def test_what_is_no_address_is_400_with_the_list_and_a_word_on_it(place: dict[str, str]) -> None:
    make_voucher(title="Spa hour")
    for headers in ({}, fragment("voucher-list")):
        response = browser_of().get(address(**place), headers=headers)
        assert response.status_code == 400
        assert "Part of this address could not be understood" in words_of(response)
        assert "Spa hour" in words_of(response)


@pytest.mark.parametrize("key", ["v-unknown", "vb-unknown", "o-0", "hotel-a", "-", "_"])
def test_a_voucher_that_does_not_exist_is_404(key: str) -> None:
    assert_refused(browser_of().get(address(voucher=key)), 404)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "====",
        "🜁",
        NUL,
        cursor({}),
        cursor([]),
        cursor(None),
        cursor(5),
        cursor("own", "ending", []),
        cursor("own", "ending", [True, "2026-03-02T08:00:00+00:00", "v-1", "more"]),
        cursor("own", "title", ["A", "v-1"]),
        cursor("all", "ending", [True, "2026-03-02T08:00:00+00:00", "v-1"]),
        cursor("own", ["ending"], []),
        cursor("own", "ending", [5, "2026-03-02T08:00:00+00:00", "v-1"]),
        cursor("own", "ending", ["perhaps", "2026-03-02T08:00:00+00:00", "v-1"]),
        cursor("own", "ending", [True, "2026-03-02T08:00:00", "v-1"]),
        cursor("own", "ending", [True, "0001-01-01T00:00:00+14:00", "v-1"]),
        cursor("own", "ending", [True, "9999-12-31T23:59:59-14:00", "v-1"]),
        cursor("own", "ending", [True, "tomorrow", "v-1"]),
        cursor("own", "ending", [True, "2026-03-02T08:00:00+00:00", "v\x00"]),
        cursor("own", "ending", [True, "2026-03-02T08:00:00+00:00", "\ud800"]),
        cursor("own", "ending", [True, "2026-03-02T08:00:00+00:00", None]),
        cursor("open", "ending", [True, "2026-03-02T08:00:00+00:00", {"a": 1}]),
        "W1tbW1tbW1tb" * 40,
    ],
    ids=lambda text: ascii(text[:50]),
)
def test_a_cursor_that_nobody_gave_out_is_refused(text: str) -> None:
    make_voucher(title="Spa hour")
    make_voucher(title="Own", holder_uid=GUEST_UID)
    for headers in ({}, fragment("more-cards")):
        with unchanged():
            response = browser_of(GUEST_UID).get(address(after=text), headers=headers)
        assert response.status_code in (400, 422)


def test_a_cursor_behind_the_end_shows_an_empty_page() -> None:
    make_voucher(title="Spa hour")
    place = cursor("open", "ending", [True, "2199-01-01T00:00:00+00:00", "vb-z"])
    assert browser_of().get(address(after=place)).status_code == 200


def test_of_a_parameter_given_twice_the_last_counts() -> None:
    assert browser_of().get("/?status=nonsense&status=issued").status_code == 200
    assert browser_of().get("/?status=issued&status=nonsense").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "status[]=issued",
        "status[0]=x&q[a][b]=c",
        "q=a&q=b&q=c",
        "=&=&&&",
        "%",
        "q=%ff%fe",
        "%ff=1",
        "q=%00",
        "q",
    ],
)
def test_odd_queries_are_answered(query: str) -> None:
    assert browser_of().get(f"/?{query}").status_code in (200, 400)


def test_a_query_with_ten_thousand_parameters_is_refused() -> None:
    query = urlencode([(f"p{number}", "1") for number in range(10_000)])
    assert_refused(browser_of().get(f"/?{query}"), 400)


# Neither of them is an id: they make another address.
NO_IDS = {"", "../../etc/passwd"}


@pytest.mark.parametrize(
    "value", [value for value in GARBAGE if value not in NO_IDS], ids=lambda value: ascii(value[:30])
)
def test_garbage_as_an_id_is_answered_as_an_unknown_one(booking: Booking, value: str) -> None:
    client = browser_of(GUEST_UID)
    with unchanged():
        for route in OWN_ROUTES:
            if "<" in route:
                path = path_of(
                    route,
                    **dict.fromkeys(("booking_id", "voucher_id", "token", "code"), quote(value, safe="")),
                )
                for ask in (client.get, client.post):
                    # An id of the right shape at an address that takes no POST is 405.
                    assert ask(path, {"slot": SLOT}).status_code in (404, 405), path


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value[:30]))
def test_garbage_in_an_address_of_a_move_is_left_out(booking: Booking, value: str) -> None:
    client = browser_of(GUEST_UID)
    with unchanged():
        for name in ("month", "day", "slot"):
            for headers in (fragment("slot-calendar"), fragment("booking-panel")):
                path = f"/booking/{booking.pk}/move/?{urlencode({name: value})}"
                assert client.get(path, headers=headers).status_code in (200, 400)


# Forms


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value[:30]))
def test_garbage_in_the_booking_form_books_nothing(value: str) -> None:
    batch = make_voucher(make_offer()).batch_id
    client = browser_of()
    fields = ["email"] if not value else ["email", "slot", "form_key"]
    with unchanged():
        for name in fields:
            headers = fragment("booking-panel")
            response = client.post(address(voucher=batch, slot=SLOT), {**TYPED, name: value}, headers=headers)
            assert response.status_code == 422, name
        assert_refused(client.post(address(voucher=batch, slot=value), TYPED), 422)
        assert_refused(client.post(address(voucher=value, slot=SLOT), TYPED), 404, 422)


@pytest.mark.parametrize("field", ["name", "note"])
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value[:30]))
def test_whatever_is_typed_as_text_is_kept_as_it_is_or_refused(field: str, value: str) -> None:
    batch = make_voucher(make_offer()).batch_id
    before = stored()
    response = browser_of().post(address(voucher=batch, slot=SLOT), {**TYPED, field: value})
    if response.status_code == 303:
        assert getattr(Booking.objects.get(), f"guest_{field}") == value.strip()
    else:
        assert response.status_code == 422
        assert stored() == before


@pytest.mark.parametrize("value", [value for value in GARBAGE if "slot-" not in value], ids=ascii)
def test_garbage_as_the_slot_to_move_to_is_400(booking: Booking, value: str) -> None:
    with unchanged():
        response = browser_of(GUEST_UID).post(f"/booking/{booking.pk}/move/", {"slot": value})
    assert_refused(response, 400)


@pytest.mark.parametrize(
    "slot",
    [
        "slot-2026-03-03T09:00:00+23:59",
        "slot-2026-03-03T09:00:00-23:59",
        "slot-2026-03-03T09:00:01Z",
        "slot-2026-03-03T09:00:00.000001Z",
        "slot-1990-01-01T00:00:00Z",
        "slot-2199-12-31T23:59:59Z",
        "slot-2026-03-02T07:00:00Z",
    ],
)
def test_a_time_that_is_not_on_the_vouchers_calendar_is_refused(slot: str) -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    client = browser_of(GUEST_UID)
    with unchanged():
        response = client.post(address(voucher=voucher.pk, slot=slot), TYPED)
    assert_refused(response, 422)


def test_a_slot_may_be_named_in_any_offset() -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    client = browser_of(GUEST_UID)
    client.post(address(voucher=voucher.pk, slot="slot-2026-03-03T14:45:00+05:45"), TYPED)
    assert Booking.objects.get().slot_id == SLOT


def test_a_slot_of_another_vouchers_calendar_is_refused() -> None:
    evening = make_voucher(make_offer(opens=NOW.time().replace(hour=18), closes=NOW.time().replace(hour=22)))
    with unchanged():
        response = browser_of().post(address(voucher=evening.batch_id, slot=SLOT), TYPED)
    assert_refused(response, 422)


@pytest.mark.parametrize("value", ["x" * 201, NUL], ids=["long", "nul"])
def test_a_reason_that_cannot_be_kept_cancels_nothing(booking: Booking, value: str) -> None:
    with unchanged():
        response = browser_of(GUEST_UID).post(f"/booking/{booking.pk}/cancel/", {"reason": value})
    assert_refused(response, 422)


@pytest.mark.parametrize("value", [*GARBAGE, "a@b.example, c@d.example"], ids=lambda value: ascii(value[:30]))
def test_what_is_no_address_is_sent_no_link(value: str) -> None:
    with unchanged():
        assert_refused(browser_of().post("/guest/", {"email": value}), 422)


def test_garbage_as_a_language_changes_no_language() -> None:
    client = browser_of()
    for value in GARBAGE:
        response = client.post("/i18n/setlang/", {"language": value, "next": value})
        assert response.status_code in (302, 400)
    assert "django_language" not in client.cookies


@pytest.mark.parametrize(
    "name",
    ["Accept-Language", "HX-Target", "HX-Current-URL", "HX-Trigger", "Referer", "If-None-Match", "Range"],
)
def test_garbage_in_headers_is_left_out(name: str) -> None:
    client = browser_of()
    for value in ("x" * 3000, "\x00", "http://[", "%ff", "\xf0\x9f", "de;q=x,,;", "bytes=9-1"):
        headers = {"HX-Request": "true", name: value, f"{name}-URI-AutoEncoded": "true"}
        assert client.get("/", headers=headers).status_code == 200, value


def test_garbage_in_cookies_is_left_out() -> None:
    client = browser_of()
    for name in ("guest", "csrftoken", "django_language", "sessionid", "messages"):
        for value in ("x" * 3000, "\xf0\x9f", "{}", '"', '"\\303\\050"'):
            client.cookies.clear()
            for path in ("/my/", "/admin/login/"):
                response = client.get(path, headers={"Cookie": f"{name}={value}"})
                assert response.status_code == 200, (name, value, path)


@pytest.mark.parametrize("path", ["/", "/my/", "/admin/login/"])
@pytest.mark.parametrize("name", ["guest", "csrftoken", "django_language", "sessionid", "messages", "any"])
def test_a_cookie_with_nul_is_refused_before_it_reaches_the_database(name: str, path: str) -> None:
    response = browser_of().get(path, headers={"Cookie": f'{name}="abcdefgh\\000"'})
    assert_refused(response, 400)


# Bodies


@pytest.fixture
def posted(booking: Booking) -> Iterator[list[str]]:
    """Every address of ours that takes a POST, of things that exist; afterwards nothing is changed."""
    values = {
        "booking_id": booking.pk,
        "voucher_id": Voucher.objects.get(status="issued").pk,
        "token": make_guest_link_token(GUEST_UID),
    }
    paths = [path_of(route, **values) for route in OWN_ROUTES]
    with unchanged():
        yield paths


def test_a_body_of_a_megabyte_is_refused_everywhere(posted: list[str]) -> None:
    client = browser_of(GUEST_UID)
    for path in posted:
        assert client.post(path, {"name": "x" * 1_000_000}).status_code == 400, path
        body = urlencode({"name": "x" * 1_000_000})
        assert client.post(path, body, content_type=URLENCODED).status_code == 400, path


def test_ten_thousand_fields_are_refused_everywhere(posted: list[str]) -> None:
    client = browser_of(GUEST_UID, enforce_csrf_checks=True)
    client.get("/guest/")
    body = "&".join(f"field{number}=1" for number in range(10_000))
    for path in posted:
        # The form's token is looked for before anything else: no address comes before this limit.
        assert client.post(path, body, content_type=URLENCODED).status_code == 400, path


def test_staff_may_send_files_that_are_larger(posted: list[str]) -> None:
    client = browser_of()
    large = {"name": SimpleUploadedFile("large.bin", b"x" * 1_000_000)}
    assert client.post("/admin/login/", large).status_code == 400
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    large["name"].seek(0)
    assert client.post("/admin/login/", large).status_code != 400


def test_a_file_is_no_way_around_the_limit_of_a_body(posted: list[str]) -> None:
    client = browser_of(GUEST_UID)
    for path in posted:
        large = SimpleUploadedFile("large.bin", b"x" * 1_000_000)
        assert client.post(path, {**TYPED, "name": large}).status_code == 400, path


def test_more_files_than_anyone_needs_are_refused() -> None:
    files = {f"file{number}": SimpleUploadedFile(f"{number}.txt", b"x") for number in range(150)}
    assert_refused(browser_of().post("/", files), 400)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"name": "Ann", "email": "ann@guest.example"}'),
        ("text/plain", b"name=Ann&email=ann@guest.example"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"name=+AGE-"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"name=Ann"),
        ("application/x-www-form-urlencoded", b"name=%ff%fe&email=%00"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00"),
        ("", b"name=Ann"),
    ],
)
def test_a_body_of_another_kind_books_nothing(content_type: str, body: bytes) -> None:
    batch = make_voucher(make_offer()).batch_id
    with unchanged():
        response = browser_of().generic(
            "POST", address(voucher=batch, slot=SLOT), body, content_type=content_type
        )
    assert_refused(response, 400, 422)


def serve(method: str, path: str, body: str, content_type: str) -> tuple[str, str]:
    """Ask the application as a web server does; returns status and page."""
    environ: dict[str, Any] = {}
    place, _mark, query = path.partition("?")
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": place,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body.encode()),
    }
    told: list[str] = []
    # As Django's own test client does: a test's transaction is not to be closed.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        answer = application(environ, lambda status, _headers, *_more: told.append(status))
        return told[0], b"".join(answer).decode()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@pytest.mark.parametrize(
    "charset",
    [
        "unicode_escape",
        "raw_unicode_escape",
        "utf-7",
        "utf-16",
        "zlib",
        "idna",
        "hex",
        '"zlib"',
        "nonsense",
        "utf-8",
    ],
)
def test_texts_are_utf8_whatever_a_request_claims(charset: str) -> None:
    form = f"multipart/form-data; boundary=x; CharSet = {charset}"
    body = '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\\ud800\\x00@b\r\n--x--\r\n'
    with unchanged():
        # Without its token a form is read and refused.
        assert serve("POST", "/guest/", body, form)[0] == "403 Forbidden"
    status, page = serve("GET", "/?q=%5Cud800%5Cx00", "", f"text/plain; charset={charset}")
    assert status == "200 OK"
    assert 'value="\\ud800\\x00"' in page


def test_a_file_in_the_place_of_a_text_books_nothing() -> None:
    batch = make_voucher(make_offer()).batch_id
    fields = {**TYPED, "name": SimpleUploadedFile("name.txt", b"Ann")}
    with unchanged():
        response = browser_of().post(address(voucher=batch, slot=SLOT), fields)
    assert_refused(response, 422)


def test_a_form_with_files_beside_it_is_taken_without_them() -> None:
    batch = make_voucher(make_offer()).batch_id
    fields = {**TYPED, "photo": SimpleUploadedFile("photo.jpg", b"\xff\xd8")}
    assert browser_of().post(address(voucher=batch, slot=SLOT), fields).status_code == 303


def test_a_body_that_breaks_off_is_no_server_error() -> None:
    class Broken(io.BytesIO):
        def read(self, *_size: int | None) -> bytes:
            raise OSError("the line went dead")

    client = browser_of()
    client.raise_request_exception = False
    line = {"wsgi.input": Broken(), "CONTENT_LENGTH": "9"}
    response = client.generic("POST", "/guest/", b"", content_type=URLENCODED, **line)
    assert response.status_code < 500


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"])
def test_other_methods_are_refused_everywhere(posted: list[str], method: str) -> None:
    client = browser_of(GUEST_UID)
    for path in posted:
        if path != "/i18n/setlang/":
            assert client.generic(method, path, b"x=1").status_code == 405, path


@pytest.mark.parametrize(
    "path",
    ["/%00", "/%ff", "/booking/", "/booking/%00/", "/booking//", "/voucher/../my/", "/" + "x" * 3000, "/🜁/"],
    ids=lambda path: ascii(path[:20]),
)
def test_addresses_that_are_none_are_404_with_a_page_that_helps(path: str) -> None:
    response = browser_of().get(path)
    assert_refused(response, 404)
    assert "This page is not here" in words_of(response)


# Whatever comes to mind


class Fuzz(TestCase):
    """The same with input that nobody thought of."""

    # Text as it can arrive: what is no UTF-8 has been replaced before Django sees it.
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    value = st.one_of(
        st.sampled_from(GARBAGE), text, st.datetimes().map(lambda at: f"slot-{at.isoformat()}Z")
    )
    fewer = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

    def setUp(self) -> None:
        hotel = make_hotel()
        self.batch = make_voucher(make_offer(hotel)).batch_id
        self.own = make_voucher(make_offer(hotel), holder_uid=GUEST_UID)
        self.before = stored()

    @fewer
    @given(
        st.dictionaries(st.sampled_from(PARAMETERS), value, max_size=5),
        st.sampled_from(["", "voucher-list", "slot-calendar", "booking-panel", "month-grid"]),
        st.booleans(),
    )
    def test_no_address_is_a_server_error(self, place: dict[str, str], target: str, known: bool) -> None:
        if known:
            place["voucher"] = self.batch or ""
        headers = fragment(target) if target else {}
        response = browser_of(GUEST_UID).get(address(**place), headers=headers)
        assert response.status_code in (200, 400, 404, 422)
        assert stored() == self.before

    @fewer
    @given(
        st.dictionaries(st.sampled_from(["name", "email", "note", "form_key", "slot"]), value),
        value,
        st.booleans(),
    )
    def test_no_form_is_a_server_error(self, typed: dict[str, str], slot: str, known: bool) -> None:
        place = address(voucher=self.own.pk, slot=SLOT if known else slot)
        response = browser_of(GUEST_UID).post(place, {**TYPED, **typed})
        assert response.status_code in (303, 404, 409, 422)
        if response.status_code == 303:
            booking = Booking.objects.get()
            assert booking.slot_start.hour in range(9, 18)
            assert booking.slot_end - booking.slot_start == timedelta(hours=1)
        else:
            assert stored() == self.before
