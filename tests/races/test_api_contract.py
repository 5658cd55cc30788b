"""The API against its own description, and against bytes that no client library would send."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.races.chance import tell_seed
from tests.races.conftest import Hotel, opened
from tests.races.rough import JSON, Rough
from tests.requirements import IS_SOAK
from tests.servers import ROOT, WAIT_SECONDS

MANY = {"API_WRITES_PER_MINUTE": "1000000", "API_READS_PER_MINUTE": "1000000"}
READS = (b"voucher/list", b"voucher/bookings", b"slots/available", b"slots/calendar", b"events")
WRITES = (b"issue", b"book", b"cancel", b"move", b"redeem", b"withdraw")


@pytest.fixture(scope="module")
def hotel(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with opened(engine, "portal_contract", log, **MANY) as hotel:
        yield hotel


def test_the_api_keeps_its_description(hotel: Hotel, tmp_path: Path) -> None:
    hotel.offer(vouchers=20, batches=2, capacity=3)
    key = hotel.clerk.ask("key", hotel=None if hotel.engine.name == "postgresql" else "hotel-races")
    (guest,) = hotel.clerk.ask("guests", number=1)
    command = ["-m", "schemathesis.cli", "--config-file", str(ROOT / "tests/schemathesis.toml"), "run"]
    options = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "-n", "12", "--no-color"]
    done = subprocess.run(
        [
            *(sys.executable, *command, f"{hotel.portal.url}/api/openapi.json"),
            *("-H", f"X-TS-APIKEY: {key}", "-H", f"Cookie: guest={guest}"),
            # The gate tries the same in every run.
            *(*options, "--seed", str(tell_seed())),
            *(("--generation-database", "none") if IS_SOAK else ("--generation-deterministic",)),
            # Slowness is no error of the API's.
            *("--request-timeout", str(WAIT_SECONDS), "--suppress-health-check", "all"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    told = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert told is not None, done.stdout[-2000:]
    # Both engines together: more than a thousand.
    assert int(told[1]) == int(told[2]) > 600
    links = re.search(r"API Links: +(\d+) covered", done.stdout)
    assert links is not None, done.stdout[-2000:]
    assert int(links[1]) > 0
    assert "Internal Server Error" not in hotel.portal.log()


@pytest.fixture(scope="module")
def rough(hotel: Hotel) -> Rough:
    return Rough(hotel)


Call = tuple[str, tuple[bytes, ...], dict[str, Any]]


def faults(rough: Rough, hotel: Hotel, calls: Sequence[Call], statuses: set[int]) -> list[str]:
    """Send them, some at a time; returns those that were not refused in the API's shape."""

    def fault(call: Call) -> str:
        name, sent, more = call
        got = rough.send(*sent, **more)
        fine = got.status in statuses and got.is_our_json
        return "" if fine else f"{name}: {got.status} {got.body[:120]!r}"

    with ThreadPoolExecutor(8) as pool:
        found = [told for told in pool.map(fault, calls) if told]
    assert "Internal Server Error" not in hotel.portal.log()
    return found


# Values that JSON, Python or a database stumbles over; none of them is good for any field.
VALUES = {
    "NUL": rb'"a\u0000b"',
    "half a surrogate pair": rb'"\ud800"',
    "two halves the wrong way round": rb'"\udfff\ud800"',
    "no UTF-8": b'"\xff\xfe"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "beyond floats": b"1e999",
    "5000 digits": b"1" * 5000,
    "4000 digits": b"1" * 4000,
    "a long text": b'"' + b"x" * 100_000 + b'"',
    "nested deeply": b"[" * 100_000,
    "nested and closed": b"[" * 5000 + b"]" * 5000,
    "a percent sign": b'"%(seconds)s %s"',
    "the calendar's first day": b'"0001-01-01T00:00:00+14:00"',
    "the calendar's last day": b'"9999-12-31T23:59:59-14:00"',
}
FIELDS = {
    b"issue": (b"offer", b"title", b"count", b"valid_from", b"price_amount", b"terms", b"issuer_uid"),
    b"book": (b"voucher_id", b"slot_id"),
    b"cancel": (b"booking_id", b"voucher_id"),
    b"move": (b"booking_id", b"slot_id"),
    b"redeem": (b"voucher_id", b"code"),
    b"withdraw": (b"voucher_id",),
}
NEEDED = {
    b"book": b'"holder_uid": "guest", "voucher_id": "v-1", "slot_id": "slot-2026-12-05T10:00:00Z", ',
    b"move": b'"booking_id": "b-1", "slot_id": "slot-2026-12-05T10:00:00Z", ',
}


