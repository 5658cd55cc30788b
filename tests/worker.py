"""The worker, run to the end of its queue inside a test."""

from unittest.mock import patch

from django.core.management import call_command


def work(queue: str = "default") -> None:
    """Run what is ready now, as a worker does, on the test's own connection.

    A worker renews its connection between jobs; PostgreSQL would forget the test's transaction.
    """
    with patch("django_tasks_db.management.commands.db_worker.close_old_connections"):
        call_command(
            "db_worker",
            queue_name=queue,
            batch=True,
            reload=False,
            startup_delay=False,
            interval=0,
            verbosity=0,
        )
