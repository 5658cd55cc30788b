"""The command that writes bookings out."""

import csv
import io
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bookings.domain import cancel_booking
from bookings.management.commands.export_bookings import COLUMNS
from bookings.models import Booking
from tests.checks import unchanged
from tests.make import HOTEL_SYSTEM, NOW, make_booking, make_hotel, make_voucher
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db

HEADING = ",".join(f'"{name}"' for name in COLUMNS) + "\n"
ROOT = Path(__file__).resolve().parent.parent.parent


def export(*arguments: object) -> list[dict[str, str]]:
    """Run the command; returns the rows that it wrote to stdout."""
    out = io.StringIO()
    with unchanged():
        call_command("export_bookings", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_without_bookings_there_is_a_heading() -> None:
    out = io.StringIO()
    call_command("export_bookings", stdout=out)
    assert out.getvalue() == HEADING


def test_a_booking_is_a_row_with_times_in_utc() -> None:
    booking = make_booking(name="Ann Visser", email="ann@guest.example", note="By the window")
    assert export() == [
        {
            "id": booking.pk,
            "voucher_id": booking.voucher_id,
            "issuer_uid": "hotel-a",
            "holder_uid": booking.holder_uid,
            "slot_id": "slot-2026-03-03T08:00:00Z",
            "slot_start": "2026-03-03T08:00:00Z",
            "slot_end": "2026-03-03T09:00:00Z",
            "status": "booked",
            "cancel_reason": "",
            "created_at": "2026-03-02T08:00:00Z",
            "cancelled_at": "",
            "guest_name": "Ann Visser",
            "guest_email": "ann@guest.example",
            "guest_note": "By the window",
        }
    ]


def test_a_cancelled_booking_says_when_and_why() -> None:
    booking = make_booking()
    cancel_booking(booking_id=booking.pk, by=HOTEL_SYSTEM, now=NOW + timedelta(hours=1), reason="Ill")
    (row,) = export()
    assert (row["status"], row["cancel_reason"]) == ("cancelled", "Ill")
    assert row["cancelled_at"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://evil.example\")"]
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_written_as_text(text: str) -> None:
    make_booking(name=text, note=text)
    (row,) = export()
    assert (row["guest_name"], row["guest_note"]) == (f"'{text}", f"'{text}")


@pytest.mark.parametrize(
    "text", ['Ann "the" Visser', "a,b", "two\nlines", "two\r\nlines", "one\rline", "Ann 🚤", "שלום", "1-2"]
)
def test_other_texts_are_written_as_they_are(text: str) -> None:
    make_booking(note=text)
    assert export()[0]["guest_note"] == text


@pytest.fixture
def several() -> dict[str, Booking]:
    """Bookings of two hotels on three days, one of them cancelled."""
    other = make_voucher(hotel=make_hotel("hotel-b"))
    days = {"first": 1, "second": 2, "third": 3}
    found = {name: make_booking(start=NOW + timedelta(days=day)) for name, day in days.items()}
    found["other"] = make_booking(other, start=NOW + timedelta(days=2))
    cancel_booking(booking_id=found["third"].pk, by=HOTEL_SYSTEM, now=NOW)
    return found


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], "first second third other"),
        (["--hotel", "hotel-b"], "other"),
        (["--status", "cancelled"], "third"),
        (["--status", "booked", "--hotel", "hotel-a"], "first second"),
        (["--from", "2026-03-04"], "second third other"),
        (["--until", "2026-03-04"], "first second other"),
        (["--from", "2026-03-04", "--until", "2026-03-04"], "second other"),
        (["--from", "2026-03-05", "--until", "2026-03-04"], ""),
        (["--from", "0001-01-01", "--until", "9999-12-31"], "first second third other"),
    ],
    ids=str,
)
def test_filters_narrow_what_is_written(
    several: dict[str, Booking], arguments: list[str], names: str
) -> None:
    assert {row["id"] for row in export(*arguments)} == {several[name].pk for name in names.split()}


