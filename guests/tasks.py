"""Work that a worker does after the commit."""

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from bookings.outbox import owe_link
from guests.models import LinkRequest


@task()  # type: ignore[untyped-decorator]
def send_link(request_id: int) -> None:
    """Owe a guest link to the address of a request, if it has booked, and forget the request."""
    with transaction.atomic():
        asked = LinkRequest.objects.filter(pk=request_id).first()
        if asked is not None:
            asked.delete()
            owe_link(asked.address, now=timezone.now())
