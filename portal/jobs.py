"""Jobs: their queue in the database, written in one ready statement, and what a waiting job does not keep."""

from typing import Any

from django.db import connections
from django_tasks_db import DatabaseBackend as Backend
from django_tasks_db.compat import normalize_json
from django_tasks_db.models import DBTaskResult, get_date_max

from portal.ready import insert


def give_connections_back() -> None:
    """Leave this thread's connections to others while it waits for somebody, where a pool lends them.

    Within a transaction it keeps them.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


class DatabaseBackend(Backend):  # type: ignore[misc]  # the library is not typed for us
    """Puts a job beside the change that it follows; every booking does."""

    def _task_to_db_task(self, task: Any, args: Any, kwargs: Any) -> DBTaskResult:
        row = DBTaskResult(
            id=self._get_id(),
            args_kwargs=normalize_json({"args": args, "kwargs": kwargs}),
            priority=task.priority,
            task_path=task.module_path,
            queue_name=task.queue_name,
            # Here the library's signal before a `save` puts this.
            run_after=task.run_after or get_date_max(),
            backend_name=self.alias,
        )
        insert(row)
        return row
