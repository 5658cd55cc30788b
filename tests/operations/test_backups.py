"""Backups: what is refused, what is found, and that nothing half done stays."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bookings import guards
from events.models import JournalEnd
from events.order import number_all_events
from operations import backups
from operations.backups import make_backup, manifest_path, read_manifest, restore_backup, verify
from operations.manifest import disorders, manifest_of
from portal.errors import Rejected
from tests.make import NOW, make_booking, make_voucher


def code_of(error: pytest.ExceptionInfo[Rejected]) -> str:
    return error.value.code


@pytest.fixture
def house(transactional_db: None) -> None:
    """A database that others see, too: pg_dump is another process."""
    make_booking(name="Zoë “Ann” 🛁", email="zoe@guest.example")
    make_voucher()
    number_all_events()


@pytest.fixture
def file(house: None, tmp_path: Path) -> Path:
    return make_backup(tmp_path / "kept", now=NOW)


def test_a_backup_tells_what_is_in_it_and_is_for_its_owner_alone(file: Path) -> None:
    told = read_manifest(file)
    assert told["engine"] == connection.vendor
    assert told["tables"]["bookings_booking"] == 1
    assert told["tables"]["vouchers_voucher"] == 2
    assert told["journal"] == {"end": 3, "last": 3, "numbered": 3, "events": 3}
    assert "bookings.0001_initial" in told["migrations"]
    assert told["version"] == "0.1.0"
    assert b"guest.example" not in manifest_path(file).read_bytes()
    for path in (file, manifest_path(file)):
        assert path.stat().st_mode & 0o077 == 0


def test_a_database_that_is_as_backed_up_has_no_faults_and_any_change_is_one(file: Path) -> None:
    told = read_manifest(file)
    assert verify(told) == []
    make_voucher()
    found = verify(told)
    assert "vouchers_voucher has 3 rows and had 2 rows when it was backed up" in found
    assert any(fault.startswith("the journal ends at") for fault in found)


def test_a_database_with_tables_is_not_restored_into(file: Path) -> None:
    before = manifest_of(connection, NOW)
    with pytest.raises(Rejected) as error:
        restore_backup(file)
    assert code_of(error) == "database_not_empty"
    assert manifest_of(connection, NOW) == before


@pytest.mark.parametrize("damage", [b"x", b""])
def test_a_damaged_file_is_not_restored(file: Path, damage: bytes) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 1] = damage
    file.write_bytes(content)
    with pytest.raises(Rejected) as error:
        restore_backup(file, is_forced=True)
    assert code_of(error) == "backup_damaged"


def test_a_backup_without_its_manifest_is_not_restored(file: Path) -> None:
    manifest_path(file).unlink()
    with pytest.raises(Rejected) as error:
        restore_backup(file, is_forced=True)
    assert code_of(error) == "backup_unreadable"


@pytest.mark.parametrize("change", [{"format": 2}, {"migrations": ["bookings.9999_from_the_future"]}])
def test_a_backup_of_a_newer_version_is_not_restored(file: Path, change: dict[str, Any]) -> None:
    told = json.loads(manifest_path(file).read_text())
    manifest_path(file).write_text(json.dumps({**told, **change}))
    with pytest.raises(Rejected) as error:
        restore_backup(file, is_forced=True)
    assert code_of(error) == "backup_too_new"


def test_a_backup_of_another_engine_is_not_restored(file: Path) -> None:
    told = json.loads(manifest_path(file).read_text())
    manifest_path(file).write_text(json.dumps({**told, "engine": "oracle"}))
    with pytest.raises(Rejected) as error:
        restore_backup(file, is_forced=True)
    assert code_of(error) == "engine_differs"


def test_nothing_is_left_of_a_backup_that_fails(
    house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_settle", full)
    with pytest.raises(OSError, match="No space"):
        make_backup(tmp_path, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_backup_that_is_ended(
    house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_settle", lambda _path: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        call_command("backup", output=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_disk_that_fills_is_told_in_words_and_nothing_is_left(
    house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("pg_dump tells it by itself")

    def fill(file: Path) -> None:
        file.with_name(f"{file.name}-journal").touch()
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("operations.backups.sqlite3.connect", fill)
    with pytest.raises(CommandError, match="disk is full"):
        call_command("backup", output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_backup_has_left_is_removed_by_a_later_one(house: None, tmp_path: Path) -> None:
    left, going_on = (tmp_path / f".portal-{name}.half" for name in ("left", "going-on"))
    for half, age in ((left, timedelta(days=2)), (going_on, timedelta(hours=1))):
        half.touch()
        os.utime(half, ((NOW - age).timestamp(),) * 2)
    make_backup(tmp_path, now=NOW)
    assert not left.exists()
    assert going_on.exists()


def test_a_backup_that_cannot_be_written_is_told_in_words(house: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError):
        call_command("backup", output=tmp_path / "file" / "folder")


# What is wrong by itself


@pytest.mark.django_db
def test_a_gap_in_the_journal_is_found() -> None:
    make_voucher()
    number_all_events()
    assert disorders(connection) == []
    JournalEnd.objects.update(position=2)
    assert disorders(connection) == [
        "the journal has gaps: {'end': 2, 'last': 1, 'numbered': 1, 'events': 1}"
    ]


@pytest.mark.django_db
def test_a_missing_guard_is_found() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER bookings_guard_new_places")
        else:
            cursor.execute("ALTER TABLE bookings_booking DISABLE TRIGGER bookings_guard_places")
    assert not guards.is_installed(connection)
    assert disorders(connection) == ["the guard of places is missing: run manage.py migrate"]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_leads_nowhere_is_found() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets no such key in")
    voucher = make_voucher()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("UPDATE vouchers_voucher SET issuer_uid = 'nobody' WHERE id = %s", [voucher.pk])
        (fault,) = disorders(connection)
        cursor.execute("UPDATE vouchers_voucher SET issuer_uid = %s", [voucher.hotel_id])
        cursor.execute("PRAGMA foreign_keys=ON")
    assert "invalid foreign key" in fault


# SQLite's own


def test_a_file_is_restored_whole_and_the_one_before_it_leaves_nothing(
    file: Path, tmp_path: Path, settings: Any
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("races/test_backups.py restores on PostgreSQL")
    target = tmp_path / "restored.sqlite3"
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).write_bytes(b"of another file")
    with backups.opened(target) as empty:
        told = restore_backup(file, connection=empty)
        assert verify(told, empty) == []
        with empty.cursor() as cursor:
            cursor.execute("DELETE FROM bookings_mail")
        assert len(verify(told, empty)) == 1
        restore_backup(file, connection=empty, is_forced=True)
        assert verify(told, empty) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "restored.sqlite3"]


def test_a_file_that_somebody_uses_is_not_replaced(file: Path, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL replaces its tables in one transaction")
    target = tmp_path / "used.sqlite3"
    with closing(sqlite3.connect(target, isolation_level=None)) as used:
        used.execute("PRAGMA journal_mode=WAL")
        used.execute("CREATE TABLE things (name)")
        with backups.opened(target) as there, pytest.raises(Rejected) as error:
            restore_backup(file, connection=there, is_forced=True)
        assert code_of(error) == "database_in_use"
        used.execute("INSERT INTO things VALUES ('acknowledged')")
    with closing(sqlite3.connect(target)) as later:
        assert later.execute("SELECT name FROM things").fetchall() == [("acknowledged",)]


def test_a_file_that_is_no_database_any_more_is_replaced(file: Path, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the database of PostgreSQL is no file")
    target = tmp_path / "damaged.sqlite3"
    target.write_bytes(b"no database" * 1000)
    with backups.opened(target) as damaged:
        backups._restore_sqlite(file, damaged)
        assert verify(read_manifest(file), damaged) == []


def test_what_sqlite_keeps_for_itself_is_not_counted(file: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("these names are SQLite's")
    # Earlier versions did count it.
    told = read_manifest(file)
    told["tables"]["sqlite_stat1"] = 7
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert verify(told) == []
    assert "sqlite_stat1" not in manifest_of(connection, NOW)["tables"]