@pytest.mark.parametrize(
    "arguments",
    [["--status", "consumed"], ["--from", "2026-02-30"], ["--until", "tomorrow"], ["--from", "10000-01-01"]],
)
def test_filters_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="argument --"):
        call_command("export_bookings", *arguments)


def test_a_file_holds_the_same_as_stdout_and_nothing_is_left_beside_it(
    tmp_path: Path, several: dict[str, Booking]
) -> None:
    path, out, err = tmp_path / "bookings.csv", io.StringIO(), io.StringIO()
    call_command("export_bookings", "--output", str(path), stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert err.getvalue() == f"4 bookings written to {path}.\n"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == export()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "bookings.csv"
    path.write_text("old")
    call_command("export_bookings", "--output", str(path), stderr=io.StringIO())
    assert path.read_text().startswith(HEADING)


@pytest.mark.parametrize("name", ["missing/bookings.csv", "file/bookings.csv", ".", "..", "folder"])
def test_a_file_that_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CommandError, match="Cannot write"):
        call_command("export_bookings", "--output", str(tmp_path / name))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_is_no_name_of_a_file_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="Cannot write"):
        call_command("export_bookings", f"--output={name}")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_is_whole_or_not_there(
    tmp_path: Path, several: dict[str, Booking], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "bookings.csv"
    path.write_text("old")

    def broken(*_arguments: Any) -> str:
        raise error

    monkeypatch.setattr("bookings.management.commands.export_bookings._cell", broken)
    with pytest.raises((CommandError, KeyboardInterrupt)):
        call_command("export_bookings", "--output", str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_memory_stays_flat_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    make_booking()
    sizes: list[int] = []
    real = Booking.objects.all().__class__.iterator

    def noting(self: Any, chunk_size: int) -> Any:
        sizes.append(chunk_size)
        return real(self, chunk_size=chunk_size)

    monkeypatch.setattr(Booking.objects.all().__class__, "iterator", noting)
    export()
    assert sizes == [2000]


def run(command: str, database: str) -> "subprocess.CompletedProcess[str]":
    """Run a command line of the shell with manage.py on a database."""
    env = {**os.environ, "DATABASE_URL": database, "SECRET_KEY": "x" * 50, "PLAIN_HTTP": "1"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        env={**env, "PY": sys.executable, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_SECONDS,
    )


def _fields(booking: Booking) -> dict[str, Any]:
    return {field.attname: getattr(booking, field.attname) for field in Booking._meta.concrete_fields}


@pytest.mark.parametrize("number", [1, 150])
def test_a_reader_that_has_read_enough_ends_the_export_without_a_word(tmp_path: Path, number: int) -> None:
    # 150 rows are more than a pipe holds: the writer is still writing when its reader goes.
    if connection.vendor != "sqlite":
        pytest.skip("the other process reads a copy of the database's file")
    first = make_booking(note="x" * 500)
    cancel_booking(booking_id=first.pk, by=HOTEL_SYSTEM, now=NOW)
    first.refresh_from_db()
    Booking.objects.bulk_create(
        Booking(**{**_fields(first), "id": f"b-{number}"}) for number in range(number)
    )
    path = tmp_path / "copy.sqlite3"
    path.write_bytes(connection.connection.serialize())
    done = run("$PY manage.py export_bookings | head -1", f"sqlite:///{path}")
    assert done.stdout == HEADING
    assert done.stderr == ""


def test_a_slot_in_another_zone_is_written_in_utc() -> None:
    hotel = make_hotel("hotel-k", time_zone="Asia/Kathmandu")
    booking = make_booking(make_voucher(hotel=hotel))
    assert export()[0]["slot_start"] == "2026-03-03T08:00:00Z"
    assert booking.slot_start == datetime.fromisoformat(export()[0]["slot_start"])


def test_a_hotel_that_does_not_exist_is_refused_instead_of_exporting_nothing() -> None:
    make_booking()
    with pytest.raises(CommandError, match="no hotel 'hotel-typo'"):
        call_command("export_bookings", hotel="hotel-typo")
