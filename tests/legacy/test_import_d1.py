"""Bringing the earlier system's database over: everything that is sound, a reason for everything else."""

import csv
import sqlite3
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Q
from django.test import Client

from bookings.models import Booking
from events.models import Event
from tests.legacy.d1_file import booked, booking, broken, dump, event, sound, voucher, write
from vouchers.models import Batch, Hotel, Voucher
from vouchers.states import Status

pytestmark = pytest.mark.django_db
MODELS: tuple[Any, ...] = (Hotel, Batch, Voucher, Booking, Event)


def told(path: Path) -> dict[tuple[str, str], str]:
    """Return what the report says: the code of each refused row."""
    report = path.with_name(f"{path.name}.refused.csv")
    if not report.exists():
        return {}
    with report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["reason"] for row in rows)
    return {(row["table"], row["id"]): row["code"] for row in rows}


def numbers(capsys: Any) -> dict[str, tuple[int, int, int]]:
    found = {}
    for line in capsys.readouterr().err.splitlines():
        words = line.replace(",", "").split()
        if len(words) == 8 and words[2] == "imported":
            found[words[0].rstrip(":")] = (int(words[1]), int(words[3]), int(words[6]))
    return found


def assert_whole() -> None:
    """Check what holds of every database of the portal."""
    for batch in Batch.objects.all():
        counted = Counter(Voucher.objects.filter(batch=batch, holder_uid="").values_list("status", flat=True))
        for status in (Status.ISSUED, Status.CONSUMED, Status.CANCELLED, Status.EXPIRED):
            assert getattr(batch, f"open_{status}") == counted[status]
    assert not Voucher.objects.filter(holder_uid="", batch=None).exists()
    live = Count("bookings", filter=Q(bookings__status="booked"))
    assert not Voucher.objects.filter(status="booked").annotate(live=live).exclude(live=1).exists()