@pytest.mark.sample
def test_values_that_are_none_are_refused_in_every_field(hotel: Hotel, rough: Rough) -> None:
    calls: list[Call] = [
        (
            f"{name} as {field!r} of {verb!r}",
            (
                b"POST",
                b"/api/voucher/" + verb,
                b"{" + NEEDED.get(verb, b"") + b'"' + field + b'": ' + value + b"}",
            ),
            {},
        )
        for verb, fields in FIELDS.items()
        for field in fields
        for name, value in VALUES.items()
    ]
    assert faults(rough, hotel, calls, {400, 403, 404, 422}) == []


def test_bodies_and_lengths_that_lie_are_refused(hotel: Hotel, rough: Rough) -> None:
    body = b'{"voucher_id": "v-1"}'
    calls: list[Call] = []
    for verb in WRITES:
        path = b"/api/voucher/" + verb
        bodies = (
            b"",
            b"{",
            b"\xff\xfe",
            b"\x00" * 100,
            b"[]",
            b"null",
            b"\xef\xbb\xbf{}",
            body.decode().encode("utf-16"),
        )
        calls += [(f"{verb!r} {sent[:10]!r}", (b"POST", path, sent), {}) for sent in bodies]
        kinds = (
            b"",
            b"text/plain",
            b"multipart/form-data",
            b"application/jsonx",
            b"\xff\xfe",
            JSON + b", text/plain",
        )
        calls += [(f"{verb!r} {kind!r}", (b"POST", path, body), {"kind": kind}) for kind in kinds]
        charsets = (b"rot13", b"utf-16", b"hex", b'"')
        calls += [
            (f"{verb!r} {name!r}", (b"POST", path, b"{"), {"kind": JSON + b"; charset=" + name})
            for name in charsets
        ]
        large = b'{"reason": "' + b"x" * 600_000 + b'"}'
        calls += [
            (f"{verb!r} too large", (b"POST", path, large), {}),
            (f"{verb!r} shorter than said", (b"POST", path, body[:-1]), {"length": b"5000"}),
            (f"{verb!r} longer than said", (b"POST", path, body), {"length": b"5"}),
            (f"{verb!r} endless", (b"POST", path, body), {"length": b"9" * 20}),
            (
                f"{verb!r} in chunks of too much",
                (
                    b"POST",
                    path,
                    b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large),
                    b"Transfer-Encoding: chunked",
                ),
                {"length": b""},
            ),
        ]
        keys = (b"", b"a b", b"\xc3\xa9", b"x" * 256)
        calls += [
            (f"{verb!r} key {key[:9]!r}", (b"POST", path, body, b"Idempotency-Key: " + key), {})
            for key in keys
        ]
    assert faults(rough, hotel, calls, {400, 411, 413, 415}) == []


QUERIES = (
    b"%00",
    b"a%00b",
    b"%ff",
    b"%ed%a0%80",
    b"-1",
    b"1e3",
    b"9" * 3000,
    b"%D9%A3",
    b"0001-01-01",
    b"x" * 3000,
)
NAMES = {
    b"voucher/list": (b"limit", b"status", b"valid_on"),
    b"voucher/bookings": (b"limit", b"status", b"from", b"until"),
    b"slots/available": (b"voucher_id", b"from", b"until"),
    b"slots/calendar": (b"voucher_id", b"month"),
    b"events": (b"limit", b"after"),
}


