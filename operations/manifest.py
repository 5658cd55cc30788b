"""What a database holds, in few words: written beside a backup, and compared with what was restored."""

from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.utils import IntegrityError

from bookings import guards
from portal.version import VERSION

FORMAT = 1


def manifest_of(connection: BaseDatabaseWrapper, now: datetime) -> dict[str, Any]:
    """Return how many rows each table has, which migrations are applied, and where the journal ends.

    For one moment only if the caller's transaction sees one moment.
    """
    return {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "version": VERSION,
        "engine": connection.vendor,
        "tables": _counts(connection),
        "migrations": _applied(connection),
        "journal": _journal(connection),
    }


def faults(connection: BaseDatabaseWrapper, told: dict[str, Any]) -> list[str]:
    """Return, in words, where a database is not what a manifest tells, or is not in order; none is good.

    Rows of all tables are counted, keys and constraints looked through, the journal's positions
    checked for gaps, and the database's own guards for their presence.
    """
    found = []
    counts = _counts(connection)
    # Earlier versions counted what SQLite keeps for itself as well.
    told_counts = {table: rows for table, rows in told["tables"].items() if not _is_own(table)}
    for table in sorted(counts.keys() | told_counts.keys()):
        had, has = told_counts.get(table), counts.get(table)
        if had != has:
            found.append(f"{table} has {_number(has)} and had {_number(had)} when it was backed up")
    if _applied(connection) != told["migrations"]:
        found.append("other migrations are applied than when it was backed up")
    journal = _journal(connection)
    if journal != told["journal"]:
        found.append(f"the journal ends at {journal}, and ended at {told['journal']}")
    return [*found, *disorders(connection)]


def disorders(connection: BaseDatabaseWrapper) -> list[str]:
    """Return, in words, what is wrong with a database by itself."""
    journal = _journal(connection)
    found = []
    if journal["numbered"] != journal["last"] or journal["last"] != journal["end"]:
        found.append(f"the journal has gaps: {journal}")
    try:
        connection.check_constraints()
    except IntegrityError as error:
        # A key and two tables: nothing of a row but its number.
        found.append(str(error))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA quick_check")
            found += [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
        else:
            cursor.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE NOT convalidated"
            )
            found += [f"{table}: {name} was never validated" for table, name in cursor.fetchall()]
    if not guards.is_installed(connection):
        found.append("the guard of places is missing: run manage.py migrate")
    return found


def unknown_migrations(told: dict[str, Any]) -> list[str]:
    """Return the migrations of a manifest that this code does not have: it is of a newer version."""
    own = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    return sorted(set(told["migrations"]) - own)


def _number(rows: int | None) -> str:
    return "no table" if rows is None else f"{rows} rows"


def tables_of(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of all tables, in order, without those that the database keeps for itself."""
    return sorted(table for table in connection.introspection.table_names() if not _is_own(table))


def _is_own(table: str) -> bool:
    """Tell whether a table is SQLite's own: it reserves these names, and Django leaves out one of them."""
    return table.startswith("sqlite_")


def _counts(connection: BaseDatabaseWrapper) -> dict[str, int]:
    counts = {}
    with connection.cursor() as cursor:
        for table in tables_of(connection):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - quoted
            counts[table] = int(cursor.fetchone()[0])
    return counts


def _applied(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return sorted(f"{app}.{name}" for app, name in cursor.fetchall())


def _journal(connection: BaseDatabaseWrapper) -> dict[str, int]:
    """Return where the journal ends, the last position, how many have one, and how many events there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE((SELECT position FROM events_journalend WHERE id = 1), 0),"
            " COALESCE(MAX(position), 0), COUNT(DISTINCT position), COUNT(*) FROM events_event"
        )
        end, last, numbered, events = cursor.fetchone()
    return {"end": end, "last": last, "numbered": numbered, "events": events}