def test_everything_that_is_sound_comes_over_as_it_is(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "old.sqlite3"
    held = voucher(1, holder_uid="guest-1", title="Spa – ☕", terms='{"a": [1]}', price_amount=None)
    row = booked(2, transferable=1)
    rows = [
        ("vouchers", held, None),
        ("vouchers", row, None),
        ("vouchers", voucher(3, status="consumed", holder_uid="guest-3"), None),
        ("vouchers", voucher(4, status="expired"), None),
        ("vouchers", voucher(5), None),
        ("vouchers", voucher(6, created_at="2026-03-02"), None),
        ("voucher_bookings", booking(2, row), None),
        ("events", event(1, held), None),
        ("events", event(2, held, subject_type="user", subject_id="somebody"), None),
    ]
    write(path, iter(rows))
    call_command("import_d1", str(path))
    assert told(path) == {}
    assert numbers(capsys) == {"vouchers": (6, 0, 0), "voucher_bookings": (1, 0, 0), "events": (2, 0, 0)}
    assert_whole()
    stored = Voucher.objects.get(pk=held["id"])
    assert (stored.title, stored.terms, stored.price_amount) == ("Spa – ☕", {"a": [1]}, None)
    assert (stored.hotel.time_zone, stored.hotel.name) == ("UTC", "user_1")
    found = Booking.objects.get()
    assert (found.voucher.status, found.voucher.transferable, found.holder_uid) == ("booked", True, "guest-2")
    assert str(found.voucher.price_amount) == "99.99"
    assert Event.objects.get(pk="e-old000001-abc").issuer_uid == "user_1"
    assert Event.objects.get(pk="e-old000002-abc").issuer_uid == ""
    imported = Counter(Event.objects.values_list("type", flat=True))
    assert (imported["voucher.import"], imported["booking.import"]) == (6, 1)
    page = Client().get("/").content.decode()
    assert "Unbenannter Service" in page


def test_every_broken_row_is_refused_with_its_reason_and_the_rest_comes_over(
    tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "old.sqlite3"
    expected = write(path, chain(sound(60, 20), broken(1)))
    call_command("import_d1", str(path))
    assert told(path) == expected
    first = numbers(capsys)
    assert first["vouchers"][0] == Voucher.objects.count() > 60
    assert first["voucher_bookings"][0] == Booking.objects.count() > 20
    assert_whole()


def test_a_second_run_changes_nothing(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "old.sqlite3"
    expected = write(path, chain(sound(40, 10), broken(1)))
    call_command("import_d1", str(path))
    first = numbers(capsys)
    before = [
        list(model.objects.order_by("pk").values()) for model in (Hotel, Batch, Voucher, Booking, Event)
    ]
    call_command("import_d1", str(path))
    after = [list(model.objects.order_by("pk").values()) for model in MODELS]
    assert before == after
    assert numbers(capsys) == {
        table: (0, stored, refused) for table, (stored, _there, refused) in first.items()
    }
    assert told(path) == expected


def test_a_dry_run_says_the_same_and_stores_nothing(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "old.sqlite3"
    expected = write(path, chain(sound(40, 10), broken(1)))
    call_command("import_d1", str(path), dry_run=True)
    dry = numbers(capsys)
    assert told(path) == expected
    assert not any(model.objects.exists() for model in MODELS)
    call_command("import_d1", str(path))
    assert numbers(capsys) == dry


def test_a_dump_is_as_good_as_its_database(tmp_path: Path, capsys: Any) -> None:
    path, text = tmp_path / "old.sqlite3", tmp_path / "old.sql"
    write(path, sound(30, 10))
    dump(path, text)
    call_command("import_d1", str(text))
    assert numbers(capsys)["vouchers"] == (30, 0, 0)
    call_command("import_d1", str(path))
    assert numbers(capsys)["vouchers"] == (0, 30, 0)


def test_an_id_that_is_there_of_something_else_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "a.sqlite3", tmp_path / "b.sqlite3"
    write(first, iter([("vouchers", voucher(1), None)]))
    write(second, iter([("vouchers", voucher(1, title="Other"), None)]))
    call_command("import_d1", str(first))
    call_command("import_d1", str(second))
    assert told(second) == {("vouchers", voucher(1)["id"]): "row_differs"}
    assert Voucher.objects.get().title == "Unbenannter Service"


def test_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    write(path, iter([("vouchers", voucher(1), None), ("vouchers", voucher(1), None)]))
    call_command("import_d1", str(path))
    assert told(path) == {("vouchers", voucher(1)["id"]): "row_repeated"}
    assert Voucher.objects.count() == 1


@pytest.mark.parametrize("row_id", ["=1+1", "@x", None, 5, b"\xff", "x" * 300])
def test_an_id_that_is_none_is_reported_harmlessly(tmp_path: Path, row_id: Any) -> None:
    path = tmp_path / "old.sqlite3"
    write(path, iter([("vouchers", voucher(1, id=row_id), None)]))
    call_command("import_d1", str(path))
    ((_table, reported),) = told(path)
    assert reported[0] not in "=+-@"
    assert not Voucher.objects.exists()


@pytest.mark.parametrize(
    "script",
    [
        "ATTACH DATABASE '/etc/passwd' AS other;",
        "SELECT load_extension('x');",
        "CREATE TABLE a (b); DROP TABLE a;",
        "PRAGMA writable_schema = 1;",
        "no sql at all",
        "SELECT writefile('x', 'y');",
    ],
)
def test_a_dump_that_does_more_is_refused(tmp_path: Path, script: str) -> None:
    path = tmp_path / "old.sql"
    path.write_text(script)
    with pytest.raises(CommandError, match="no dump of tables"):
        call_command("import_d1", str(path))


def test_what_is_no_such_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 100)
    (tmp_path / "torn").write_bytes(b"SQLite format 3\x00" + b"\x00" * 50)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE guests (id)").connection.close()
    poor = sqlite3.connect(tmp_path / "poor")
    poor.execute("CREATE TABLE vouchers (id)")
    poor.close()
    for name in ("missing", ".", "empty", "binary", "torn", "other", "poor"):
        with pytest.raises(CommandError):
            call_command("import_d1", str(tmp_path / name))


# More rows than are read at once.
def test_what_comes_in_portions_comes_over_whole_and_once(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "old.sqlite3"
    expected = write(path, chain(sound(1200, 600), broken(2)))
    call_command("import_d1", str(path))
    assert_came_over_once(path, expected, 1200, capsys)


@pytest.mark.soak
def test_a_large_database_comes_over_in_less_than_two_minutes(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "old.sqlite3"
    expected = write(path, chain(sound(49_500, 14_850), broken(12)))
    began = time.monotonic()  # noqa: TID251
    call_command("import_d1", str(path))
    assert time.monotonic() - began < 120  # noqa: TID251
    assert_came_over_once(path, expected, 49_500, capsys)


def assert_came_over_once(path: Path, expected: dict[tuple[str, str], str], number: int, capsys: Any) -> None:
    """Check what an import has done, and that another finds nothing to do."""
    assert told(path) == expected
    first = numbers(capsys)
    assert first["vouchers"][0] > number
    call_command("import_d1", str(path))
    assert {table: new for table, (new, _there, _refused) in numbers(capsys).items()} == {
        "vouchers": 0,
        "voucher_bookings": 0,
        "events": 0,
    }
    assert_whole()
