"""Very many rows of one table at once, past the ORM: by COPY on PostgreSQL, in bulk on SQLite."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Model

_TOGETHER = 5000


def write(like: Model, varying: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows that are alike but for some fields, named as a row has them, in the caller's transaction.

    Times among the varying values have to be passed through `moment` before.
    """
    fields = [field for field in like._meta.concrete_fields if field.attname not in varying]
    fields = [field for field in fields if not field.primary_key or getattr(like, field.attname) is not None]
    fixed = [field.get_db_prep_save(getattr(like, field.attname), connection) for field in fields]
    columns = [*(_column(like, name) for name in varying), *(str(field.column) for field in fields)]
    whole = ((*row, *fixed) for row in rows)
    table = connection.ops.quote_name(like._meta.db_table)
    listed = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                for row in whole:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        while some := list(islice(whole, _TOGETHER)):
            cursor.executemany(f"INSERT INTO {table} ({listed}) VALUES ({marks})", some)


def _column(like: Model, name: str) -> str:
    return next(str(field.column) for field in like._meta.concrete_fields if field.attname == name)


def moment(value: Any) -> Any:
    """Return a time as the database takes it."""
    return connection.ops.adapt_datetimefield_value(value)
