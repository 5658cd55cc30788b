"""Moving a living installation from SQLite to PostgreSQL, with nothing lost.

The source's write lock is held from the first row that is read until the source is closed: its
tables then refuse every write, and processes that still use it answer 503. Whatever was acknowledged
is in the target; whatever comes after is acknowledged by nobody.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import dj_database_url
from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model
from django.db.models.sql import InsertQuery
from django.utils.translation import gettext_lazy as _

from operations.manifest import disorders, tables_of
from portal.errors import Conflict, Rejected
from portal.outages import MOVED

SOURCE, TARGET = "default", "moving_to"
_ROWS_AT_ONCE = 500
_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Copied:
    """A table as it is on both sides: its rows, and a digest of what is in them."""

    table: str
    rows: int
    digest: str


def move_database(url: str, *, tell: Callable[[Copied], None]) -> list[Copied]:
    """Copy everything to the empty database at `url`, compare row by row, and close the source.

    When anything fails or differs, no row is moved and the source is as it was; the target may be left with
    tables that are empty, and is not taken again.

    Raises Rejected("source_not_sqlite" | "target_not_postgresql" | "target_unreachable" |
    "migrations_missing" | "table_unknown" | "row_refused" | "copy_differs"), and
    Conflict("target_not_empty").
    """
    _prepare_source()
    _prepare_target(url)
    try:
        # The source's lock first, and let go last: the target is committed before the source is closed.
        with transaction.atomic(using=SOURCE), transaction.atomic(using=TARGET):
            models = _models()
            _empty_target(models)
            copied = []
            for model in models:
                copied.append(_copied(model))
                tell(copied[-1])
            _finish_target(models)
            _close_source()
    finally:
        connections[TARGET].close()
    return copied


def reopen() -> int:
    """Let the source be written again; returns how many tables had been closed."""
    with transaction.atomic(using=SOURCE), connections[SOURCE].cursor() as cursor:
        cursor.execute(
            f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '{MOVED}%%'"  # noqa: S608
        )
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP TRIGGER {_quoted(name)}")
    return len(names) // len(_WRITES)


def _prepare_source() -> None:
    source = connections[SOURCE]
    if source.vendor != "sqlite":
        raise Rejected("source_not_sqlite", _("DATABASE_URL names no SQLite database: nothing is moved."))
    executor = MigrationExecutor(source)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Rejected("migrations_missing", _("Run manage.py migrate on the old database first."))
    known = {model._meta.db_table for model in _models()} | {"django_migrations"}
    if unknown := sorted(set(tables_of(source)) - known):
        raise Rejected(
            "table_unknown", _("Nobody knows what these tables are: %(tables)s."), tables=", ".join(unknown)
        )


def _prepare_target(url: str) -> None:
    """Make the tables in the target."""
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise Rejected("target_not_postgresql", _("This is no address of a database.")) from error
    if not str(parsed["ENGINE"]).endswith("postgresql"):
        raise Rejected("target_not_postgresql", _("Name a database of PostgreSQL: postgres://…"))
    connections.settings[TARGET] = connections.configure_settings(
        {"default": connections.settings[SOURCE], TARGET: parsed}
    )[TARGET]
    try:
        tables = tables_of(connections[TARGET])
    except DatabaseError as error:
        raise Rejected(
            "target_unreachable", _("The new database does not answer: %(why)s"), why=error
        ) from error
    if tables:
        raise Conflict("target_not_empty", _("The new database has tables. Name an empty one."))
    call_command("migrate", database=TARGET, verbosity=0, interactive=False)


def _models() -> list[type[Model]]:
    every = apps.get_models(include_auto_created=True)
    kept = [model for model in every if model._meta.managed and not model._meta.proxy]
    return sorted(kept, key=lambda model: model._meta.db_table)


def _empty_target(models: list[type[Model]]) -> None:
    """Take out what migrations put in: the source has its own, by other numbers."""
    with connections[TARGET].cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(_quoted(model._meta.db_table) for model in models))
        # Bookings that were taken in good order may exceed what an offer's places are today.
        cursor.execute("ALTER TABLE bookings_booking DISABLE TRIGGER bookings_guard_places")


def _copied(model: type[Model]) -> Copied:
    """Copy a table and compare it."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    for rows in _batches(model):
        query = InsertQuery(model)
        query.insert_values(fields, rows, raw=True)
        try:
            query.get_compiler(using=TARGET).execute_sql()
        except (DatabaseError, ValueError) as error:
            raise Rejected(
                "row_refused",
                _("PostgreSQL refuses a row of %(table)s with a key from %(first)s to %(last)s: %(why)s"),
                table=model._meta.db_table,
                first=rows[0].pk,
                last=rows[-1].pk,
                # Its detail would tell the whole row.
                why=str(error).partition("\n")[0],
            ) from error
    before, after = (_digested(model, fields, using) for using in (SOURCE, TARGET))
    if before != after:
        raise Rejected(
            "copy_differs",
            _("%(table)s differs after copying: %(before)s and %(after)s."),
            table=model._meta.db_table,
            before=before,
            after=after,
        )
    return before


def _batches(model: type[Model]) -> Iterator[list[Model]]:
    rows = iter(model._base_manager.using(SOURCE).order_by("pk").iterator(chunk_size=_ROWS_AT_ONCE))
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield batch


def _digested(model: type[Model], fields: list[Field[Any, Any]], using: str) -> Copied:
    """Add up the digests of all rows, so that the order in which an engine gives them does not matter."""
    total = rows = 0
    found = model._base_manager.using(using).order_by().values_list(*(field.attname for field in fields))
    for row in found.iterator(chunk_size=_ROWS_AT_ONCE):
        text = json.dumps([plain(value) for value in row], sort_keys=True)
        total += int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        rows += 1
    return Copied(model._meta.db_table, rows, f"{total % 2**256:064x}"[:16])


def plain(value: Any) -> Any:
    """Return what JSON can write of a stored value, the same for both engines."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, memoryview | bytes):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        # Inside JSON, PostgreSQL keeps decimal numbers: 1e3 comes back as 1000.
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be compared")


def _finish_target(models: list[type[Model]]) -> None:
    target = connections[TARGET]
    with target.cursor() as cursor:
        # What is still to be checked of keys is checked now; a table with open checks cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE bookings_booking ENABLE TRIGGER bookings_guard_places")
        for statement in target.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
    if found := disorders(target):
        raise Rejected("copy_differs", "%(found)s", found="; ".join(found))


def _close_source() -> None:
    source = connections[SOURCE]
    with source.cursor() as cursor:
        for table in tables_of(source):
            for write in _WRITES:
                cursor.execute(
                    f"CREATE TRIGGER {_quoted(f'{MOVED}_{table}_{write.lower()}')} BEFORE {write}"
                    f" ON {_quoted(table)} BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
                )


def _quoted(name: str) -> str:
    return f'"{name}"'
