"""What tests compare before and after: everything that is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, Model
from django_tasks_db.models import DBTaskResult

from bookings.models import Booking, Hold, Mail
from events.models import Event
from portal.errors import Conflict, Rejected
from vouchers.models import Batch, Voucher
from waiting.models import Entry


class BrokenOffError(Exception):
    """What a test breaks a verb off with."""


def break_off(*_args: object, **_values: object) -> None:
    raise BrokenOffError


_CHANGEABLE: tuple[type[Model], ...] = (Voucher, Batch, Booking, Hold, Entry, Event, Mail, DBTaskResult)


def stored() -> dict[str, list[dict[str, Any]]]:
    """Every row that a verb could write, whole, as the database has it."""
    found = {}
    with connection.cursor() as cursor:
        for model in _CHANGEABLE:
            cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY {model._meta.pk.column}")
            names = [column[0] for column in cursor.description]
            found[model._meta.label] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


@contextmanager
def refused(code: str, kind: type[Rejected] = Rejected) -> Iterator[pytest.ExceptionInfo[Rejected]]:
    """Expect exactly this refusal, and that it has changed nothing."""
    before = stored()
    with pytest.raises(Rejected) as refusal:
        yield refusal
    assert refusal.value.code == code
    assert type(refusal.value) is kind
    assert refusal.value.message
    assert stored() == before


@contextmanager
def conflicting(code: str) -> Iterator[None]:
    """Expect a refusal for the present state, and that it has changed nothing."""
    with refused(code, Conflict):
        yield


@contextmanager
def unchanged() -> Iterator[None]:
    """Expect that nothing is written."""
    before = stored()
    yield
    assert stored() == before


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is written inside: for the many runs of one property test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def assert_batches_count_true() -> None:
    """The counters of every batch are what counting its open vouchers gives."""
    truth = {
        (row["batch"], row["status"]): row["number"]
        for row in Voucher.objects.filter(holder_uid="", batch__isnull=False)
        .order_by()
        .values("batch", "status")
        .annotate(number=Count("pk"))
    }
    for batch in Batch.objects.all():
        for status in ("issued", "consumed", "cancelled", "expired"):
            assert getattr(batch, f"open_{status}") == truth.get((batch.pk, status), 0), (batch.pk, status)
