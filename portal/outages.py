"""Which errors of the database mean that it is away, and worth asking again: 503, not a fault of ours."""

from django.db import DatabaseError, InterfaceError, OperationalError

# What a database says to every write after it has moved elsewhere: see operations.moving.
MOVED = "portal_moved"


def is_outage(error: Exception) -> bool:
    """Tell whether the database cannot be had, or has moved and this process does not know yet."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DatabaseError) and MOVED in str(error)
