"""Steps of migrations: indexes built while others write, and what only PostgreSQL has."""

from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations import AddIndex, RunPython


class AddIndexGently(AddIndex):
    """Add an index; PostgreSQL builds it while others write, so the migration has to be `atomic = False`.

    When the building is broken off, PostgreSQL keeps an invalid index of that name: drop it and
    migrate again.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Add the index."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(self.index.create_sql(model, schema_editor, concurrently=True), params=None)


def index_on_postgresql(name: str, definition: str) -> RunPython:
    """Return a step that builds an index that Django's models cannot name on every database."""

    def build(_apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}")

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
        schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}")

    return RunPython(build, _dropping(name))


def _dropping(name: str) -> Any:
    def drop(_apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")

    return drop
