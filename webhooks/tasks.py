"""Work that a worker does for receivers, on a queue of its own."""

import logging
import random
import time
from datetime import datetime, timedelta

import requests
from django.utils import timezone
from django_tasks import task
from requests_hardened.ip_filter import InvalidIPAddress

from events.queries import event_facts
from portal.jobs import give_connections_back
from webhooks.deliveries import claim, note_failure, note_success
from webhooks.models import Delivery
from webhooks.network import PlainHttpError, TooSlowError, post
from webhooks.signing import body_of, headers_of

logger = logging.getLogger(__name__)
QUEUE = "webhooks"


def jitter() -> float:
    """Return a number from 0 to 1 by chance: how much longer this delivery waits than others."""
    return random.random()  # noqa: S311 - nothing to guess


@task(queue_name=QUEUE)  # type: ignore[untyped-decorator]
def deliver(delivery_id: int) -> None:
    """Send an event to its receiver once; dispatch brings it back when that fails.

    A worker that dies between sending and noting it makes the event arrive twice, with one
    webhook-id; none is lost.
    """
    delivery = claim(delivery_id, now=timezone.now())
    if delivery is None:
        return
    began = time.monotonic()
    status, error = _send(delivery, at=timezone.now())
    took = timedelta(seconds=time.monotonic() - began)
    if not error:
        note_success(delivery, status=status or 0, took=took, now=timezone.now())
        return
    logger.warning("Delivery %s failed at attempt %s: %s", delivery.pk, delivery.attempts + 1, error)
    note_failure(delivery, status=status, error=error, took=took, jitter=jitter(), now=timezone.now())


def _send(delivery: Delivery, *, at: datetime) -> tuple[int | None, str]:
    """Return the answer's status, and what went wrong: nothing of the address, which may hold a key."""
    receiver = delivery.subscription
    body = body_of(event_facts(delivery.event))
    headers = headers_of(delivery.event_id, body, signed_with=receiver.secrets(at), at=at)
    # A receiver may take its time: a connection of the pool, where there is one, is others' meanwhile.
    give_connections_back()
    try:
        status = post(receiver.url, body, headers)
    except InvalidIPAddress:
        return None, "not a public address"
    except PlainHttpError:
        return None, "a public address without TLS"
    except (TooSlowError, requests.Timeout):
        return None, "no answer in time"
    except requests.exceptions.SSLError:
        return None, "no valid certificate"
    except (requests.RequestException, OSError, ValueError) as error:
        # urllib3 refuses what is not an address with errors of its own, which are ValueErrors.
        return None, type(error).__name__
    if 200 <= status < 300:
        return status, ""
    return status, f"answered {status}"
