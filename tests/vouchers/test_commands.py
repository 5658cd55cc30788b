"""The commands that issue and expire vouchers."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from events.models import Event
from portal.staging import Stage
from tests.checks import assert_batches_count_true, stored, unchanged
from tests.make import (
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers.models import Batch, Offer, Voucher

pytestmark = pytest.mark.django_db

HEADING = "issuer_uid,title,valid_until"
ROW = "hotel-a,Spa hour,2026-12-31"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a CSV file: lines of text, or bytes as they are."""
    make_hotel()

    def written(*lines: str, content: bytes | None = None) -> Path:
        path = tmp_path / "vouchers.csv"
        path.write_bytes("\n".join(lines).encode() + b"\n" if content is None else content)
        return path

    return written


def rows_of(*rows: dict[str, str]) -> tuple[str, ...]:
    """Return the lines of a file with these rows."""
    text = io.StringIO()
    names = list(
        dict.fromkeys(["issuer_uid", "title", "valid_until", *(name for row in rows for name in row)])
    )
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({"issuer_uid": "hotel-a", "title": "Spa", "valid_until": "2026-12-31", **row})
    return (text.getvalue().rstrip("\n"),)


def issue(*arguments: object) -> tuple[list[str], str]:
    """Run the command at the tests' moment; returns the printed ids, and what it said beside."""
    out, err = io.StringIO(), io.StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("issue_vouchers", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue().split(), err.getvalue()


def refused(*arguments: object) -> str:
    """Run the command, expect that it refuses and stores nothing; returns all that it said."""
    out, err = io.StringIO(), io.StringIO()
    with unchanged(), pytest.raises(CommandError) as error, time_machine.travel(NOW, tick=False):
        call_command("issue_vouchers", *map(str, arguments), stdout=out, stderr=err)
    assert out.getvalue() == ""
    return f"{err.getvalue()}{error.value}"


# From an offer


def test_vouchers_are_issued_on_the_terms_of_an_offer() -> None:
    offer = make_offer(validity_days=10, price_amount=Decimal("12.50"))
    ids, said = issue("--offer", offer.pk, "--count", 3)
    assert sorted(ids) == sorted(Voucher.objects.values_list("pk", flat=True))
    assert said == "3 vouchers issued.\n"
    voucher = Voucher.objects.all()[0]
    assert (voucher.title, voucher.price_amount) == ("Spa hour", Decimal("12.50"))
    assert voucher.valid_until == datetime(2026, 3, 12, 22, 59, 59, tzinfo=UTC)
    assert Batch.objects.get().open_issued == 3


def test_without_a_count_one_voucher_is_issued() -> None:
    assert len(issue("--offer", make_offer().pk)[0]) == 1


def test_vouchers_for_a_holder_are_theirs() -> None:
    issue("--offer", make_offer().pk, "--count", 2, "--holder", GUEST_UID)
    assert {voucher.holder_uid for voucher in Voucher.objects.all()} == {GUEST_UID}
    assert not Batch.objects.exists()


def test_however_many_are_issued_at_once_they_are_one_batch() -> None:
    ids, _said = issue("--offer", make_offer().pk, "--count", 1001)
    assert len(set(ids)) == 1001
    assert Batch.objects.get().open_issued == 1001
    assert_batches_count_true()
    assert Event.objects.filter(type="voucher.issue", actor_id="system:issue_vouchers").count() == 1001


@pytest.mark.parametrize("count", [0, -1, -1000, 100_001, 10**12])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    assert "--count has to be between 1 and 100000." in refused(
        "--offer", make_offer().pk, f"--count={count}"
    )


@pytest.mark.parametrize("offer", ["", "o-unknown", "x" * 300, "🜁"])
def test_an_unknown_offer_is_refused(offer: str) -> None:
    assert "There is no offer" in refused("--offer", offer)


def test_an_offer_that_is_not_active_is_refused() -> None:
    assert "[offer_inactive]" in refused("--offer", make_offer(is_active=False).pk)


@pytest.mark.parametrize("holder", ["x" * 65, "a\x00b", "\ud800"], ids=["long", "nul", "half"])
def test_a_holder_that_cannot_be_stored_is_refused(holder: str) -> None:
    assert "[voucher_invalid]" in refused("--offer", make_offer().pk, f"--holder={holder}")


def test_an_offer_that_is_switched_off_meanwhile_issues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = make_offer()

    def gathered(stage: Stage, rows: list[Any]) -> None:
        Offer.objects.filter(pk=offer.pk).update(is_active=False)
        original(stage, rows)

    original = Stage.add
    monkeypatch.setattr(Stage, "add", gathered)
    assert "[offer_inactive]" in refused("--offer", offer.pk, "--count", 1500)


@pytest.mark.parametrize("more", [["--count", "2"], ["--holder", GUEST_UID]])
def test_options_of_an_offer_are_refused_beside_a_file(write: Write, more: list[str]) -> None:
    assert "go with --offer" in refused("--csv", write(HEADING, ROW), *more)


@pytest.mark.parametrize("arguments", [[], ["--count", "2"], ["--offer", "o-0", "--csv", "x.csv"]])
def test_exactly_one_source_is_needed(arguments: list[str]) -> None:
    refused(*arguments)


# From a file


def test_a_row_is_a_voucher(write: Write) -> None:
    ids, said = issue("--csv", write(HEADING, ROW))
    voucher = Voucher.objects.get(pk=ids[0])
    assert said == "1 vouchers issued.\n"
    assert (voucher.hotel_id, voucher.title, voucher.holder_uid) == ("hotel-a", "Spa hour", "")
    assert voucher.valid_from == NOW
    assert voucher.valid_until == datetime(2026, 12, 31, tzinfo=UTC)


def test_every_column_is_stored(write: Write) -> None:
    make_offer(make_hotel())
    row = {
        "offer": "o-0", "holder_uid": GUEST_UID, "count": "2", "service_type": "hotel.tour",
        "title": "Boat 🚤", "description": "Two\nlines", "duration_minutes": "90",
        "valid_from": "2026-04-01T10:00:00+02:00",
        "valid_until": "2026-05-01T00:00:00Z", "price_amount": "12.5", "price_currency": "USD",
        "transferable": "yes", "terms": '{"Age": "16 and over"}',
    }  # fmt: skip
    issue("--csv", write(*rows_of(row)))
    assert Voucher.objects.count() == 2
    voucher = Voucher.objects.all()[0]
    assert voucher.offer_id == "o-0"
    assert (voucher.title, voucher.description, voucher.duration_minutes) == ("Boat 🚤", "Two\nlines", 90)
    assert voucher.valid_from == datetime(2026, 4, 1, 8, tzinfo=UTC)
    assert voucher.valid_until == datetime(2026, 5, 1, tzinfo=UTC)
    assert (voucher.price_amount, voucher.price_currency) == (Decimal("12.50"), "USD")
    assert (voucher.transferable, voucher.terms) == (True, {"Age": "16 and over"})
    assert (voucher.service_type, voucher.holder_uid) == ("hotel.tour", GUEST_UID)


def test_what_a_row_leaves_out_is_as_the_offer_says(write: Write) -> None:
    make_offer(make_hotel(), transferable=True, terms={"Age": "16"}, price_amount=Decimal(5))
    issue("--csv", write("issuer_uid,offer,title", "hotel-a,o-0,", "hotel-a,o-0,Massage"))
    plain, named = Voucher.objects.order_by("title")
    assert (named.title, plain.title) == ("Spa hour", "Massage")
    assert (plain.transferable, plain.terms, plain.price_amount) == (True, {"Age": "16"}, Decimal(5))


def test_without_a_currency_a_price_is_in_the_hotels(write: Write) -> None:
    make_hotel("hotel-us", default_currency="USD")
    issue("--csv", write(*rows_of({"issuer_uid": "hotel-us", "price_amount": "10"})))
    assert Voucher.objects.get().price_currency == "USD"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("true", True), ("TRUE", True), ("True", True), ("yes", True), ("1", True), ("", True),
        ("false", False), ("FALSE", False), ("No", False), ("0", False),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_as_spreadsheets_write_them(write: Write, word: str, meant: bool) -> None:
    make_offer(make_hotel(), transferable=True)
    issue("--csv", write(*rows_of({"offer": "o-0", "transferable": word})))
    assert Voucher.objects.get().transferable is meant


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfissuer_uid,title,valid_until\nhotel-a,Spa hour,2026-12-31\n",
        b"issuer_uid,title,valid_until\r\nhotel-a,Spa hour,2026-12-31\r\n",
        b"issuer_uid,title,valid_until\rhotel-a,Spa hour,2026-12-31\r",
        b" issuer_uid , title , valid_until \nhotel-a,Spa hour,2026-12-31",
        b'"issuer_uid","title","valid_until"\n"hotel-a","Spa hour","2026-12-31"\n\n\n',
        b"valid_until,issuer_uid,title\n2026-12-31,hotel-a,Spa hour\n",
    ],
    ids=["mark", "crlf", "cr", "spaces", "quotes", "order"],
)
def test_files_are_read_as_spreadsheets_write_them(write: Write, content: bytes) -> None:
    issue("--csv", write(content=content))
    assert Voucher.objects.get().title == "Spa hour"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "issuer_uid is missing"),
        (b"\n\n", "issuer_uid is missing"),
        (b"\xef\xbb\xbf", "issuer_uid is missing"),
        (b"issuer_uid,title,valid_until\n", "has no rows"),
        (b"issuer_uid,title,valid_until\n\n\n", "has no rows"),
        (b"title,valid_until\nSpa,2026-12-31\n", "issuer_uid is missing"),
        (b"issuer_uid,titel,valid_until\nhotel-a,Spa,2026-12-31\n", "Unknown columns: “titel”"),
        (b"issuer_uid,status\nhotel-a,consumed\n", "Unknown columns: “status”"),
        (b"issuer_uid,title,title,valid_until\nhotel-a,A,B,2026-12-31\n", "stands twice"),
        (b"issuer_uid;title;valid_until\nhotel-a;Spa;2026-12-31\n", "Separate the cells with commas"),
        (b"issuer_uid\ttitle\tvalid_until\nhotel-a\tSpa\t2026-12-31\n", "Separate the cells with commas"),
        (b"issuer_uid,title,valid_until\nhotel-a,Sp\x00a,2026-12-31\n", "NUL"),
        (b"issuer_uid,title,valid_until\nhotel-a,Sp\xe4,2026-12-31\n", "not UTF-8"),
        ("issuer_uid,title\n".encode("utf-16"), "not UTF-8"),
        (b"issuer_uid,title,valid_until\nhotel-a,Spa\n", "line 2: not as many cells"),
        (b"issuer_uid,title,valid_until\nhotel-a,Spa,2026-12-31,more\n", "line 2: not as many cells"),
        (b'issuer_uid,title,valid_until\nhotel-a,"Spa,2026-12-31\n', "line 2"),
        (b'issuer_uid,title,valid_until\nhotel-a,"Sp"a,2026-12-31\n', "line 2"),
        (b'"issuer_uid,title\n', "no CSV file"),
        (b"PK\x03\x04\x14\x00", "no workbook"),
        (b"issuer_uid,title,valid_until\nhotel-a," + b"x" * 200_000 + b",2026-12-31\n", "line 2"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_whole(write: Write, content: bytes, words: str) -> None:
    assert words in refused("--csv", write(content=content))


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    assert "Cannot read" in refused("--csv", tmp_path / name)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"issuer_uid": "hotel-b"}, "issuer_uid"),
        ({"issuer_uid": ""}, "issuer_uid"),
        ({"title": ""}, "title: Needed for a voucher without an offer."),
        ({"title": "x" * 121}, "title"),
        ({"valid_until": ""}, "valid_until: Needed"),
        ({"valid_until": "2026-02-30"}, "valid_until"),
        ({"valid_until": "31.12.2026"}, "valid_until"),
        ({"valid_until": "2026-03-01"}, "[validity_out_of_range]"),
        ({"valid_until": "9999-12-31"}, "valid_until"),
        ({"valid_until": "9999-12-31T23:59:59-14:00"}, "valid_until"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from"),
        ({"valid_from": "2027-01-01"}, "[validity_out_of_range]"),
        ({"offer": "o-0", "valid_from": "9999-12-31", "valid_until": ""}, "valid_from"),
        ({"offer": "o-0", "valid_from": "2199-12-31", "valid_until": ""}, "[validity_out_of_range]"),
        ({"price_amount": "-1"}, "price_amount"),
        ({"price_amount": "NaN"}, "price_amount"),
        ({"price_amount": "1e99"}, "price_amount"),
        ({"price_amount": "1.005"}, "price_amount"),
        ({"price_amount": "12,50"}, "price_amount"),
        ({"price_currency": "eur"}, "price_currency"),
        ({"price_currency": "€"}, "price_currency"),
        ({"count": "0"}, "count"),
        ({"count": "-5"}, "count"),
        ({"count": "1001"}, "count"),
        ({"count": "1.5"}, "count"),
        ({"count": "many"}, "count"),
        ({"duration_minutes": "0"}, "duration_minutes"),
        ({"duration_minutes": "-60"}, "duration_minutes"),
        ({"duration_minutes": "9999999999999"}, "duration_minutes"),
        ({"offer": "o-0", "duration_minutes": "1441"}, "[voucher_invalid]"),
        ({"offer": "o-unknown"}, "offer"),
        ({"offer": "o-1"}, "[offer_foreign]"),
        ({"transferable": "perhaps"}, "transferable: Write yes or no."),
        ({"terms": "[1]"}, "terms"),
        ({"terms": "5"}, "terms"),
        ({"terms": "0"}, "terms"),
        ({"terms": "false"}, "terms"),
        ({"terms": '""'}, "terms"),
        ({"terms": "{"}, "terms"),
        ({"terms": '{"a": NaN}'}, "[voucher_invalid]"),
        ({"terms": '{"a": "\\u0000"}'}, "[voucher_invalid]"),
        ({"terms": '{"a": "\\ud800"}'}, "[voucher_invalid]"),
        ({"holder_uid": "x" * 65}, "holder_uid"),
        ({"description": "x" * 2001}, "description"),
        ({"service_type": "x" * 61}, "service_type"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_a_voucher_is_named_and_nothing_is_stored(
    write: Write, row: dict[str, str], words: str
) -> None:
    make_offer(make_hotel())
    make_offer(make_hotel("hotel-c"))
    said = refused("--csv", write(*rows_of({"title": "Good one"}, row)))
    assert "row 3: " in said
    assert words in said
    assert "1 rows are refused; nothing was stored." in said


def test_every_refused_row_is_named_by_its_line_in_the_file(write: Write) -> None:
    said = refused(
        "--csv",
        write(
            HEADING,
            ROW,
            "hotel-b,Spa,2026-12-31",
            'hotel-a,"Two\nlines",2026-12-31',
            "hotel-a,,2026-12-31",
            "",
        ),
    )
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("row ")] == ["row 3", "row 6"]
    assert "2 rows are refused" in said


def test_the_same_row_twice_is_refused(write: Write) -> None:
    said = refused("--csv", write(HEADING, ROW, "hotel-a,Other,2026-12-31", ROW))
    assert "row 4: the same as row 2; use the column count for several [row_repeated]" in said


def test_a_cell_that_spans_lines_is_one_row(write: Write) -> None:
    issue(
        "--csv", write("issuer_uid,title,valid_until,description", 'hotel-a,Spa,2026-12-31,"a\r\nb, ""c"""')
    )
    assert Voucher.objects.get().description == 'a\r\nb, "c"'


def test_a_dry_run_checks_everything_and_stores_nothing(write: Write) -> None:
    path = write(*rows_of({"count": "5"}, {"title": "Other"}))
    with unchanged():
        ids, said = issue("--csv", path, "--dry-run")
    assert ids == []
    assert said == "6 vouchers could be issued; nothing was stored.\n"
    assert "row 2" in refused("--csv", write(*rows_of({"count": "x"})), "--dry-run")


def test_a_dry_run_of_an_offer_stores_nothing() -> None:
    offer = make_offer()
    with unchanged():
        assert "3 vouchers could be issued" in issue("--offer", offer.pk, "--count", 3, "--dry-run")[1]


def test_of_a_thousand_rows_none_is_issued_when_the_last_is_refused(write: Write) -> None:
    rows = [{"title": f"Voucher {number}"} for number in range(1005)]
    assert "row 1007" in refused("--csv", write(*rows_of(*rows, {"title": ""})))


def test_more_rows_than_one_file_may_have_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouchers.files.MOST_ROWS", 3)
    rows = [{"title": f"Voucher {number}"} for number in range(4)]
    assert "has more than 3 lines" in refused("--csv", write(*rows_of(*rows)))


def test_a_file_that_is_too_large_is_refused_unread(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouchers.management.commands.issue_vouchers.MOST_BYTES", 10)
    assert "is larger than" in refused("--csv", write(HEADING, ROW))


# Expiry


def expire(now: datetime) -> str:
    """Sweep at a moment; returns what the command said."""
    out = io.StringIO()
    with time_machine.travel(now, tick=False):
        call_command("expire_vouchers", stdout=out)
    return out.getvalue()


def test_what_the_clock_has_ended_is_stored_as_expired_once() -> None:
    ended = make_vouchers(make_offer(), 3, valid_until=NOW + timedelta(days=1))
    lasting = make_voucher(make_offer(), valid_until=NOW + timedelta(days=9))
    later = NOW + timedelta(days=2)
    assert expire(later) == "3 vouchers expired.\n"
    assert set(Voucher.objects.filter(status="expired")) == set(ended)
    assert Voucher.objects.get(pk=lasting.pk).status == "issued"
    assert Event.objects.filter(type="voucher.expire", actor_id="clock").count() == 3
    assert_batches_count_true()
    before = stored()
    assert expire(later) == "0 vouchers expired.\n"
    assert stored() == before


def test_a_booked_voucher_lasts_until_the_day_of_its_slot_is_over() -> None:
    voucher = make_voucher(valid_until=NOW + timedelta(hours=5))
    make_booking(voucher, start=NOW + timedelta(hours=3), holder_uid=OTHER_UID)
    assert expire(NOW + timedelta(hours=6)) == "0 vouchers expired.\n"
    assert expire(NOW + timedelta(hours=15)) == "1 vouchers expired.\n"


def test_more_vouchers_than_one_transaction_takes_all_expire() -> None:
    make_vouchers(make_offer(), 1000, valid_until=NOW + timedelta(days=1))
    make_vouchers(Offer.objects.get(), 200, valid_until=NOW + timedelta(days=1))
    assert expire(NOW + timedelta(days=2)) == "1200 vouchers expired.\n"
    assert_batches_count_true()
