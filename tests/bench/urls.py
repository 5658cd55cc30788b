"""The portal's addresses and bare views of the same stack."""

import os
from functools import cache
from pathlib import Path

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from tests.bench.script import ANSWER, Script


def bare(_request: HttpRequest) -> JsonResponse:
    """Answer one constant line."""
    return JsonResponse({"ok": True})


# What bookings of the pool have left is taken away, so that it can be booked again.
_RESET = """
DELETE FROM django_tasks_database_dbtaskresult;
DELETE FROM bookings_mail WHERE booking_id IN (SELECT id FROM bookings_booking WHERE {pool});
DELETE FROM access_givenanswer;
DELETE FROM bookings_booking WHERE {pool};
UPDATE vouchers_voucher SET status = 'issued', holder_uid = '', expires_at = valid_until WHERE {pool};
UPDATE vouchers_batch SET open_issued = (
    SELECT count(*) FROM vouchers_voucher WHERE batch_id = vouchers_batch.id
) WHERE {pool}
"""
_POOL = "offer_id IN (SELECT id FROM vouchers_offer WHERE title LIKE 'Roomy hour%%')"


@csrf_exempt
@transaction.atomic
def reset(_request: HttpRequest) -> JsonResponse:
    """Open the pool's vouchers again."""
    with connection.cursor() as cursor:
        for statement in _RESET.format(pool=_POOL).split(";"):
            cursor.execute(statement, [])
    return JsonResponse({"ok": True})


@cache
def _script() -> Script:
    return Script.read(Path(os.environ["BENCH_SCRIPT"]).read_text())


@csrf_exempt
def booking_by_cursor(request: HttpRequest) -> JsonResponse:
    """Run the statements of a booking, and nothing else."""
    before, within = _script().filled(int(request.GET["n"]))
    # Another revision may have no cursor for statements that are prepared.
    prepared_cursor = getattr(connection, "prepared_cursor", connection.cursor)
    with prepared_cursor() as cursor:
        for sql, values in before:
            cursor.execute(sql, values)
    given: int | None = None
    with transaction.atomic(), prepared_cursor() as prepared, connection.cursor() as plain:
        for sql, values in within:
            # Several statements in one cannot be prepared.
            cursor = plain if ";" in sql else prepared
            cursor.execute(sql, [given if value == ANSWER else value for value in values])
            if "INSERT INTO access_givenanswer" in sql:
                if ";" in sql:
                    cursor.nextset()
                given = cursor.fetchone()[0]
    return JsonResponse({"ok": True})


urlpatterns = [
    path("bench/cursor/", booking_by_cursor),
    path("bare/", bare),
    path("bench/reset/", reset),
    path("", include("portal.urls")),
]
