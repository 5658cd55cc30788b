"""Opening and reading the earlier system's database: an SQLite file, or an SQL dump of one."""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

TABLES: Mapping[str, tuple[str, ...]] = {
    "vouchers": (
        "id",
        "issuer_uid",
        "holder_uid",
        "service_type",
        "title",
        "description",
        "duration_minutes",
        "valid_from",
        "valid_until",
        "price_amount",
        "price_currency",
        "status",
        "transferable",
        "terms",
        "created_at",
    ),
    "voucher_bookings": (
        "id",
        "voucher_id",
        "issuer_uid",
        "holder_uid",
        "slot_id",
        "slot_start",
        "slot_end",
        "status",
        "cancel_reason",
        "created_at",
        "cancelled_at",
    ),
    "events": ("id", "type", "actor_id", "subject_type", "subject_id", "meta", "created_at"),
}
_MAGIC = b"SQLite format 3\x00"
MOST_DUMP_BYTES = 1024**3
_AT_ONCE = 500
Row = dict[str, Any]

# What a dump may do: make tables and fill them. It may not attach other files, load code, or
# look at anything else of this machine.
_ALLOWED = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_REINDEX,
}
_FUNCTIONS = {"replace", "char", "unistr"}
_PRAGMAS = {"foreign_keys", "defer_foreign_keys"}


class SourceError(Exception):
    """A file that is no such database; the text says why."""


def _may(action: int, first: str | None, second: str | None, *_place: object) -> int:
    is_allowed = (
        action in _ALLOWED
        or (action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS)
        or (action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS)
        or (action == sqlite3.SQLITE_DELETE and first == "sqlite_sequence")
    )
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database, a dump by way of a temporary one; nothing of it is changed.

    Raises SourceError for what cannot be read, and for tables or columns that are missing.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC))
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    if not begin:
        raise SourceError(f"{path} is empty.")
    with tempfile.TemporaryDirectory() as folder:
        source = path if begin == _MAGIC else _loaded(path, Path(folder) / "dump.sqlite3")
        connection = sqlite3.connect(f"file:{quote(str(source.resolve()))}?mode=ro", uri=True)
        # Bytes that are no UTF-8 are kept as marks that no rule lets pass, and refused row by row.
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        try:
            _check(connection, path)
            yield connection
        except sqlite3.DatabaseError as error:
            raise SourceError(f"{path} is no database that can be read: {error}.") from error
        finally:
            connection.close()


def _loaded(path: Path, into: Path) -> Path:
    """Return a new database with what a dump makes."""
    if path.stat().st_size > MOST_DUMP_BYTES:
        raise SourceError(
            f"{path} is larger than {MOST_DUMP_BYTES // 1024**2} MB; import the database itself."
        )
    try:
        script = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is neither an SQLite database nor a dump in UTF-8.") from error
    connection = sqlite3.connect(into, isolation_level=None)
    connection.set_authorizer(_may)
    try:
        connection.executescript(script)
        if connection.in_transaction:
            connection.execute("COMMIT")
    except (sqlite3.Error, ValueError) as error:
        raise SourceError(f"{path} is no dump of tables and rows alone: {error}.") from error
    finally:
        connection.close()
    return into


def _check(connection: sqlite3.Connection, path: Path) -> None:
    for table, columns in TABLES.items():
        found = {name for _number, name, *_rest in connection.execute(f"PRAGMA table_info({table})")}
        if not found:
            raise SourceError(f"{path} has no table {table}.")
        missing = [name for name in columns if name not in found]
        if missing:
            raise SourceError(f"{path}: the table {table} has no column {', '.join(missing)}.")


def number_of(connection: sqlite3.Connection, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours


def chunks(connection: sqlite3.Connection, table: str) -> Iterator[list[Row]]:
    """Yield a table's rows, some hundred at a time, in the order of the file."""
    columns = TABLES[table]
    cursor = connection.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - names of ours
    while rows := cursor.fetchmany(_AT_ONCE):
        yield [dict(zip(columns, row, strict=True)) for row in rows]
