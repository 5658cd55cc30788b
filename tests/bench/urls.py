"""The portal's addresses and bare views of the same stack."""

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt


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


urlpatterns = [path("bare/", bare), path("bench/reset/", reset), path("", include("portal.urls"))]
