"""What SQLite cannot know of its rows, since it knows averages alone."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func, Q


class Usually(Func):
    """A condition that most rows fulfil; to PostgreSQL it is the condition alone.

    One value in a column of many different ones may be that of most rows. SQLite reckons with as many
    for each, and would take the index of that column and read nearly the whole table by it. See
    https://www.sqlite.org/lang_corefunc.html#likelihood.
    """

    function = "likelihood"
    template = "%(function)s(%(expressions)s, 0.9)"
    output_field = BooleanField()

    def __init__(self, condition: Q) -> None:
        super().__init__(condition)

    def as_postgresql(self, compiler: Any, _connection: BaseDatabaseWrapper) -> Any:
        """Return the condition alone: it knows which values are common."""
        return compiler.compile(self.source_expressions[0])
