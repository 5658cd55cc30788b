"""The transaction of a verb, and of a request that is nothing but one.

A savepoint costs two trips to the database. A verb needs one where its caller goes on after a refusal;
in a request that is taken back whole it needs none.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import transaction

_WHOLE = "is_taken_back_whole"


@contextmanager
def taken_back_whole() -> Iterator[None]:
    """Run a transaction that any refusal within ends: it has to leave this block, nothing can follow it.

    Django sees to that: after a refusal, statements raise TransactionManagementError until the end.
    """
    connection = transaction.get_connection()
    before = getattr(connection, _WHOLE, False)
    with transaction.atomic():
        setattr(connection, _WHOLE, True)
        try:
            yield
        finally:
            setattr(connection, _WHOLE, before)


def all_or_nothing() -> AbstractContextManager[None]:
    """Return the transaction of a verb: what it refuses leaves nothing, wherever it was called."""
    is_whole = getattr(transaction.get_connection(), _WHOLE, False)
    return transaction.atomic(savepoint=not is_whole)