def test_addresses_and_queries_that_are_none_are_refused(hotel: Hotel, rough: Rough) -> None:
    calls: list[Call] = [
        (
            f"{path!r} {name!r}={value[:12]!r}",
            (b"GET", b"/api/%b?voucher_id2=1&%b=%b" % (path, name, value)),
            {},
        )
        for path, names in NAMES.items()
        for name in names
        for value in QUERIES
        if (name, value) != (b"valid_on", b"0001-01-01")
    ]
    tails = (
        b"%00",
        b"%2f",
        b"a%2fb",
        b"%2e%2e",
        b"..",
        b"%ff",
        b"%0d%0aX:y",
        b";a=b",
        b"%",
        b"x" * 3000,
    )
    calls += [(f"id {tail[:9]!r}", (b"GET", b"/api/voucher/v-1" + tail), {}) for tail in tails]
    for path in (*READS, *(b"voucher/" + verb for verb in WRITES)):
        methods = (b"DELETE", b"PUT", b"PATCH", b"OPTIONS", b"TRACE", b"BREW")
        calls += [(f"{method!r} {path!r}", (method, b"/api/" + path), {}) for method in methods]
    calls += [(f"{path!r} twice", (b"GET", b"/api/" + path + b"?a=1&a=1"), {}) for path in READS]
    assert faults(rough, hotel, calls, {400, 404, 405, 422}) == []


def test_addresses_that_are_too_long_are_refused_as_described(hotel: Hotel, rough: Rough) -> None:
    description = json.loads(rough.send(b"GET", b"/api/openapi.json").body)
    reads = [path for path, verbs in description["paths"].items() if "get" in verbs]
    assert len(reads) > len(READS)
    for path in reads:
        got = rough.send(b"GET", f"{path}?limit={'9' * 5000}".encode())
        assert got.status == 414, path
        assert "414" in description["paths"][path]["get"]["responses"], path


def test_headers_that_are_none_are_refused(hotel: Hotel, rough: Rough) -> None:
    keys = (b"", b"\xff\x80", b"hvp_\xff", b"hvp_" + b"x" * 8000, b"hvp_%s%(a)s", b"' OR '1'='1")
    names = (b"X-TS-APIKEY: ", b"Authorization: Bearer ", b"Authorization: Basic ", b"X_TS_APIKEY: ")
    calls: list[Call] = [
        (f"{name!r} {key[:9]!r} {path!r}", (b"GET", b"/api/" + path, b"", name + key), {"has_key": False})
        for path in READS
        for name in names
        for key in keys
    ]
    hosts = (b"evil.example", b"127.0.0.1:x", b"[::1", b"\xff", b"a b", b"127.0.0.1@evil", b"127.0.0.1, evil")
    calls += [
        (f"{host!r} {path!r}", (b"GET", b"/api/" + path), {"host": host}) for path in READS for host in hosts
    ]
    more = (rb'Cookie: sessionid="a\000b"', rb'Cookie: guest="\000"')
    calls += [
        (f"{header!r} {path!r}", (b"GET", b"/api/" + path, b"", header), {})
        for path in READS
        for header in more
    ]
    assert faults(rough, hotel, calls, {400, 401}) == []


def test_of_two_keys_the_first_header_is_the_one_that_counts(hotel: Hotel, rough: Rough) -> None:
    good = hotel.clerk.ask("key").encode()
    path = b"/api/voucher/list"
    both = rough.send(
        b"GET", path, b"", b"X-TS-APIKEY: hvp_wrong", b"Authorization: Bearer " + good, has_key=False
    )
    assert both.status == 401
    other = rough.send(
        b"GET", path, b"", b"X-TS-APIKEY: " + good, b"Authorization: Bearer wrong", has_key=False
    )
    assert other.status == 200
    twice = rough.send(b"GET", path, b"", b"X-TS-APIKEY: " + good)
    assert twice.status == 401


# The last of all: what is stored and cannot be shown would spoil every list after it.
@pytest.mark.parametrize("depth", [20, 100, 253, 300, 900])
def test_terms_are_stored_and_shown_or_refused_however_deep(hotel: Hotel, rough: Rough, depth: int) -> None:
    terms = b'{"a":' * depth + b"1" + b"}" * depth
    dates = b'"valid_from":"2026-12-01T00:00:00Z","valid_until":"2026-12-30T00:00:00Z"'
    body = b'{"title":"Deep","holder_uid":"deep",' + dates + b',"terms":' + terms + b"}"
    issued = rough.send(b"POST", b"/api/voucher/issue", body)
    assert issued.status in (200, 400, 422)
    assert rough.send(b"GET", b"/api/voucher/list?holder_uid=deep").status == 200
