"""Statements that are written out once: Django takes longer to compile most than a database to answer them.

For what every booking, every call of the API, every mail and every webhook asks, and only there;
everything else is the ORM's. `insert_many` is for rows by the hundred: `bulk_create` writes out each.
A `Ready` query is an ordinary queryset in which `Given` stands for the values that differ. `insert` and
`update` write as a model's `save` and a queryset's `update` do, for models without signals of their own.

Their text is always the same, so that PostgreSQL keeps their plans (see `portal.postgresql`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, JSONField, Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)
_DEFAULT = "default"
_PLAIN = frozenset({str, int, bool, type(None)})


class Given(Expression):
    """A value of a `Ready` query that is told when it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:  # type: ignore[override]  # noqa: ARG002
        """Return a place for a value, and what will be replaced by it."""
        return "%s", [self]


def statement(connection: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    """Return a cursor for statements that come again and again."""
    prepared = getattr(connection, "prepared_cursor", connection.cursor)
    return cast("AbstractContextManager[Any]", prepared())


@contextmanager
def count(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """Give a cursor for a statement of its own that counts or notes what a power cut may take.

    On SQLite it waits for its turn to write, and for no disk; see `portal.sqlite`.
    """
    queued = getattr(connection, "queued", None)
    with queued(lasting=False) if queued else nullcontext(), statement(connection) as cursor:
        yield cursor


class Ready(Generic[M]):
    """A query for rows of one model, asked again and again with other values.

    `make` returns the queryset, always the same; it is called once for each connection.
    """

    def __init__(self, make: Callable[[], QuerySet[M, Any]]) -> None:
        self._make = make

    def all(self, **given: Any) -> list[M]:
        """Return the rows as objects, with what the queryset's `select_related` names."""
        query = self._compiled()
        return query.objects(query.answer(given))

    def first(self, **given: Any) -> M | None:
        """Return the first of the rows; a query that may find many has to limit itself."""
        return next(iter(self.all(**given)), None)

    def get(self, **given: Any) -> M:
        """Return the first of the rows; raises the model's DoesNotExist when there is none."""
        found = self.first(**given)
        if found is None:
            model: Any = self._make().model
            raise model.DoesNotExist
        return found

    def values(self, **given: Any) -> list[Any]:
        """Return the rows of a `values_list`, as tuples."""
        query = self._compiled()
        return [tuple(row) for row in query.converted(query.answer(given))]

    def _compiled(self) -> "_Compiled":
        # Each thread has a connection of its own, and so its own compiled queries.
        connection: Any = connections[router.db_for_read(Model)]
        kept: dict[object, _Compiled] = connection.__dict__.setdefault("ready_queries", {})
        found = kept.get(self)
        if found is None:
            found = kept[self] = _Compiled(self._make(), connection)
        return found


class _Compiled:
    """A query as its database reads it, and how its rows become objects."""

    def __init__(self, queryset: QuerySet[Any, Any], connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._compiler: Any = queryset.query.get_compiler(connection=connection)
        sql, parameters = self._compiler.as_sql()
        self._parameters = [one for one in parameters if not _is_word(one)]
        # Words of the code stand in the statement: only so does a database see, before the values
        # are told, that an index with a condition serves.
        self._sql = sql % tuple(f"'{one}'" if _is_word(one) else "%s" for one in parameters)
        columns = [column for column, _sql, _alias in self._compiler.select]
        # By place in the row: what turns a value of the database's into Python's.
        self._converters = list(self._compiler.get_converters(columns).items())
        shape = self._compiler.klass_info
        if shape is None:
            return
        select = self._compiler.select
        self._model = shape["model"]
        self._from, self._to = shape["select_fields"][0], shape["select_fields"][-1] + 1
        self._names = [column[0].target.attname for column in select[self._from : self._to]]
        populators: Any = get_related_populators
        self._related = populators(shape, select, connection.alias)

    def answer(self, given: Mapping[str, Any]) -> list[Any]:
        """Ask the database."""
        values = [
            adapted(self._connection, given[one.name]) if isinstance(one, Given) else one
            for one in self._parameters
        ]
        with statement(self._connection) as cursor:
            cursor.execute(self._sql, values)
            found: list[Any] = cursor.fetchall()
        return found

    def converted(self, found: list[Any]) -> Iterator[list[Any]]:
        """Yield rows with the values that Python knows."""
        for row in found:
            values = list(row)
            for place, (converters, column) in self._converters:
                for convert in converters:
                    values[place] = convert(values[place], column, self._connection)
            yield values

    def objects(self, found: list[Any]) -> list[Any]:
        """Return rows as objects of the model."""
        made = []
        for row in self.converted(found):
            one = self._model.from_db(self._connection.alias, self._names, row[self._from : self._to])
            for related in self._related:
                related.populate(row, one)
            made.append(one)
        return made


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[a-z_]*", value) is not None


def adapted(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """Return a value of a condition as the database takes it."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def as_stored(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a `values_list` as the database gives them.

    On SQLite times are naive, and truths are numbers; JSON is text on both databases.
    """
    connection = connections[rows.db]
    try:
        sql, parameters = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        # Conditions that nothing fulfils.
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


@cache
def _insertion(model: type[Model], condition: str = "") -> tuple[str, list[Any]]:
    """Return the statement that inserts a row, and its fields; a key that the database makes is told.

    With a condition the key is always told, of the row that was inserted.
    """
    quote = connections[_DEFAULT].ops.quote_name
    key = model._meta.pk
    is_made = key.get_internal_type() in ("AutoField", "BigAutoField", "SmallAutoField")
    fields = [field for field in model._meta.concrete_fields if not (is_made and field is key)]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    row = f"SELECT {marks} WHERE {condition}" if condition else f"VALUES ({marks})"
    told = f" RETURNING {quote(str(key.column))}" if is_made or condition else ""
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) {row}{told}", fields


def _stored(field: Any, value: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return a field's value as the database takes it; most are that already, and asking takes long."""
    is_plain = type(value) in _PLAIN and not isinstance(field, JSONField)
    return value if is_plain else field.get_db_prep_save(value, connection)


def insert(row: Model) -> None:
    """Insert a row, as `save(force_insert=True)` does."""
    connection = connections[_DEFAULT]
    sql, fields = _insertion(type(row))
    with statement(connection) as cursor:
        cursor.execute(sql, _values(row, fields, connection))
        if row.pk is None:
            row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, _DEFAULT


def insert_many(rows: Sequence[Model]) -> None:
    """Insert rows of one model whose keys are told, as `bulk_create` does."""
    if not rows:
        return
    connection = connections[_DEFAULT]
    sql, fields = _insertion(type(rows[0]))
    with statement(connection) as cursor:
        cursor.executemany(sql, [_values(row, fields, connection) for row in rows])
    for row in rows:
        row._state.adding, row._state.db = False, _DEFAULT


def insert_if(row: Model, condition: str, values: Iterable[Any]) -> bool:
    """Insert a row as `insert` does if a condition, always the same SQL, holds; tells whether it did."""
    connection = connections[_DEFAULT]
    sql, fields = _insertion(type(row), condition)
    told = [adapted(connection, value) for value in values]
    with statement(connection) as cursor:
        cursor.execute(sql, [*_values(row, fields, connection), *told])
        found = cursor.fetchone()
    if found is None:
        return False
    (row.pk,) = found
    row._state.adding, row._state.db = False, _DEFAULT
    return True


def _values(row: Model, fields: list[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    return [_stored(field, field.pre_save(row, add=True), connection) for field in fields]


# What stands in a condition behind a field's name, and what the database is told for it.
_COMPARED = {"": "=", "gt": ">"}


@cache
def _changing(
    model: type[Model], names: tuple[str, ...], conditions: tuple[str, ...], to: str
) -> tuple[str, list[Any]]:
    """Return the statement that changes these fields of the rows that fulfil these conditions."""
    quote = connections[_DEFAULT].ops.quote_name
    by_name: dict[str, Field[Any, Any]] = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    sets = ", ".join(to.format(quote(str(field.column))) for field in fields)
    wanted = []
    for condition in conditions:
        name, _, compared = condition.partition("__")
        fields.append(by_name[name])
        wanted.append(f"{quote(str(by_name[name].column))} {_COMPARED[compared]} %s")
    table = quote(model._meta.db_table)
    return f"UPDATE {table} SET {sets} WHERE {' AND '.join(wanted)}", fields  # noqa: S608 - names of ours


def update(model: type[Model], changes: Mapping[str, Any], **where: Any) -> int:
    """Set fields as a queryset's `update` does; returns how many rows were changed.

    Fields are named as a row has them ("offer_id"); conditions are equal to a value, or "<field>__gt".
    """
    return _change(model, changes, where, "{0} = %s")


def increase(model: type[Model], numbers: Mapping[str, int], **where: Any) -> int:
    """Add to fields; returns how many rows were changed."""
    return _change(model, numbers, where, "{0} = {0} + %s")


def _change(model: type[Model], changes: Mapping[str, Any], where: Mapping[str, Any], to: str) -> int:
    connection = connections[_DEFAULT]
    sql, fields = _changing(model, tuple(changes), tuple(where), to)
    values = [*changes.values(), *where.values()]
    told = [_stored(field, value, connection) for field, value in zip(fields, values, strict=True)]
    with statement(connection) as cursor:
        cursor.execute(sql, told)
        return int(cursor.rowcount)
