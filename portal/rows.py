"""Rows of statements written by hand: for reads so frequent that writing them by the ORM would cost more.

The statement has to be the same for SQLite and PostgreSQL. SQLite gives times back as text.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connections, router
from django.db.models import Model

from portal.ready import statement


def rows_of(model: type[Model], sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, asked where a model is read; `%s` stands for a value."""
    connection = connections[router.db_for_read(model)]
    adapt = connection.ops.adapt_datetimefield_value
    values = [adapt(value) if isinstance(value, datetime) else value for value in params]
    with statement(connection) as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def places_for(values: Sequence[Any]) -> str:
    """Return the marks of a list of values, for `IN`."""
    return f"({', '.join(['%s'] * len(values))})"


def as_moment(value: Any) -> datetime:
    """Return an instant of a row, in UTC."""
    moment: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC)


def as_time(value: Any) -> time:
    """Return a time of the day of a row."""
    return time.fromisoformat(value) if isinstance(value, str) else value


def as_date(value: Any) -> date:
    """Return a day of a row."""
    return date.fromisoformat(value) if isinstance(value, str) else value
