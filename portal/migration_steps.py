"""Steps of migrations: indexes built while others write, and what only PostgreSQL has.

A migration of these has to be `atomic = False`, and holds nothing else: when one is broken off, the next
`migrate` begins it again. An index that stands already is left; one that was not finished is built anew.
"""

from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations import AddIndex, RunPython

_STATE_OF_INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexGently(AddIndex):
    """Add an index; PostgreSQL builds it while others write."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Add the index."""
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if connection.vendor == "postgresql":
            if self.allow_migrate_model(connection.alias, model):
                sql = self.index.create_sql(model, schema_editor, concurrently=True)
                _build(schema_editor, self.index.name, sql)
        elif not _is_in_table(schema_editor, model, self.index.name):
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Take the index away."""
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(
            connection.alias, from_state.apps.get_model(app_label, self.model_name)
        ):
            _drop(schema_editor, self.index.name)


def index_on_postgresql(name: str, definition: str) -> RunPython:
    """Return a step that builds an index that Django's models cannot name on every database."""

    def build(_apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _build(schema_editor, name, f"CREATE INDEX CONCURRENTLY {name} ON {definition}")

    return RunPython(build, _dropping(name))


def trigrams_on_postgresql(name: str, definition: str) -> RunPython:
    """Return a step that builds an index of trigrams; none where the extension cannot be had.

    Whatever is looked for is found without it too, only more slowly.
    """

    def build(_apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            return
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError:
            return
        _build(schema_editor, name, f"CREATE INDEX CONCURRENTLY {name} ON {definition}")

    return RunPython(build, _dropping(name))


def _build(schema_editor: Any, name: str, sql: Any) -> None:
    # What only shows the SQL of a migration asks nothing of the database.
    if not schema_editor.collect_sql:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_STATE_OF_INDEX, [schema_editor.quote_name(name)])
            row = cursor.fetchone()
        if row == (True,):
            return
        if row is not None:
            _drop(schema_editor, name)
    schema_editor.execute(sql, params=None)


def _drop(schema_editor: Any, name: str) -> None:
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}")


def _dropping(name: str) -> Any:
    def drop(_apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _drop(schema_editor, name)

    return drop


def _is_in_table(schema_editor: Any, model: Any, name: str) -> bool:
    if schema_editor.collect_sql:
        return False
    with schema_editor.connection.cursor() as cursor:
        table = model._meta.db_table
        return name in schema_editor.connection.introspection.get_constraints(cursor, table)
