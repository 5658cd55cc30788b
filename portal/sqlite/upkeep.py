"""What SQLite does not do by itself."""

from django.db import connection

# Rows that are looked at for each index: enough to tell a rare value from a common one, at any size.
_MOST_ROWS = 1000


def learn_statistics() -> None:
    """Let SQLite look how its rows are spread, so that it chooses the index that finds fewest.

    Connections that are open learn of it when they are renewed. Does nothing on another database.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {_MOST_ROWS}")
        cursor.execute("ANALYZE")
