"""Rows that are gathered aside, so that storing very many of them takes one short statement."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from django.db import connection
from django.db.models import Model


class Stage:
    """Rows on their way into a model's table.

    They are gathered in a temporary table, which this connection alone has: that takes no lock
    that anyone waits for, and a process that dies leaves nothing. Memory does not grow with
    their number. To be used with `with`, on one connection.
    """

    def __init__(self, model: type[Model]) -> None:
        quote = connection.ops.quote_name
        self._fields: Sequence[Any] = model._meta.concrete_fields
        self._key = quote(str(model._meta.pk.column))
        self._table = quote(model._meta.db_table)
        self._aside = quote(f"staged_{model._meta.db_table}")
        self._columns = ", ".join(quote(str(field.column)) for field in self._fields)

    def __enter__(self) -> Self:
        self._run(f"DROP TABLE IF EXISTS {self._aside}")
        self._run(
            f"CREATE TEMPORARY TABLE {self._aside} AS SELECT {self._columns} FROM {self._table} WHERE 1 = 0"  # noqa: S608 - names of ours
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A transaction that has failed takes no statement; its end takes the table with it.
        if not connection.needs_rollback and connection.is_usable():
            self._run(f"DROP TABLE IF EXISTS {self._aside}")

    def add(self, rows: Iterable[Model]) -> None:
        """Gather rows; nothing is checked yet."""
        values = [
            [field.get_db_prep_save(getattr(row, field.attname), connection) for field in self._fields]
            for row in rows
        ]
        marks = ", ".join(["%s"] * len(self._fields))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {self._aside} ({self._columns}) VALUES ({marks})",  # noqa: S608
                values,
            )

    def store(self) -> int:
        """Put all gathered rows into the table, in the caller's transaction; returns how many.

        The table's constraints hold as ever. In the order of their keys: so an index grows at its end.
        """
        return self._run(
            f"INSERT INTO {self._table} ({self._columns})"  # noqa: S608 - names of ours
            f" SELECT {self._columns} FROM {self._aside} ORDER BY {self._key}"
        )

    def _run(self, sql: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return int(cursor.rowcount)
