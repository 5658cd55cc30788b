"""Backups of the running database, and restoring them.

A backup is one file, of SQLite or in pg_dump's custom format, and a manifest beside it that tells
what is in it. Both are of one moment: whatever was acknowledged before it began is in it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection as default
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils.translation import gettext_lazy as _

from operations.manifest import FORMAT, faults, manifest_of, tables_of, unknown_migrations
from portal.errors import Conflict, Rejected

_ENDINGS = {"sqlite": "sqlite3", "postgresql": "dump"}
# What is half done for so long is being done by nobody any more: its process was killed.
_LONGEST = timedelta(days=1)


def manifest_path(file: Path) -> Path:
    """Return where the manifest of a backup is."""
    return file.with_name(f"{file.name}.json")


def make_backup(folder: Path, *, now: datetime) -> Path:
    """Write a backup into a folder while the portal goes on; returns its file.

    Nothing is left of one that fails. Raises Rejected("backup_failed").
    """
    vendor = default.vendor
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"portal-{now:%Y%m%dT%H%M%S%fZ}.{_ENDINGS[vendor]}"
    for left in folder.glob(".portal-*.half*"):
        if now.timestamp() - left.stat().st_mtime > _LONGEST.total_seconds():
            left.unlink(missing_ok=True)
    half = file.with_name(f".{file.name}.half")
    # Guests' names are in it: for its owner alone, from the first byte.
    half.touch(mode=0o600)
    try:
        write = _dump_sqlite if vendor == "sqlite" else _dump_postgresql
        manifest = write(half, now)
        manifest |= {"file": file.name, "bytes": half.stat().st_size, "sha256": digest_of(half)}
        _keep(manifest_path(file), json.dumps(manifest, indent=2).encode())
        _settle(half)
        half.rename(file)
        _settle(folder)
    except BaseException:
        # SQLite writes a file of its own beside it.
        for left in folder.glob(f"{half.name}*"):
            left.unlink(missing_ok=True)
        if not file.exists():
            manifest_path(file).unlink(missing_ok=True)
        raise
    return file


def _dump_sqlite(target: Path, now: datetime) -> dict[str, Any]:
    default.ensure_connection()
    try:
        with closing(sqlite3.connect(target)) as copy:
            # All in one step, in one look at the database; writers go on meanwhile.
            default.connection.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Rejected("backup_failed", "%(why)s", why=error) from error
    with opened(target) as connection:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            if cursor.fetchall() != [("ok",)]:
                raise Rejected("backup_failed", "%(why)s", why="the copy does not pass quick_check")
        return manifest_of(connection, now)


def _dump_postgresql(target: Path, now: datetime) -> dict[str, Any]:
    with transaction.atomic(), default.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        # pg_dump sees what this transaction sees, so that the manifest is true of it.
        snapshot = cursor.fetchone()[0]
        _run_postgresql("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={target}")
        return manifest_of(default, now)


def _run_postgresql(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on a database; raises Rejected("backup_failed") with what it says."""
    connection: Any = default
    of_psql, env = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    # What psql is told at the end is the database's name; the rest is the same for all programs.
    *where, database = of_psql[1:]
    if shutil.which(program) is None:
        raise Rejected("backup_failed", "%(why)s", why=f"{program} is not installed here")
    done = subprocess.run(  # noqa: S603 - a program by its name, arguments of ours
        [program, *where, f"--dbname={database}", *arguments],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Rejected("backup_failed", "%(why)s", why=f"{program}: {done.stderr.strip()[-500:]}")


def read_manifest(file: Path) -> dict[str, Any]:
    """Return the manifest of a backup after comparing the file with it.

    Raises Rejected("backup_unreadable" | "backup_damaged" | "backup_too_new").
    """
    try:
        told: dict[str, Any] = json.loads(manifest_path(file).read_bytes())
        size = file.stat().st_size
    except (OSError, ValueError) as error:
        raise Rejected(
            "backup_unreadable", _("There is no backup with its manifest here: %(why)s"), why=error
        ) from error
    if told.get("format") != FORMAT or unknown_migrations(told):
        raise Rejected("backup_too_new", _("This backup is of a newer version of the portal."))
    if size != told["bytes"] or digest_of(file) != told["sha256"]:
        raise Rejected("backup_damaged", _("The file is not the one that was backed up: its digest differs."))
    return told


def restore_backup(
    file: Path, *, is_forced: bool = False, connection: BaseDatabaseWrapper | None = None
) -> dict[str, Any]:
    """Put a backup into the empty database of the settings; returns its manifest.

    With `is_forced` it takes the place of what is there: of SQLite the file, of PostgreSQL the
    tables, in one transaction. Nothing is changed by a restore that fails.

    Raises what `read_manifest` raises, Rejected("engine_differs"), Conflict("database_not_empty"), and,
    of SQLite, Conflict("database_in_use").
    """
    told = read_manifest(file)
    connection = connection or default
    if told["engine"] != connection.vendor:
        raise Rejected(
            "engine_differs",
            _("This is a backup of %(had)s, and DATABASE_URL names %(has)s."),
            had=told["engine"],
            has=connection.vendor,
        )
    if tables_of(connection) and not is_forced:
        raise Conflict(
            "database_not_empty", _("The database has tables. Restore into an empty one, or add --force.")
        )
    if connection.vendor == "sqlite":
        _restore_sqlite(file, connection)
    else:
        connection.close()
        clean = ["--clean", "--if-exists"] if is_forced else []
        _run_postgresql(
            "pg_restore",
            *("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", *clean),
            str(file),
        )
    return told


def _restore_sqlite(file: Path, connection: BaseDatabaseWrapper) -> None:
    target = Path(str(connection.settings_dict["NAME"]))
    connection.close()
    half = target.with_name(f".{target.name}.half")
    half.touch(mode=0o600)
    try:
        shutil.copyfile(file, half)
        _settle(half)
        _take_in(target)
        # What the old file had not yet taken in belongs to no other.
        for ending in ("-wal", "-shm"):
            target.with_name(target.name + ending).unlink(missing_ok=True)
        half.rename(target)
        _settle(target.parent)
    finally:
        half.unlink(missing_ok=True)


def _take_in(target: Path) -> None:
    """Let a file of SQLite be alone and whole; what others store in it later would be lost with it.

    Leaving the journal beside it is possible for the last who uses it. Raises Conflict("database_in_use").
    """
    try:
        with closing(sqlite3.connect(target)) as old:
            old.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Conflict(
                "database_in_use",
                _("Somebody still uses the database. End all web servers and workers first."),
            ) from error
    except sqlite3.DatabaseError:
        # A file that cannot be read any more may well be why another takes its place.
        pass


def verify(told: dict[str, Any], connection: BaseDatabaseWrapper | None = None) -> list[str]:
    """Return, in words, where the database is not what a backup's manifest tells; none is good."""
    return faults(connection or default, told)


@contextmanager
def opened(file: Path) -> Iterator[BaseDatabaseWrapper]:
    """Open a file of SQLite as Django does, beside the database of the settings.

    Through Django, since a constraint reckons with a function that it brings along.
    """
    options: dict[str, Any] = {**default.settings_dict, "NAME": str(file), "OPTIONS": {}}
    connection = DatabaseWrapper(options, alias="backup_copy")
    try:
        yield connection
    finally:
        connection.close()


def digest_of(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _keep(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
    _settle(file)


def _settle(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
