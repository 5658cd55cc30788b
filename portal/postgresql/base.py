"""The database backend that settings name for PostgreSQL."""

import select
from typing import Any

from django.db.backends.postgresql import base


class _KeptCursor(base.ServerBindingCursor):
    """A cursor that stays open: making one takes longer than preparing what it sends."""

    def close(self) -> None:
        """Stay open for the next statement; it ends with its connection."""


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that asks the server whether it lives only when there is a sign that it may not.

    Django asks with a statement before each request's first: half of what a heartbeat costs. A server
    that stops, crashes or hangs up closes its end, and the operating system knows that at once; of one
    that has vanished without a word, keep-alives tell (see the options in the settings).
    """

    _kept: Any = None

    def is_usable(self) -> bool:
        """Tell whether the connection can be used; one that nothing has been heard from since can."""
        if self.connection is None or self.connection.closed:
            return False
        look = select.poll()
        look.register(self.connection.fileno(), select.POLLIN)
        # On a connection between two statements there is nothing to read but its end, or a notice.
        return not look.poll(0) or super().is_usable()

    def prepared_cursor(self) -> Any:
        """Return a cursor that sends values apart from the statement, always the same one.

        Only so is a statement that comes again the same, which the server has planned already:
        Django's own cursors write the values into it. What one statement was answered has to be
        read before the next one is asked.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self._kept is None or self._kept.connection is not self.connection:
            with self.wrap_database_errors:
                # The connection has its time zone's loader already, and its cursors inherit that.
                cursor: Any = _KeptCursor
                self._kept = cursor(self.connection)
        return self._prepare_cursor(self._kept)  # type: ignore[attr-defined]  # not in the stubs
